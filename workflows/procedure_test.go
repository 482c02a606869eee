package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

const outer = `
sop: outer
title: Outer
phases:
  - id: a
    steps:
      - {id: inner, run: greet, with: {who: Bob}}
      - {id: said, uses: test.do, with: {say: "${{ steps.inner.outputs.state }}"}}
`

func TestRunOfAnotherProcedure(t *testing.T) {
	t.Parallel()
	t.Run("IsWaitedFor", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outer, greet)
		rec := b.start("Outer")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, []string{"say", "again", "said"}, b.calls)
		require.Contains(t, string(step(t, rec, "said").Outputs), "succeeded")
		require.Equal(t, "greet/"+rec.RunID+"-inner", step(t, rec, "inner").Child.WorkflowID)
	})
	t.Run("FailsTheStepWhenItFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outer, greet)
		b.do = failing("say")
		b.start("Outer")
		require.ErrorContains(t, b.env.GetWorkflowError(), `phase "a", step "inner": phase "hello", step "say": say is broken`)
	})
	t.Run("MustExist", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outer)
		b.start("Outer")
		require.ErrorContains(t, b.env.GetWorkflowError(), `there is no procedure "greet"`)
	})
}

func TestStartOfAnotherProcedure(t *testing.T) {
	t.Parallel()
	const starter = `
sop: starter
title: Starter
phases:
  - id: a
    steps:
      - {id: begin, start: nap, if_missing: finding}
      - {id: after, uses: test.do}
`
	const nap = `
sop: nap
title: Nap
key: only
phases: [{id: a, steps: [{id: sleep, wait: 1h}]}]
`
	t.Run("LeavesItRunning", func(t *testing.T) {
		t.Parallel()
		b := setup(t, starter, nap)
		b.resolve = func(workflows.ResolveRequest) (workflows.Resolved, error) {
			return workflows.Resolved{Key: "only"}, nil
		}
		rec := b.start("Starter")
		require.NoError(t, b.env.GetWorkflowError())
		require.Less(t, rec.Ended.Sub(rec.Started), time.Hour)
		require.Equal(t, "nap/only", step(t, rec, "begin").Child.WorkflowID)
		require.False(t, step(t, rec, "begin").Child.Joined)
	})
	t.Run("LeavesItRunningWhenThisOneIsCancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(starter, "uses: test.do", "wait: 30m", 1), nap)
		asked := false
		b.env.SetOnChildWorkflowCanceledListener(func(*workflow.Info) { asked = true })
		b.after(10*time.Minute, b.env.CancelWorkflow)
		rec := b.start("Starter")
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, workflows.Succeeded, step(t, rec, "begin").State)
		require.False(t, asked, "what was started and left running is nobody else's to cancel")
	})
	t.Run("IsNotDoneOnceThisOneIsCancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(starter, "- {id: begin", "- {id: sleep, wait: 30m}\n      - {id: begin", 1), nap)
		b.after(10*time.Minute, b.env.CancelWorkflow)
		rec := b.start("Starter")
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Nil(t, step(t, rec, "begin").Child)
	})
	t.Run("StartsADrillUnderAnotherNameInADrill", func(t *testing.T) {
		t.Parallel()
		b := setup(t, starter, nap)
		b.resolve = func(workflows.ResolveRequest) (workflows.Resolved, error) {
			return workflows.Resolved{Key: "only"}, nil
		}
		rec := b.start("Starter", map[string]any{"_drill": true})
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, "nap/drill-only", step(t, rec, "begin").Child.WorkflowID, "a real run must never join it")
	})
	t.Run("MakesAFindingOfAMissingOneWhenToldSo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, starter)
		rec := b.start("Starter")
		require.NoError(t, b.env.GetWorkflowError())
		require.Len(t, rec.Findings, 1)
		require.Contains(t, rec.Findings[0].Text, `no procedure "nap"`)
	})
}
