package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

func TestAnIncidentThatOpensAgain(t *testing.T) {
	t.Parallel()
	firing := in{"key": "k", "status": "firing", "summary": "down again"}
	// thrice opens an incident three times: at 0, 10 and 20 minutes.
	thrice := func(b *bench) {
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		b.signal(10*time.Minute, "alert", firing)
		b.signal(12*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(13*time.Minute, "resolve", in{"by": "bob", "resolution": "restarted again"})
		b.signal(20*time.Minute, "alert", firing)
		b.signal(22*time.Minute, "resolve", in{"by": "ann", "resolution": "at last"})
	}
	t.Run("PagesWithMessagesOfTheirOwn", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		thrice(b)
		b.start("Outage")
		require.Equal(t, []string{"0s ann", "10m0s ann", "20m0s ann"}, b.people.sequence())
		ids := map[string]bool{}
		for _, p := range b.people.pages {
			require.False(t, ids[p.ID], "%s was sent before: nobody would get it", p.ID)
			ids[p.ID] = true
		}
	})
	t.Run("TellsTheStakeholdersEachTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.rules = rules()
		one := b.rules.Policies["level-1"]
		one.Stakeholders = []string{"board"}
		b.rules.Policies["level-1"] = one
		thrice(b)
		b.start("Outage")
		require.Len(t, b.people.tellings("board"), 6, "three times that it is open, three times that it is over: %v", b.people.tellings("board"))
		ids := map[string]bool{}
		for _, q := range b.people.told {
			require.False(t, ids[q.Message.ID], "%s was sent before: nobody would get it", q.Message.ID)
			ids[q.Message.ID] = true
		}
	})
	t.Run("KeepsTheAccountOfEveryRound", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		thrice(b)
		rec := b.start("Outage")
		seen := map[string]bool{}
		for _, c := range rec.Clocks {
			require.False(t, seen[c.ID], "two clocks are called %s", c.ID)
			seen[c.ID] = true
		}
		for _, l := range rec.Ladders {
			require.False(t, seen[l.ID], "two ladders are called %s", l.ID)
			seen[l.ID] = true
		}
	})
	t.Run("IsWatchedLikeTheFirstTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		b.signal(10*time.Minute, "alert", firing)
		b.signal(12*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(48*time.Minute, "acknowledge", in{"by": "ann"}) // Bob was silent for 30 and 5 minutes
		b.signal(49*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "10m0s ann", "47m0s ann"}, b.people.sequence())
		require.Equal(t, []string{"Still on it? Outage"}, only(b.people.tellings("bob"), "Still on it? Outage"))
		require.Equal(t, "Ann", rec.Incident.Owner.Name)
	})
	t.Run("GoesOnInTheNextExecution", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		b.signal(10*time.Minute, "alert", firing)
		b.after(11*time.Minute, func() {
			b.env.SetContinueAsNewSuggested(true)
			b.env.SignalWorkflow("note", in{"by": "eve", "text": "lights out"})
		})
		next := b.successor("Outage", watched, began.Add(12*time.Minute))
		next.b.signal(10*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := next.start()
		require.Equal(t, []string{"15m0s bob"}, next.b.people.sequence())
		require.Equal(t, workflows.Succeeded, rec.State)
	})
	t.Run("EvenWhenItWasAbortedAMomentBefore", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.after(10*time.Minute, func() {
			b.env.SignalWorkflow("abort", in{"by": "ann", "reason": "false alarm"})
			b.env.SignalWorkflow("alert", firing)
		})
		b.env.ExecuteWorkflow("Outage")
		_, follows := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		require.True(t, follows || len(b.people.sequence()) > 2, "the alert is swallowed: %v", b.env.GetWorkflowError())
	})
	t.Run("WhenTheAlertComesWithTheResolution", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.after(time.Minute, func() {
			b.env.SignalWorkflow("resolve", in{"by": "ann", "resolution": "ok"})
			b.env.SignalWorkflow("alert", firing)
		})
		b.signal(40*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "1m0s ann", "6m0s bob", "16m0s bob", "16m0s carol", "21m0s dora", "26m0s dora", "31m0s dora", "36m0s dora"}, b.people.sequence())
		require.Equal(t, workflows.Succeeded, rec.State)
	})
}

func only(all []string, text string) []string {
	var out []string
	for _, s := range all {
		if s == text {
			out = append(out, s)
		}
	}
	return out
}
