package workflows_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/orderly-ops/orderly/workflows"
)

func TestSignalsThatArriveTogether(t *testing.T) {
	t.Parallel()
	// together sends signals while the desk looks up who Frank is, so that they are all there when it goes on.
	together := func(b *bench, at time.Duration, signals ...func()) {
		b.env.OnActivity(workflows.ActivityPerson, mock.Anything, mock.Anything).Return(
			func(_ context.Context, q workflows.PersonRequest) (workflows.Person, error) {
				if q.By == "frank" {
					for _, send := range signals {
						send()
					}
				}
				return b.people.person(context.Background(), q)
			})
		b.signal(at, "note", in{"by": "frank", "text": "look"})
	}
	t.Run("AreTakenInTheOrderTheyWereSent", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		together(b, 2*time.Minute,
			func() { b.env.SignalWorkflow("handover", in{"by": "ann", "to": "eve"}) },
			func() { b.env.SignalWorkflow("resolve", in{"by": "eve", "resolution": "it was the cable"}) })
		b.signal(3*time.Minute, "resolve", in{"by": "ann", "resolution": "too late"})
		rec := b.start("Outage")
		require.Equal(t, "Eve", rec.Incident.Resolved.By.Name, texts(rec, "message"))
	})
	t.Run("AnAcknowledgementAfterAnEscalationStopsIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		together(b, 2*time.Minute,
			func() { b.env.SignalWorkflow("escalate", in{"by": "ann"}) },
			func() { b.env.SignalWorkflow("acknowledge", in{"by": "ann"}) })
		b.signal(3*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		b.start("Outage")
		require.Equal(t, []string{"0s ann"}, b.people.sequence())
	})
}

// riddle is a payload that this worker can't read: somebody has encrypted it, say.
func riddle() converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: []byte{1, 2, 3}})
}

func TestSignalsThatCarryNothing(t *testing.T) {
	t.Parallel()
	for title, payload := range map[string]any{"Null": nil, "Text": "ann", "Bytes": []byte("ann"), "AList": []string{"ann"}, "ANumber": 7, "Riddles": riddle()} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := setup(t, outage)
			b.signal(time.Minute, "acknowledge", payload)
			b.signal(2*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
			rec := b.start("Outage")
			require.NotEmpty(t, texts(rec, "message"), "it is in the timeline, not dropped in silence")
			require.Contains(t, texts(rec, "message")[0], "acknowledge refused: ")
		})
	}
}

func TestMessagesAtOddMoments(t *testing.T) {
	t.Parallel()
	every := []struct {
		name    string
		payload in
	}{
		{"acknowledge", in{"by": "ann"}}, {"complete", in{"by": "ann", "step": "respond"}}, {"decide", in{"by": "ann", "step": "x", "approve": true}},
		{"escalate", in{"by": "ann"}}, {"extend", in{"by": "ann", "clock": "update", "for": "5m", "reason": "x"}}, {"note", in{"by": "ann", "text": "x"}},
		{"update", in{"by": "ann", "text": "x"}}, {"severity", in{"by": "ann", "severity": "P1", "reason": "x"}}, {"handover", in{"by": "ann", "to": "bob"}},
		{"alert", in{"key": "k", "status": "firing", "summary": "x"}}, {"resolve", in{"by": "ann", "resolution": "x"}}, {"abort", in{"by": "ann", "reason": "x"}},
	}
	procedures := map[string]string{
		"OfAnIncident": outage,
		"OfARunThatIsNone": `
sop: outage
title: Outage
phases: [{id: a, steps: [{id: ready, ask: Ready, of: lead}]}]
finally: [{id: nap, wait: 10m}]
`,
		"InsideAnEach": `
sop: outage
title: Outage
incident: {level: level-1}
phases: [{id: a, steps: [{id: all, each: {in: [x, y], at_once: 2, steps: [{id: x, approve: Go, by: [lead]}]}}]}]
finally: [{id: nap, wait: 10m}]
`,
	}
	for title, source := range procedures {
		for _, at := range []time.Duration{0, time.Minute, 5 * time.Minute} {
			t.Run(title+"/"+at.String(), func(t *testing.T) {
				t.Parallel()
				b := setup(t, source)
				var answers []func() *answered
				for _, m := range every {
					answers = append(answers, b.ask(at, m.name, m.payload))
					b.signal(at, m.name, m.payload)
				}
				b.after(at+15*time.Minute, b.env.CancelWorkflow)
				rec := b.start("Outage")
				for i, a := range answers {
					require.NotNil(t, a(), every[i].name)
				}
				require.True(t, rec.State.Done())
				require.Less(t, len(rec.Timeline), 100)
			})
		}
	}
}

// TestNothingIsLostBetweenExecutions takes an incident in the middle of everything to a new execution.
func TestNothingIsLostBetweenExecutions(t *testing.T) {
	t.Parallel()
	const source = `
sop: outage
title: Outage
owners: [boss]
within: 5h
incident: {severity: P1, services: [api]}
phases:
  - id: a
    within: 4h
    steps:
      - id: both
        parallel:
          - {id: scope, ask: What is it, of: lead, within: 30m, remind: 7m, form: {users: {type: choice, options: [high, low], sets: user_impact}}}
          - {id: go, approve: Go, by: [leads, boss], quorum: 2, within: 2h}
          - {id: over, wait: {for: resolved}}
`
	b := setup(t, source)
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	b.signal(2*time.Minute, "decide", in{"by": "carol", "step": "go", "approve": true})
	b.signal(3*time.Minute, "extend", in{"by": "bob", "clock": "respond", "for": "40m", "reason": "vendor"})
	b.signal(4*time.Minute, "handover", in{"by": "bob", "to": "carol", "until": began.Add(2 * time.Hour)})
	b.signal(5*time.Minute, "alert", in{"key": "k", "status": "firing", "summary": "5xx", "labels": in{"a": "b"}})
	b.signal(6*time.Minute, "severity", in{"by": "carol", "severity": "P2", "reason": "fewer"})
	b.signal(31*time.Minute, "update", in{"by": "carol", "text": "at it"})
	var before *workflows.Record
	b.after(32*time.Minute, func() {
		before = b.record()
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("note", in{"by": "bob", "text": "lights out"})
	})
	next := b.successor("Outage", source, began.Add(32*time.Minute))
	var after *workflows.Record
	next.b.after(time.Second, func() { after = next.b.record() })
	next.b.signal(30*time.Minute, "decide", in{"by": "dora", "step": "go", "approve": true})
	next.b.signal(31*time.Minute, "resolve", in{"by": "carol", "resolution": "ok"})
	rec := next.start()
	before.Timeline, after.Timeline, before.Continued, before.Board, after.Board = nil, nil, 1, nil, nil
	before.Telling, after.Telling = nil, nil
	before.Revision = after.Revision // each execution gives the journal the record
	require.JSONEq(t, asJSON(t, before), asJSON(t, after))
	require.Equal(t, workflows.Succeeded, rec.State)
	require.Equal(t, workflows.Succeeded, step(t, rec, "go").State)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

func TestASignalOfAnUnknownNameIsAnsweredInTheTimeline(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.signal(time.Minute, "ack", in{"by": "ann"}) // nobody would learn that it is called acknowledge
	b.signal(2*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	rec := b.start("Outage")
	require.Contains(t, strings.Join(texts(rec, "message"), "\n"), `"ack"`)
}
