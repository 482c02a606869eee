package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

func idOf(t *testing.T, src string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^sop: *(\S+)`).FindStringSubmatch(src)
	require.Len(t, m, 2, "the procedure has no sop:")
	return m[1]
}

const greet = `
sop: greet
title: Greet
inputs:
  who: {type: string, default: world}
phases:
  - id: hello
    steps:
      - {id: say, uses: test.do, with: {say: "hello ${{ inputs.who }}"}}
      - {id: again, uses: test.do, with: {say: "${{ steps.say.outputs.said }}!"}}
`

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("CarriesStepsOutInOrderAndPassesOutputsOn", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		rec := b.start("Greet", map[string]any{"who": "Ann", "_by": "bob"})

		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, []string{"say", "again"}, b.calls)
		require.JSONEq(t, `{"said":"hello Ann!","attempt":1,"list":null,"dry_run":false}`, string(step(t, rec, "again").Outputs))
		require.Equal(t, "bob", rec.By)
		require.Equal(t, map[string]any{"who": "Ann"}, rec.Inputs)
		require.True(t, strings.HasPrefix(rec.Digest, "sha256:"))
	})
	t.Run("ReportsItsRecordToTheJournalAndASummaryToTemporal", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.start("Greet")
		var sum workflows.Summary
		require.NoError(t, b.env.GetWorkflowResult(&sum))
		require.Equal(t, workflows.Tally{Succeeded: 2}, sum.Steps)
		require.Len(t, b.saved, 1)
		require.Equal(t, workflows.Succeeded, b.saved[0].State)
		require.NotNil(t, b.saved[0].Ended)
	})
	t.Run("FailsNamingPhaseStepAndCause", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.do = func(_ context.Context, id string, _ int, _ doInput) (doOutput, error) {
			if id == "again" {
				return doOutput{}, temporal.NewNonRetryableApplicationError("the disk is full", "Full", nil)
			}
			return doOutput{Said: "x"}, nil
		}
		rec := b.start("Greet")
		app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
		require.True(t, ok)
		require.Equal(t, `phase "hello", step "again": the disk is full`, app.Message())
		require.Equal(t, workflows.ErrStep, app.Type())
		require.Equal(t, workflows.Failed, rec.State)
		require.Equal(t, "the disk is full", step(t, rec, "again").Error)
		require.Equal(t, &workflows.Failure{Phase: "hello", Step: "again", Message: "the disk is full"}, rec.Failure)
		require.Len(t, b.saved, 1, "a failed run is kept too")
	})
}

func TestStartInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input any
		want  string
	}{
		"AnUnknownInput":        {map[string]any{"whom": "Ann"}, "whom"},
		"AWrongType":            {map[string]any{"who": 7}, "who"},
		"TextInsteadOfAnObject": {"Ann", "one JSON object"},
		"AListInsteadOfOne":     {[]string{"Ann"}, "one JSON object"},
		"AWrongDrill":           {map[string]any{"_drill": "yes"}, "_drill must be true or false"},
	} {
		t.Run(name+"FailsAtOnceAndIsNamed", func(t *testing.T) {
			t.Parallel()
			b := setup(t, greet)
			b.env.ExecuteWorkflow("Greet", c.input)
			app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
			require.True(t, ok)
			require.Equal(t, workflows.ErrInput, app.Type())
			require.Contains(t, app.Message(), c.want)
			require.Empty(t, b.calls)
		})
	}
	t.Run("AnUnknownWorkflowTypeFailsAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.env.ExecuteWorkflow("Great")
		app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
		require.True(t, ok)
		require.Equal(t, workflows.ErrUnknownProcedure, app.Type())
	})
	t.Run("NullAndNothingAreNoInputs", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.start("Greet", json.RawMessage("null"))
		require.NoError(t, b.env.GetWorkflowError())
	})
}

func TestFinally(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
phases: [{id: a, steps: [{id: nap, wait: 1h}, {id: one, uses: test.do}]}]
finally:
  - {id: tidy, uses: test.do, on_failure: stop}
  - {id: tell, uses: test.do, with: {say: "${{ failure.message }}"}, if: "steps.one.status == 'failed'"}
`
	t.Run("RunsAfterAFailureAndKnowsIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.do = failing("one")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), "one is broken")
		require.Contains(t, string(step(t, rec, "tell").Outputs), "one is broken")
	})
	t.Run("RunsAfterACancellation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.after(time.Minute, b.env.CancelWorkflow)
		rec := b.start("P")
		require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()))
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, workflows.Cancelled, step(t, rec, "nap").State)
		require.Equal(t, workflows.Succeeded, step(t, rec, "tidy").State)
		require.Len(t, b.saved, 1)
	})
	t.Run("ThatFailsFailsTheRunButNotItsOtherSteps", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(p, `, if: "steps.one.status == 'failed'"`, "", 1))
		b.do = failing("tidy")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "tidy": tidy is broken`)
		require.NotEqual(t, workflows.Pending, step(t, rec, "tell").State)
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
within: 10m
phases:
  - id: a
    within: 2m
    steps: [{id: nap, wait: 5m, within: 6m}]
`
	b := setup(t, p)
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError(), "a clock is a promise, not a time-out")
	clocks := map[string]*workflows.Clock{}
	for _, c := range rec.Clocks {
		clocks[c.ID] = c
	}
	require.Len(t, clocks, 3)
	require.Nil(t, clocks["run"].Breached)
	require.NotNil(t, clocks["run"].Met)
	require.Equal(t, began.Add(10*time.Minute), clocks["run"].Due)
	require.Equal(t, began.Add(2*time.Minute), clocks["phase:a"].Breached.UTC())
	require.Equal(t, "0s", clocks["phase:a"].Lateness)
	require.Equal(t, began.Add(5*time.Minute), clocks["phase:a"].Met.UTC(), "late, but met")
	require.Nil(t, clocks["step:nap"].Breached)
	require.Len(t, rec.Findings, 1)
	var said []string
	for _, e := range rec.Timeline {
		if strings.Contains(e.Text, "not done within") {
			said = append(said, e.Text)
		}
	}
	require.Equal(t, []string{"A: not done within 2m"}, said, "once, as people write it")
	var sum workflows.Summary
	require.NoError(t, b.env.GetWorkflowResult(&sum))
	require.Equal(t, []string{"phase:a"}, sum.Breached)
}

func TestFindings(t *testing.T) {
	t.Parallel()
	b := setup(t, greet)
	b.do = func(_ context.Context, id string, _ int, _ doInput) (doOutput, error) {
		if id == "say" {
			return doOutput{Findings: []finding{{"critical", "api", "it is down", "restart it"}}}, nil
		}
		return doOutput{}, nil
	}
	rec := b.start("Greet")
	require.NoError(t, b.env.GetWorkflowError())
	require.Len(t, rec.Findings, 1)
	require.Equal(t, "say", rec.Findings[0].Step)
	require.Equal(t, "it is down", rec.Findings[0].Text)
}

func TestDrill(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases: [{id: a, steps: [{id: look, uses: test.do}, {id: smash, uses: test.break}]}]
`)
	rec := b.start("P", map[string]any{"_drill": true})
	require.NoError(t, b.env.GetWorkflowError())
	require.Contains(t, string(step(t, rec, "smash").Outputs), `"dry_run":true`)
	require.Contains(t, string(step(t, rec, "look").Outputs), `"dry_run":false`)
	require.True(t, rec.Drill)
}
