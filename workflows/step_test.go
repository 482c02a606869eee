package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

func TestStep(t *testing.T) {
	t.Parallel()
	t.Run("IsSkippedWhenItsConditionDoesNotHold", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, if: 'inputs.go'}
      - {id: two, uses: test.do, if: 'steps.one.status == "skipped"'}
  - id: b
    if: inputs.go
    steps: [{id: three, uses: test.do}]
inputs: {go: {type: bool, default: false}}
`)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, []string{"two"}, b.calls)
		require.Equal(t, workflows.Skipped, step(t, rec, "one").State)
		require.Contains(t, step(t, rec, "one").Reason, "inputs.go")
		require.Equal(t, workflows.Skipped, step(t, rec, "three").State)
		require.Equal(t, workflows.Skipped, rec.Phases[1].State)
	})
	t.Run("IsRetriedAsItSays", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases: [{id: a, steps: [{id: one, uses: test.do, retry: {attempts: 4, initial: 10s}}]}]
`)
		b.do = func(_ context.Context, _ string, attempt int, _ doInput) (doOutput, error) {
			if attempt < 4 {
				return doOutput{}, errAway
			}
			return doOutput{Attempt: attempt}, nil
		}
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Len(t, b.calls, 4)
		require.Equal(t, 70*time.Second, rec.Ended.Sub(rec.Started), "10 s, 20 s, 40 s between attempts")
	})
	t.Run("FailsWhenWhatItExpectsDoesNotHold", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases: [{id: a, steps: [{id: one, uses: test.do, with: {say: no}, expect: outputs.said == "yes"}]}]
`)
		b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "one": what was expected does not hold: outputs.said == "yes"`)
	})
	t.Run("MayFailAndBeContinued", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, on_failure: continue}
      - {id: two, uses: test.do, with: {say: "${{ steps.one.error }}"}}
`)
		b.do = failing("one")
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, workflows.Failed, step(t, rec, "one").State)
		require.JSONEq(t, `{"said":"one is broken","attempt":1,"list":null,"dry_run":false}`, string(step(t, rec, "two").Outputs))
	})
	t.Run("ThatReadsWhatIsNotThereFailsPlainly", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, on_failure: continue}
      - {id: two, uses: test.do, with: {say: "${{ steps.one.outputs.said }}"}}
`)
		b.do = failing("one")
		b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "two": with:`)
		require.ErrorContains(t, b.env.GetWorkflowError(), "one")
	})
}

// failing answers every step but breaks the ones named.
func failing(ids ...string) func(context.Context, string, int, doInput) (doOutput, error) {
	return func(_ context.Context, id string, attempt int, in doInput) (doOutput, error) {
		if slices.Contains(ids, id) {
			return doOutput{}, temporal.NewNonRetryableApplicationError(id+" is broken", "Broken", nil)
		}
		return doOutput{Said: in.Say, Attempt: attempt, List: in.List, DryRun: in.DryRun}, nil
	}
}
