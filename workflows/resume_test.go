package workflows_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// executions runs a procedure through as many executions as it takes. Temporal suggests a new one 20 s
// into the first; each further one is made by prepare, which may be nil.
func executions(t *testing.T, p, workflowType string, prepare func(b *bench, execution int)) *bench {
	t.Helper()
	var args []any
	started := began
	for execution := range 10 {
		b := setup(t, p)
		b.env.SetStartTime(started)
		if execution == 0 {
			b.after(20*time.Second, func() { b.env.SetContinueAsNewSuggested(true) })
		}
		if prepare != nil {
			prepare(b, execution)
		}
		b.env.ExecuteWorkflow(workflowType, args...)
		again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		if !ok {
			require.Positive(t, execution, "it never continued as new")
			return b
		}
		started, args = b.env.Now(), decoded(t, again)
	}
	require.Fail(t, "it never ends")
	return nil
}

// ticking makes safe points every minute beside what a test is about.
const ticking = `
          - {id: tick, repeat: {every: 1m, for: 3m, steps: [{id: tock, uses: test.do}]}}
`

func TestAResumedRun(t *testing.T) {
	t.Parallel()
	t.Run("SeesRoundsUnderWayToTheirEndThoughOneHasFailed", func(t *testing.T) {
		t.Parallel()
		b := executions(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: both
        parallel:`+ticking+`
          - id: all
            each:
              in: [x, y, z]
              at_once: 2
              steps:
                - {id: nap, wait: 10m, if: item == "y"}
                - {id: one, uses: test.do}
`, "P", func(b *bench, _ int) { b.do = failing("all[0].one") })
		require.ErrorContains(t, b.env.GetWorkflowError(), "all[0].one is broken")
		rec := b.record()
		require.Equal(t, workflows.Succeeded, step(t, rec, "all[1].one").State)
		require.Equal(t, workflows.Pending, step(t, rec, "all[2].one").State, "no further round begins")
	})
	t.Run("KeepsLargeNumbersExact", func(t *testing.T) {
		t.Parallel()
		b := executions(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: both
        parallel:`+ticking+`
          - id: all
            each:
              in: [9007199254740993]
              steps: [{id: nap, wait: 10m}, {id: say, uses: test.do, with: {say: "${{ string(item) }}"}}]
`, "P", nil)
		require.NoError(t, b.env.GetWorkflowError())
		require.Contains(t, string(step(t, b.record(), "all[0].say").Outputs), "9007199254740993")
	})
	t.Run("RefusesAMadeUpRecord", func(t *testing.T) {
		t.Parallel()
		for _, carried := range []any{map[string]any{}, map[string]any{"gzip": "AAAA"}, "x"} {
			b := setup(t, greet)
			b.env.ExecuteWorkflow("Greet", map[string]any{}, carried)
			app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
			require.True(t, ok)
			require.Equal(t, workflows.ErrInput, app.Type())
		}
	})
}

func TestARecordThatIsTooLargeToBeCarriedOnIsFinishedWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: all, each: {in: [1, 2, 3, 4, 5, 6], steps: [{id: one, uses: test.do}]}}
      - {id: last, uses: test.do}
`)
	b.do = func(context.Context, string, int, doInput) (doOutput, error) {
		b.env.SetContinueAsNewSuggested(len(b.calls) >= 5)
		return doOutput{Said: noise(400_000)}, nil
	}
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Equal(t, workflows.Succeeded, step(t, rec, "last").State)
	require.Len(t, rec.Findings, 1)
	require.Contains(t, rec.Findings[0].Text, "can't be carried on")
}

// noise is text that does not compress well.
func noise(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[rand.IntN(len(letters))]
	}
	return string(out)
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	t.Run("IsNotLostWhileTheRunPreparesToContinueAsNew", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: both
        parallel:`+ticking+`
          - {id: slow, uses: test.do, retry: {attempts: 2, initial: 5m}}
          - {id: nap, wait: 1h}
      - {id: after, uses: test.do}
finally: [{id: tidy, uses: test.do}]
`)
		b.do = func(_ context.Context, id string, attempt int, _ doInput) (doOutput, error) {
			if id == "slow" && attempt == 1 {
				return doOutput{}, errAway
			}
			return doOutput{}, nil
		}
		b.after(20*time.Second, func() { b.env.SetContinueAsNewSuggested(true) })
		b.after(2*time.Minute, b.env.CancelWorkflow)
		rec := b.start("P")
		require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()), "%v", b.env.GetWorkflowError())
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, workflows.Cancelled, step(t, rec, "nap").State)
		require.Equal(t, workflows.Cancelled, step(t, rec, "both").State)
		require.Equal(t, workflows.Pending, step(t, rec, "after").State)
		require.Equal(t, workflows.Succeeded, step(t, rec, "tidy").State)
	})
	t.Run("OfAnotherRunIsAFailureOfThisOne", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outer, `
sop: greet
title: Greet
inputs: {who: {type: string}}
phases: [{id: hello, steps: [{id: nap, wait: 1h}]}]
`)
		b.resolve = func(workflows.ResolveRequest) (workflows.Resolved, error) { return workflows.Resolved{Key: "k"}, nil }
		b.after(time.Minute, func() { b.env.CancelWorkflowByID("greet/k", "") })
		rec := b.start("Outer")
		require.ErrorContains(t, b.env.GetWorkflowError(), `phase "a", step "inner": the run greet/k was cancelled`)
		require.Equal(t, workflows.Failed, rec.State)
	})
	t.Run("ThatNobodyAskedForIsAFailure", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.do = func(context.Context, string, int, doInput) (doOutput, error) {
			return doOutput{}, temporal.NewCanceledError()
		}
		rec := b.start("Greet")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "say": it was cancelled, though the run was not`)
		require.Equal(t, workflows.Failed, rec.State)
	})
}

func TestTheStepsOfARepeatAreSeenAsOfItsLastRoundEvenIfThatFailed(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: watch, on_failure: continue, repeat: {every: 1m, for: 5m, steps: [{id: look, uses: test.do}]}}
      - {id: after, uses: test.do, with: {say: "${{ steps.look.status }}"}}
`)
	b.do = failing("watch[0].look")
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Contains(t, string(step(t, rec, "after").Outputs), `"said":"failed"`)
}
