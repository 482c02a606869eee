package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

// changing is a procedure of three steps that change something, and one that looks.
const changing = `
sop: p
title: P
on_failure: rollback
phases:
  - id: first
    steps:
      - {id: one, uses: test.do, with: {say: "1"}, undo: {uses: test.do, with: {say: "not ${{ steps.one.outputs.said }}"}}}
      - {id: two, uses: test.do, with: {say: "2"}, undo: {uses: test.do, with: {say: "not 2"}}}
  - id: second
    steps:
      - {id: look, uses: test.do}
      - {id: three, uses: test.do, undo: {uses: test.do, with: {say: "${{ failure.phase }}/${{ failure.step }}"}}}
rollback: {then: [{id: tell, uses: test.do, with: {say: "${{ failure.message }}"}}]}
finally: [{id: last, uses: test.do}]
`

// undone are the entries of a record's undo by how they ended, in the order in which the steps began.
func undone(rec *workflows.Record) string {
	var out []string
	for _, u := range rec.Undo {
		out = append(out, u.Path+" "+string(u.State))
	}
	return strings.Join(out, ", ")
}

// whoWasPaged are the people who were paged, in order.
func whoWasPaged(b *bench) (who []string) {
	for _, page := range b.people.pages {
		who = append(who, page.Person)
	}
	return who
}

