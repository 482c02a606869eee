package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// scoped asks the lead while somebody owns the incident.
const scoped = `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: scope, ask: What is affected, of: lead}, {id: over, wait: {for: resolved}}]}]
`

func TestAHandOver(t *testing.T) {
	t.Parallel()
	t.Run("ToTheOwnerPassesOpenAsksOn", func(t *testing.T) {
		t.Parallel()
		b := setup(t, scoped)
		b.env.OnActivity(workflows.ActivityTell, mock.Anything, mock.Anything).Return(
			func(_ context.Context, q workflows.TellRequest) (workflows.PageResult, error) {
				_, _ = b.people.tell(context.Background(), q)
				return workflows.PageResult{People: []workflows.PagedPerson{{ID: "bob", Name: "Bob", Outcomes: []notify.Outcome{{Recipient: "bob", Transport: "slack", State: notify.Sent}}}}}, nil
			})
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		over := b.ask(2*time.Minute, "handover", in{"by": "bob", "to": "ann"})
		b.signal(6*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		b.start("Outage")
		require.NoError(t, over().err)
		require.Contains(t, b.people.tellings("ann"), "Scope", "answered %q", over().answer.Now)
	})
	t.Run("ThatEndsDoesNotTakeTheIncidentFromWhoeverHasTakenItOnSince", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(2*time.Minute, "handover", in{"by": "ann", "to": "eve", "until": began.Add(3 * time.Hour)})
		b.signal(38*time.Minute, "acknowledge", in{"by": "bob"}) // Eve was silent for 30 and 5 minutes
		for m := 50; m < 190; m += 20 {
			b.signal(time.Duration(m)*time.Minute, "note", in{"by": "bob", "text": fmt.Sprint("at it ", m)})
		}
		b.signal(185*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P2"})
		require.Equal(t, "Bob", rec.Incident.Owner.Name)
	})
	t.Run("OfAnIncidentThatNobodyHasSaysSo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		over := b.ask(time.Minute, "handover", in{"by": "ann", "to": "eve", "until": began.Add(4 * time.Minute)})
		var owner *workflows.Party
		b.after(10*time.Minute, func() { owner = b.record().Incident.Owner })
		b.signal(11*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		b.start("Outage")
		require.NotContains(t, over().answer.Now, "Eve has it now", "she is no owner until she acknowledges")
		require.Nil(t, owner, "nobody has acknowledged, so nobody gets it back either")
	})
}

func TestAHelperIsNoSignOfLifeOfTheOwner(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.signal(time.Minute, "acknowledge", in{"by": "ann"})
	b.signal(25*time.Minute, "escalate", in{"by": "carol"})
	b.signal(26*time.Minute, "acknowledge", in{"by": "bob"})
	var checked time.Duration
	b.after(32*time.Minute, func() {
		if at := b.record().Incident.Checked; at != nil {
			checked = at.Sub(began)
		}
	})
	b.signal(33*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
	b.start("Outage")
	require.Equal(t, 31*time.Minute, checked, "Ann was silent for her 30 minutes")
}

func TestMessagesFromOutsideDoNotSpoilTheRecord(t *testing.T) {
	t.Parallel()
	for title, m := range map[string]struct {
		name    string
		payload in
	}{
		"AnAlertFromTheYearZero":       {"alert", in{"key": "k", "status": "firing", "starts_at": "0000-01-01T00:00:00+05:00"}},
		"AHandOverToTheEndOfTime":      {"handover", in{"by": "ann", "to": "bob", "until": "9999-12-31T23:59:59-05:00"}},
		"AnAlertWithManyLargeLabels":   {"alert", in{"key": "k", "status": "firing", "labels": labels(100)}},
		"AnAlertWithNothingInIt":       {"alert", in{"key": " \n", "status": "firing"}},
		"ANoteOfFourThousandBytes":     {"note", in{"by": "ann", "text": strings.Repeat("ä", 2000)}},
		"AnEscalationForAReasonOf4000": {"escalate", in{"by": "ann", "reason": strings.Repeat("x", 4000)}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			b := setup(t, outage)
			b.signal(time.Minute, m.name, m.payload)
			b.after(2*time.Minute, func() {
				_, err := b.env.QueryWorkflow(workflows.QueryStatus)
				require.NoError(t, err)
			})
			b.signal(3*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
			rec := b.start("Outage")
			require.Equal(t, workflows.Succeeded, rec.State)
			for _, p := range b.people.pages {
				require.Less(t, len(p.Text), 1000, "a page is to be read at night")
			}
		})
	}
}

func labels(n int) in {
	out := in{}
	for i := range n {
		out[fmt.Sprintf("label-%d-%s", i, strings.Repeat("k", 290))] = strings.Repeat("v", 4000)
	}
	return out
}

func TestAFloodOfAlertsLeavesTheRecordReadable(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	for i := range 600 {
		b.signal(time.Minute+time.Duration(i)*time.Millisecond, "alert", in{"key": fmt.Sprint(i), "status": "firing", "summary": "x", "labels": labels(100)})
	}
	b.after(2*time.Minute, func() {
		_, err := b.env.QueryWorkflow(workflows.QueryStatus)
		require.NoError(t, err)
	})
	again := b.ask(150*time.Second, "alert", in{"key": "599", "status": "firing", "summary": "x"})
	b.signal(3*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage")
	require.False(t, again().answer.Changed, "it is known: %s", again().answer.Now)
}

func TestAnswersOfAFormAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: scope, ask: What is it, of: coordinator, form: {what: {type: string, sets: summary}, who: {type: string, sets: user_impact}}}
      - {id: over, wait: {for: resolved}}
`)
	b.signal(time.Minute, "complete", in{"by": "ann", "step": "scope", "form": in{"what": strings.Repeat("it is down ", 20000), "who": strings.Repeat("all ", 50000)}})
	b.signal(6*time.Minute, "escalate", in{"by": "ann", "reason": "help"})
	b.signal(7*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	rec := b.start("Outage")
	require.Less(t, len(rec.Incident.Summary), 1000)
	require.Less(t, len(rec.Incident.UserImpact), 10_000)
	for _, p := range b.people.pages {
		require.Less(t, len(p.Text), 1000)
	}
}

func TestAStepMayBeCalledRespond(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: respond, ask: Do something, of: lead}, {id: over, wait: {for: resolved}}]}]
`)
	done := b.ask(time.Minute, "complete", in{"by": "bob", "step": "respond"})
	b.signal(10*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	rec := b.start("Outage")
	require.NoError(t, done().err)
	require.Equal(t, workflows.Succeeded, step(t, rec, "respond").State)
}
