package workflows_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// TestARunThatCannotContinueAsNew has a record that is too large to be carried on, and people to ask.
func TestARunThatCannotContinueAsNewRemindsPeopleOnceEachTime(t *testing.T) {
	t.Parallel()
	var steps strings.Builder
	for i := range 4 {
		fmt.Fprintf(&steps, "      - {id: big%d, uses: test.do}\n", i)
	}
	b := setup(t, `
sop: release
title: Release
phases:
  - id: a
    steps:
`+steps.String()+`
      - {id: ready, ask: Ready, of: lead, remind: 10m, within: 45m, policy: quiet}
`)
	rnd := rand.New(rand.NewPCG(1, 2))
	b.do = func(context.Context, string, int, doInput) (doOutput, error) {
		noise := make([]byte, 1_000_000)
		for i := range noise {
			noise[i] = byte('0' + rnd.IntN(64))
		}
		return doOutput{Said: string(noise)}, nil
	}
	b.after(5*time.Minute, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("note", in{"by": "ann", "text": "x"})
	})
	b.signal(71*time.Minute, "complete", in{"by": "bob", "step": "ready"})
	rec := b.start("Release")
	require.Contains(t, fmt.Sprint(rec.Findings), "can't be carried on")
	require.Equal(t, 7, step(t, rec, "ready").Ask.Reminded)
	require.Len(t, only(b.people.tellings("lead"), "Still waiting: Ready"), 7)
	require.Equal(t, []string{"45m0s ann", "50m0s ann", "55m0s ann", "1h0m0s ann", "1h5m0s ann", "1h10m0s ann"}, b.people.sequence())
}

func TestRemindersGoOnInTheNextExecution(t *testing.T) {
	t.Parallel()
	b := setup(t, asking)
	b.after(7*time.Minute, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("note", in{"by": "ann", "text": "x"})
	})
	next := b.successor("Release", asking, began.Add(8*time.Minute))
	next.b.signal(6*time.Minute, "complete", in{"by": "ann", "step": "ready", "form": in{"plan": "x"}})
	rec := next.start()
	require.Equal(t, []string{"Ready", "Still waiting: Ready"}, b.people.tellings("coordinator"))
	require.Equal(t, []string{"Still waiting: Ready"}, next.b.people.tellings("coordinator"), "at 12 minutes")
	require.Equal(t, 2, step(t, rec, "ready").Ask.Reminded)
}

func TestUpdatesKeepTheirPaceThroughABreachAnExtensionAndAnotherExecution(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	b.signal(31*time.Minute, "extend", in{"by": "bob", "clock": "update", "for": "10m", "reason": "at it"}) // due at 70
	b.after(40*time.Minute, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("note", in{"by": "bob", "text": "x"})
	})
	next := b.successor("Outage", outage, began.Add(41*time.Minute), in{"severity": "P1"})
	for m := 10; m <= 100; m += 20 {
		next.b.signal(time.Duration(m)*time.Minute, "note", in{"by": "bob", "text": fmt.Sprint("at it ", m)})
	}
	next.b.signal(62*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"}) // at 103
	rec := next.start()
	require.Equal(t, began.Add(30*time.Minute), clockOf(t, rec, "update:1").Breached.UTC())
	require.Equal(t, began.Add(70*time.Minute), clockOf(t, rec, "update:2").Breached.UTC())
	require.Equal(t, "0s", clockOf(t, rec, "update:2").Lateness)
	require.Equal(t, began.Add(100*time.Minute), clockOf(t, rec, "update:3").Breached.UTC())
	require.Len(t, rec.Incident.Updates, 3)
	require.Contains(t, next.b.people.tellings("bob"), "A status update is due 03:24:00 UTC")
}

func TestMessagesThatComeBeforeTheProcedureIsRead(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	var ack *answered
	b.load = func(int) error {
		ack = b.send("acknowledge", in{"by": "ann"})
		b.env.SignalWorkflow("alert", in{"key": "k", "status": "firing", "summary": "5xx"})
		return nil
	}
	b.signal(20*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.env.ExecuteWorkflow("Outage")
	require.NoError(t, b.env.GetWorkflowError())
	rec := b.record()
	require.NoError(t, ack.err)
	require.Len(t, rec.Incident.Alerts, 1)
	require.Empty(t, b.people.sequence(), "whoever acknowledged before anybody was paged stops the paging")
}

func TestARoomThatIsBeingOpenedWhenTheIncidentIsResolvedIsArchived(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet, channel: incident}
phases: [{id: a, steps: [{id: over, wait: {for: resolved}}]}]
`)
	var closed []string
	b.env.OnActivity(workflows.ActivityRoom, mock.Anything, mock.Anything).After(time.Minute).Return(
		func(_ context.Context, q workflows.RoomRequest) (workflows.Room, error) {
			if q.Close {
				closed = append(closed, q.ID)
			}
			return workflows.Room{ID: "C1", Name: "incident"}, nil
		})
	b.signal(10*time.Second, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage")
	require.Equal(t, []string{"C1"}, closed)
}

func TestAPolicyThatReachesNobodyKeepsTryingAndDoesNotSpin(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.rules = rules()
	b.rules.Policies["quiet"] = sops.Policy{Tiers: []sops.Tier{{Page: []string{"nobody"}, Wait: minutes(5)}}}
	b.people.roles["nobody"] = nil
	pages := 0
	b.people.onPage = func(workflows.PageRequest) { pages++ }
	b.after(12*time.Hour, func() { b.people.roles["nobody"] = []string{"eve"} })
	b.signal(12*time.Hour+6*time.Minute, "resolve", in{"by": "dora", "resolution": "ok"})
	b.start("Outage", in{"level": "quiet"})
	require.Equal(t, []string{"12h0m0s eve", "12h5m0s eve"}, b.people.sequence())
	require.LessOrEqual(t, pages, 12*12+3)
}