func TestARollback(t *testing.T) {
	t.Parallel()
	t.Run("UndoesInReverseWhatBeganAndThenDoesWhatFollows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		b.failing("three")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `phase "second", step "three"`)
		require.Equal(t, []string{"one", "two", "look", "three", "three", "three", "undo:three", "undo:two", "undo:one", "tell", "last"}, b.calls)
		require.Equal(t, workflows.Failed, rec.State)
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
		require.JSONEq(t, `{"said":"not 1","attempt":0,"list":null,"dry_run":false}`, string(rec.Undo[0].Outputs))
		require.Contains(t, string(rec.Undo[2].Outputs), `"second/three"`)
		require.Contains(t, string(rec.Rollback.Then[0].Outputs), "it is away")
	})
	t.Run("LeavesAloneWhatNeverBegan", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		b.failing("two")
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two succeeded", undone(rec))
	})
	t.Run("IsNotNeededWhenAllGoesWell", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, []string{"one", "two", "look", "three", "last"}, b.calls)
		require.Equal(t, "undo:one pending, undo:two pending, undo:three pending", undone(rec))
		require.Nil(t, rec.Rollback)
	})
	t.Run("FollowsACancellation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		b.do = func(ctx context.Context, id string, _ int, in doInput) (doOutput, error) {
			if id == "look" {
				b.env.CancelWorkflow()
			}
			return doOutput{Said: in.Say}, nil
		}
		rec := b.start("P")
		require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()), "%v", b.env.GetWorkflowError())
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, []string{"one", "two", "look", "undo:two", "undo:one", "tell", "last"}, b.calls)
		require.True(t, rec.Rollback.Cancelled)
	})
	t.Run("FollowsAnAbortion", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(changing, "{id: look, uses: test.do}", "{id: look, wait: 1h}", 1))
		answer := b.ask(time.Minute, "abort", in{"by": "ann", "reason": "not tonight"})
		rec := b.start("P")
		require.Contains(t, answer().answer.Now, "what it changed is undone first")
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, []string{"one", "two", "undo:two", "undo:one", "tell", "last"}, b.calls)
		require.Contains(t, string(rec.Rollback.Then[0].Outputs), "aborted by Ann: not tonight")
	})
	t.Run("UndoesWhatFailedButDidNotMatter", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(changing, "{id: two,", "{id: two, on_failure: continue,", 1))
		b.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			if id == "two" || id == "three" {
				return doOutput{}, errAway
			}
			return doOutput{Said: in.Say}, nil
		}
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
	})
	t.Run("BeginsWhenTheTimeOfARunOrAPhaseIsOver", func(t *testing.T) {
		t.Parallel()
		for _, place := range []string{"on_failure: rollback\n", "  - id: second\n"} {
			within := strings.Repeat(" ", (len(place)-len(strings.TrimLeft(place, " ")))*2) + "within: 10m\n"
			b := setup(t, strings.Replace(strings.Replace(changing, "{id: look, uses: test.do}", "{id: look, wait: 1h}", 1), place, place+within, 1))
			rec := b.start("P")
			require.ErrorContains(t, b.env.GetWorkflowError(), "not done within 10m")
			require.Equal(t, workflows.Failed, rec.State)
			require.Equal(t, "second", rec.Failure.Phase)
			require.Equal(t, []string{"one", "two", "undo:two", "undo:one", "tell", "last"}, b.calls)
			require.Equal(t, 10*time.Minute, rec.Rollback.Started.Sub(began).Truncate(time.Second))
		}
	})
	t.Run("IsPutOffByWhoeverGivesItMoreTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(strings.Replace(changing, "{id: look, uses: test.do}", "{id: look, wait: 1h}", 1), "on_failure: rollback\n", "on_failure: rollback\nwithin: 10m\n", 1))
		b.signal(time.Minute, "extend", in{"by": "ann", "clock": "run", "for": "2h", "reason": "it is nearly done"})
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Nil(t, rec.Rollback)
	})
	t.Run("RunsDryInADrill", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(changing, "undo: {uses: test.do, with: {say: \"not 2\"}}", "undo: {uses: test.break, with: {say: \"not 2\"}}", 1))
		b.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			if id == "three" {
				return doOutput{}, errAway
			}
			return doOutput{Said: in.Say, DryRun: in.DryRun}, nil
		}
		rec := b.start("P", in{"_drill": true})
		require.Contains(t, string(rec.Undo[1].Outputs), `"dry_run":true`)
	})
	t.Run("IsWhatTheStepNearestToTheFailureSays", func(t *testing.T) {
		t.Parallel()
		for id, want := range map[string]string{"a": "undo:one pending", "b": "undo:one succeeded", "c": "undo:one succeeded", "d": "undo:one pending"} {
			b := setup(t, `
sop: p
title: P
phases:
  - id: first
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}
      - {id: a, uses: test.do}
      - {id: b, uses: test.do, on_failure: rollback}
      - id: many
        on_failure: rollback
        each: {in: [x], steps: [{id: c, uses: test.do}, {id: d, uses: test.do, on_failure: stop}]}
`)
			b.do = func(_ context.Context, at string, _ int, _ doInput) (doOutput, error) {
				if at == id || strings.HasSuffix(at, "."+id) {
					return doOutput{}, errAway
				}
				return doOutput{}, nil
			}
			require.Equal(t, want, undone(b.start("P")), id)
		}
	})
	t.Run("UndoesTheRoundsOfAnEachByTheirOwnItems", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
on_failure: rollback
phases:
  - id: first
    steps:
      - id: all
        each: {in: [x, y, z], as: db, steps: [{id: dump, uses: test.do, with: {say: "${{ db }}"}, undo: {uses: test.do, with: {say: "${{ db }} ${{ steps.dump.outputs.said }}"}}}]}
      - {id: fails, uses: test.do}
`)
		b.failing("fails")
		rec := b.start("P")
		require.Equal(t, []string{"all[0].dump", "all[1].dump", "all[2].dump", "fails", "fails", "fails", "undo:all[2].dump", "undo:all[1].dump", "undo:all[0].dump"}, b.calls)
		require.Contains(t, string(rec.Undo[1].Outputs), `"y y"`)
	})
	t.Run("LeavesWhatItsConditionLeaves", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(changing, `undo: {uses: test.do, with: {say: "not 2"}}`, `undo: {uses: test.do, if: 'failure.phase == "first"'}`, 1))
		b.failing("three")
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two skipped, undo:three succeeded", undone(rec))
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
	})
}

func TestAnUndoThatFails(t *testing.T) {
	t.Parallel()
	// fails makes step three and the undo of step two fail, this one so often.
	fails := func(b *bench, often int) {
		b.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			switch {
			case id == "three":
				return doOutput{}, errAway
			case strings.HasPrefix(id, "undo:two") && often > 0:
				often--
				return doOutput{}, errors.New("the disk is full")
			}
			return doOutput{Said: in.Say}, nil
		}
	}
	withOwner := strings.Replace(changing, "title: P\n", "title: P\nowners: [lead]\n", 1)
	t.Run("PagesTheOwnerAndThenThePolicyUntilSomebodySaysToTryAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		fails(b, 3)
		b.signal(17*time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "retry", "reason": "there is room again"}})
		rec := b.start("P")
		require.Equal(t, []string{"bob", "ann"}, whoWasPaged(b))
		require.Contains(t, b.people.pages[0].Text, "Undo: Two failed: the disk is full")
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
		require.Contains(t, b.calls, "undo:two#2")
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
	})
	t.Run("IsLeftWhenSomebodySaysSoAndTheRecordNamesIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		fails(b, 3)
		b.signal(time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "skip": true, "reason": "done by hand"})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two skipped, undo:three succeeded", undone(rec))
		require.Equal(t, workflows.Failed, rec.Rollback.State)
		require.Contains(t, rec.Rollback.Then[0].State, "succeeded")
		require.Contains(t, rec.Findings[len(rec.Findings)-1].Text, "Undo: Two: left, by Bob: done by hand")
	})
	t.Run("EndsTheRollbackWhenSomebodySaysSo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		fails(b, 3)
		b.signal(time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "abort"}})
		rec := b.start("P")
		require.Equal(t, "undo:one pending, undo:two failed, undo:three succeeded", undone(rec))
		require.Equal(t, workflows.Failed, rec.Rollback.State)
		require.Equal(t, "tell", rec.Rollback.Then[0].ID)
		require.Equal(t, workflows.Succeeded, rec.Rollback.Then[0].State)
	})
	t.Run("IsAskedAgainWhenItFailsAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		fails(b, 6)
		for _, at := range []time.Duration{time.Minute, 2 * time.Minute} {
			b.signal(at, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "retry"}})
		}
		rec := b.start("P")
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
		require.Len(t, rec.Questions, 2)
		require.Equal(t, "hold:undo:two#2", rec.Questions[1].Path)
	})
	t.Run("IsNotEndedByAnAbortion", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		fails(b, 3)
		b.signal(time.Minute, "abort", in{"by": "bob", "reason": "enough"})
		b.signal(2*time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "retry"}})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
	})
	t.Run("CanBeDecidedWithoutAnOrg", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withOwner)
		b.noRules = true
		fails(b, 3)
		b.signal(time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "retry"}})
		rec := b.start("P")
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
		require.Empty(t, b.people.pages)
		require.Contains(t, rec.Findings[0].Text, "nobody can be paged")
	})
}

func TestAnUndoThatWouldLoseData(t *testing.T) {
	t.Parallel()
	risky := func(expire string) string {
		return strings.Replace(changing, `undo: {uses: test.do, with: {say: "not 2"}}`,
			`undo: {uses: test.do, approve: {by: [lead], within: 10m, on_expire: `+expire+`}}`, 1)
	}
	t.Run("WaitsForApproval", func(t *testing.T) {
		t.Parallel()
		b := setup(t, risky("hold"))
		b.failing("three")
		b.signal(3*time.Minute, "decide", in{"by": "bob", "step": "undo:two", "approve": true})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
		require.GreaterOrEqual(t, rec.Undo[1].Ended.Sub(*rec.Undo[1].Started), 2*time.Minute)
	})
	t.Run("IsLeftWhenItIsRejected", func(t *testing.T) {
		t.Parallel()
		b := setup(t, risky("hold"))
		b.failing("three")
		b.signal(3*time.Minute, "decide", in{"by": "bob", "step": "undo:two", "approve": false, "reason": "customers have written since"})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two skipped, undo:three succeeded", undone(rec))
		require.Contains(t, rec.Undo[1].Reason, "rejected by Bob: customers have written since")
	})
	t.Run("HoldsWhenOnlySomeHaveAgreedInTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(risky("fail"), "by: [lead],", "by: [lead, coordinator], quorum: 2,", 1))
		b.failing("three")
		b.signal(3*time.Minute, "decide", in{"by": "bob", "step": "undo:two", "approve": true})
		b.signal(20*time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "skip": true, "reason": "we leave it"})
		rec := b.start("P")
		require.Equal(t, "left, by Bob: we leave it", rec.Undo[1].Reason)
	})
	t.Run("HoldsWhenNobodyDecidesAndIsAskedAnew", func(t *testing.T) {
		t.Parallel()
		b := setup(t, risky("fail"))
		b.failing("three")
		b.signal(20*time.Minute, "complete", in{"by": "bob", "step": "hold:undo:two", "form": in{"decision": "retry"}})
		b.signal(21*time.Minute, "decide", in{"by": "bob", "step": "undo:two", "approve": true})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
	})
}

func TestAHeldStep(t *testing.T) {
	t.Parallel()
	held := strings.Replace(changing, "on_failure: rollback", "owners: [lead]\non_failure: hold", 1)
	held = strings.Replace(held, "rollback: {then: [{id: tell, uses: test.do, with: {say: \"${{ failure.message }}\"}}]}\n", "", 1)
	for decision, want := range map[string]struct {
		calls string
		state workflows.State
	}{
		"retry":    {"one two look three three three three#2 last", workflows.Succeeded},
		"skip":     {"one two look three three three last", workflows.Succeeded},
		"rollback": {"one two look three three three undo:three undo:two undo:one last", workflows.Failed},
		"stop":     {"one two look three three three last", workflows.Failed},
	} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			b := setup(t, held)
			b.failing("three")
			b.signal(7*time.Minute, "complete", in{"by": "bob", "step": "hold:three", "form": in{"decision": decision, "reason": "so be it"}})
			rec := b.start("P")
			require.Equal(t, want.calls, strings.Join(b.calls, " "))
			require.Equal(t, want.state, rec.State)
			require.Equal(t, []string{"bob"}, whoWasPaged(b))
		})
	}
	t.Run("IsRolledBackWhenTheRunIsAborted", func(t *testing.T) {
		t.Parallel()
		b := setup(t, held)
		b.failing("three")
		b.signal(7*time.Minute, "abort", in{"by": "bob", "reason": "so be it"})
		rec := b.start("P")
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
		require.Equal(t, 7*time.Minute, rec.Ended.Sub(began).Truncate(time.Minute))
	})
}

// TestARunThatWasTerminated is gone on with from what a query still tells of it.
func TestARunThatWasTerminated(t *testing.T) {
	t.Parallel()
	long := strings.Replace(changing, "{id: look, uses: test.do}", "{id: look, wait: 1h}", 1)
	// carried is what the run would have told when it was terminated at that time.
	carried := func(t *testing.T, at time.Duration) *workflows.Carried {
		t.Helper()
		b := setup(t, long)
		var c workflows.Carried
		b.after(at, func() {
			answer, err := b.env.QueryWorkflow(workflows.QueryCarried)
			require.NoError(t, err)
			require.NoError(t, answer.Get(&c))
		})
		b.start("P", in{"_by": "ann"})
		return &c
	}
	t.Run("IsUndoneOnDemand", func(t *testing.T) {
		t.Parallel()
		c, err := workflows.UndoOf(carried(t, time.Minute), "bob", "it was terminated by mistake")
		require.NoError(t, err)
		b := setup(t, long)
		rec := b.start("P", in{"_by": "ann"}, c)
		require.Equal(t, []string{"undo:two", "undo:one", "tell", "last"}, b.calls)
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, workflows.Cancelled, step(t, rec, "look").State)
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
		require.Contains(t, texts(rec, "rollback")[0], "by bob: it was terminated by mistake")
	})
	t.Run("IsUndoneOnlyAfterWhatWasAtWorkHasNoticed", func(t *testing.T) {
		t.Parallel()
		var c workflows.Carried
		first := setup(t, changing)
		first.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			if id == "two" {
				answer, err := first.env.QueryWorkflow(workflows.QueryCarried)
				if err == nil {
					err = answer.Get(&c)
				}
				return doOutput{}, err
			}
			return doOutput{Said: in.Say}, nil
		}
		first.start("P")
		owed, err := workflows.UndoOf(&c, "bob", "")
		require.NoError(t, err)
		b := setup(t, changing)
		rec := b.start("P", in{}, owed)
		require.Equal(t, []string{"undo:two", "undo:one", "tell", "last"}, b.calls)
		require.Equal(t, time.Minute, rec.Undo[1].Started.Sub(began).Truncate(time.Second), "test.do may be at work for a minute")
	})
	t.Run("OwesNothingOnceItIsUndone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		b.failing("three")
		b.start("P")
		answer, err := b.env.QueryWorkflow(workflows.QueryCarried)
		require.NoError(t, err)
		var c workflows.Carried
		require.NoError(t, answer.Get(&c))
		_, err = workflows.UndoOf(&c, "bob", "")
		require.ErrorIs(t, err, workflows.ErrNothingOwed)
	})
}

func TestTheLastStepsKnowWhatWasUndone(t *testing.T) {
	t.Parallel()
	b := setup(t, strings.Replace(changing, "{id: last, uses: test.do}",
		`{id: last, uses: test.do, with: {say: "${{ run.state }} ${{ run.rollback }} ${{ run.undone.map(u, u.step + '=' + u.state).join(' ') }}"}}`, 1))
	b.failing("two")
	rec := b.start("P")
	require.Contains(t, string(step(t, rec, "last").Outputs), `"failed succeeded one=undone two=undone"`)
}

func TestARecordIsKeptBeforeAStepThatMayHaveToBeUndone(t *testing.T) {
	t.Parallel()
	b := setup(t, changing)
	b.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
		if id == "two" {
			b.mu.Lock()
			defer b.mu.Unlock()
			last := b.saved[len(b.saved)-1]
			require.Len(t, last.Undo, 2)
			require.Equal(t, workflows.Running, last.State)
		}
		return doOutput{Said: in.Say}, nil
	}
	b.start("P")
	t.Run("OrNotWhenTheJournalIsAway", func(t *testing.T) {
		t.Parallel()
		b := setup(t, changing)
		b.save = func(context.Context) error { return errAway }
		rec := b.start("P")
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, 1, strings.Count(strings.Join(texts(rec, "run"), "\n"), "could not be kept in the journal for now"))
	})
}

func TestAnAbortionEndsWhatFollowsTheUndo(t *testing.T) {
	t.Parallel()
	b := setup(t, strings.Replace(changing, `{id: tell, uses: test.do, with: {say: "${{ failure.message }}"}}`, `{id: tell, ask: Look, of: lead}, {id: never, uses: test.do}`, 1))
	b.failing("three")
	aborted := b.ask(10*time.Minute, "abort", in{"by": "bob", "reason": "enough"})
	rec := b.start("P")
	require.Contains(t, aborted().answer.Now, "what follows the undo is told to stop")
	require.Equal(t, 10*time.Minute, rec.Ended.Sub(began).Truncate(time.Minute))
	require.Equal(t, "undo:one succeeded, undo:two succeeded, undo:three succeeded", undone(rec))
	require.Equal(t, workflows.Cancelled, rec.Rollback.Then[0].State)
	require.NotContains(t, b.calls, "never")
	require.Equal(t, workflows.Failed, rec.State)
}
