package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// TestContinueAsNew runs one procedure in many executions, halting it at every safe point there is, and
// wants the same outcome as in one.
func TestContinueAsNew(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
within: 1h
phases:
  - id: a
    within: 30s
    steps:
      - {id: one, uses: test.do, with: {list: [x, y, z]}}
      - id: both
        parallel:
          - {id: nap, wait: 10m}
          - id: watch
            repeat: {every: 1m, for: 3m, steps: [{id: look, uses: test.do}]}
          - id: all
            each: {in: "${{ steps.one.outputs.list }}", at_once: 2, steps: [{id: greet, uses: test.do, with: {say: "${{ item }}"}}]}
  - id: b
    steps:
      - {id: last, uses: test.do, with: {list: "${{ steps.all.outputs.items.map(i, i.steps.greet.outputs.said) }}"}}
finally: [{id: tidy, uses: test.do}]
`
	var args []any
	var calls []string
	started := began
	for execution := 0; ; execution++ {
		require.Less(t, execution, 60, "it never ends")
		b := setup(t, p)
		b.env.SetStartTime(started)
		// Each execution gets one action or some time done, then is halted at its next safe point.
		halt := func() { b.env.SetContinueAsNewSuggested(true) }
		b.env.SetOnActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) { halt() })
		b.after(20*time.Second, halt)
		b.env.ExecuteWorkflow("P", args...)
		calls = append(calls, b.calls...)
		again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		if !ok {
			require.NoError(t, b.env.GetWorkflowError())
			requireWhole(t, b.record(), calls)
			return
		}
		started = b.env.Now()
		args = decoded(t, again)
	}
}

func decoded(t *testing.T, again *workflow.ContinueAsNewError) []any {
	t.Helper()
	var input map[string]any
	var carried workflows.Carried
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &input, &carried))
	return []any{input, carried}
}

func requireWhole(t *testing.T, rec *workflows.Record, calls []string) {
	t.Helper()
	require.Positive(t, rec.Continued)
	require.Equal(t, workflows.Succeeded, rec.State)
	require.ElementsMatch(t, []string{
		"one", "all[0].greet", "all[1].greet", "all[2].greet",
		"watch[0].look", "watch[1].look", "watch[2].look", "watch[3].look", "last", "tidy",
	}, calls, "every action once, none lost")
	require.Contains(t, string(step(t, rec, "last").Outputs), `["x","y","z"]`)
	require.Equal(t, began, rec.Started.UTC())
	require.GreaterOrEqual(t, rec.Ended.Sub(rec.Started), 10*time.Minute)
	require.Equal(t, "run", rec.Clocks[0].ID)
	require.NotNil(t, rec.Clocks[0].Met)
	require.Equal(t, began.Add(30*time.Second), rec.Clocks[1].Due.UTC())
	require.NotNil(t, rec.Clocks[1].Breached)
	require.NotNil(t, rec.Clocks[1].Met, "late, but met, in a later execution")
}
