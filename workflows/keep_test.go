package workflows_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

const burning = `
sop: fire
title: Fire
incident: {severity: P1, scale: platform, summary: It burns}
phases: [{id: a, steps: [{id: look, ask: What burns, of: coordinator}]}]
`

// stood is how incidents stood in what was kept of them: "open level-2", with who has it and how many promises
// were broken.
func (b *bench) stood() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]string, len(b.kept))
	for i, rec := range b.kept {
		inc := rec.Incident
		out[i] = fmt.Sprint(rec.Updated().Sub(began), " ", inc.State, " ", inc.Severity, " ", inc.Level)
		if inc.Owner != nil {
			out[i] += " " + inc.Owner.ID
		}
		broken := 0
		for _, c := range rec.Clocks {
			if c.Breached != nil {
				broken++
			}
		}
		if broken > 0 {
			out[i] += fmt.Sprint(" ", broken, " broken")
		}
	}
	return out
}

func TestAnIncidentThatBurnsIsInTheJournal(t *testing.T) {
	t.Parallel()
	t.Run("HoweverItStands", func(t *testing.T) {
		t.Parallel()
		b := setup(t, burning)
		b.signal(7*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(8*time.Minute, "severity", in{"by": "bob", "severity": "P2", "reason": "half as bad"})
		b.signal(9*time.Minute, "note", in{"by": "bob", "text": "this changes nothing"})
		b.signal(10*time.Minute, "handover", in{"by": "bob", "to": "carol"})
		b.signal(11*time.Minute, "resolve", in{"by": "carol", "resolution": "out"})
		rec := b.start("Fire")
		require.Equal(t, []string{
			"0s open P1 level-2",
			"5m0s open P1 level-3 1 broken", // its first tier has five minutes, and level-3 follows
			"7m0s acknowledged P1 level-3 bob 1 broken",
			"8m0s acknowledged P2 level-1 bob 1 broken",
			"10m0s acknowledged P2 level-1 carol 1 broken",
		}, b.stood(), "its end is kept as that of every run")
		require.Len(t, b.saved, 1)
		for i, kept := range b.kept {
			require.Equal(t, i+1, kept.Revision)
		}
		require.Equal(t, len(b.kept)+1, rec.Revision)
		require.Equal(t, rec.Revision, b.saved[0].Revision)
	})
	t.Run("WithThePagesOfThatMoment", func(t *testing.T) {
		t.Parallel()
		b := setup(t, burning)
		b.signal(time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
		b.start("Fire")
		require.Len(t, b.kept, 1)
		require.Len(t, b.kept[0].Pages, 1)
	})
	t.Run("WhenNobodyCanBePaged", func(t *testing.T) {
		t.Parallel()
		b := setup(t, burning)
		b.env.OnActivity(workflows.ActivityPage, mock.Anything, mock.Anything).Return(workflows.PageResult{}, errAway)
		b.signal(10*time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
		b.start("Fire")
		stood := b.stood()
		require.Len(t, stood, 2)
		require.Contains(t, stood[0], "ms open P1 level-2", "after the attempts at the first page")
		require.Contains(t, stood[1], "open P1 level-2 1 broken")
	})
	t.Run("WhenItIsOpenedAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, burning+"finally: [{id: tidy, ask: Tidy up, of: coordinator}]\n")
		b.signal(time.Minute, "alert", in{"key": "k", "status": "firing"})
		b.signal(2*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(3*time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
		b.signal(20*time.Minute, "complete", in{"by": "ann", "step": "tidy"})
		b.start("Fire")
		require.Equal(t, "3m0s resolved P1 level-2 bob", b.stood()[2], "its last steps take their time")
	})
	t.Run("ButAnOrdinaryRunIsNot", func(t *testing.T) {
		t.Parallel()
		b := setup(t, asking)
		b.signal(7*time.Minute, "complete", in{"by": "ann", "step": "ready", "form": in{"plan": "x"}})
		b.start("Release")
		require.Empty(t, b.kept)
	})
}

// TestAJournalThatHangsHoldsNoIncidentUp has a journal that hangs: pages are on time all the same, and whoever
// acknowledges is answered in the same moment.
func TestAJournalThatHangsHoldsNoIncidentUp(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	var tries atomic.Int32
	b.keep = func(context.Context, workflows.Record) error {
		if tries.Add(1) < 5 {
			return errAway
		}
		return nil
	}
	got := b.ask(12*time.Second, "acknowledge", in{"by": "bob"})
	b.signal(2*time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
	rec := b.start("Fire")
	require.NoError(t, b.env.GetWorkflowError())
	require.Contains(t, got().answer.Now, "acknowledged by Bob 02:14:12 UTC; paging stopped")
	require.Equal(t, []string{"0s bob", "0s carol"}, b.people.sequence())
	require.Equal(t, []string{"0s open P1 level-2", "12s acknowledged P1 level-2 bob"}, b.stood(), "in their order")
	require.NotContains(t, fmt.Sprint(texts(rec, "run")), "could not be kept")
}

func TestAJournalThatIsAwayForHoursIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	back := began.Add(3 * time.Hour)
	b.keep = func(context.Context, workflows.Record) error {
		if b.env.Now().Before(back) {
			return errAway
		}
		return nil
	}
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	for m := range 20 {
		b.signal(time.Duration(20*(m+1))*time.Minute, "note", in{"by": "bob", "text": fmt.Sprint("at it ", m)})
	}
	b.signal(5*time.Hour, "resolve", in{"by": "bob", "resolution": "out"})
	rec := b.start("Fire")
	require.NoError(t, b.env.GetWorkflowError())
	require.Len(t, only(texts(rec, "run"), "its record could not be kept in the journal for now: it is away"), 1)
	require.NotEmpty(t, b.kept)
	require.Less(t, b.kept[0].Updated().Sub(began), 4*time.Hour+10*time.Minute)
	require.Equal(t, workflows.IncidentAcknowledged, b.kept[0].Incident.State)
}

func TestARecordThatTheJournalRefusesIsNotSentAgainAndAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	var tries atomic.Int32
	b.keep = func(context.Context, workflows.Record) error {
		tries.Add(1)
		return temporal.NewNonRetryableApplicationError("it can't be read", "InvalidRecord", nil)
	}
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	b.signal(time.Hour, "resolve", in{"by": "bob", "resolution": "out"})
	b.start("Fire")
	require.LessOrEqual(t, tries.Load(), int32(8), "each ten minutes, and twice to begin with")
}

// TestAnIncidentNobodyCaresForIsKeptLessAndLess: a status update is missed each half hour of a week, and nobody
// needs a record of megabytes each time.
func TestAnIncidentNobodyCaresForIsKeptLessAndLess(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	b.after(7*24*time.Hour, b.env.CancelWorkflow)
	rec := b.start("Fire")
	require.GreaterOrEqual(t, rec.Incident.UpdatesSent, 330)
	require.Less(t, len(b.kept), 100)
	last := b.kept[len(b.kept)-1]
	require.Greater(t, last.Updated().Sub(began), 6*24*time.Hour)
}

func TestManyThatChangeAnIncidentAreKeptEachFewSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	for n := range 300 { // somebody's script has gone wild: one a second
		b.signal(time.Minute+time.Duration(n+1)*time.Second, "severity", in{"by": "bob", "severity": []string{"P2", "P1"}[n%2], "reason": "x"})
	}
	b.signal(10*time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
	b.start("Fire")
	require.Less(t, len(b.kept), 110)
	require.Equal(t, "P1", b.kept[len(b.kept)-1].Incident.Severity, "the last word is in it")
}

func TestTheNextExecutionKeepsAnIncidentOnceMore(t *testing.T) {
	t.Parallel()
	b := setup(t, burning)
	b.keep = func(context.Context, workflows.Record) error { return errAway }
	b.after(2*time.Minute, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("acknowledge", in{"by": "bob"})
	})
	next := b.successor("Fire", burning, began.Add(3*time.Minute))
	next.b.signal(time.Minute, "resolve", in{"by": "bob", "resolution": "out"})
	rec := next.start()
	require.Empty(t, b.kept)
	require.Len(t, next.b.kept, 1)
	require.Equal(t, workflows.IncidentAcknowledged, next.b.kept[0].Incident.State)
	require.Greater(t, next.b.kept[0].Revision, 1, "what the execution before has under way is older")
	require.Greater(t, rec.Revision, next.b.kept[0].Revision)
}
