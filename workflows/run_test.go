package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
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

func TestParallel(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: both
        parallel:
          - {id: left, uses: test.do}
          - {id: right, uses: test.do}
      - {id: after, uses: test.do}
`
	t.Run("RunsItsStepsSideBySide", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.ReplaceAll(p, "uses: test.do}", "wait: 1m}"))
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 2*time.Minute, rec.Ended.Sub(rec.Started))
	})
	t.Run("SeesAllToTheirEndWhenOneFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.do = failing("left")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "left": left is broken`)
		require.Equal(t, workflows.Succeeded, step(t, rec, "right").State)
		require.Equal(t, workflows.Failed, step(t, rec, "both").State)
		require.Equal(t, workflows.Pending, step(t, rec, "after").State)
	})
}

func TestEach(t *testing.T) {
	t.Parallel()
	t.Run("RunsItsStepsForEveryItemSomeAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: names, uses: test.do, with: {list: [x, y, z, u, v]}}
      - id: all
        each:
          in: ${{ steps.names.outputs.list }}
          as: name
          at_once: 2
          steps:
            - {id: rest, wait: 1m}
            - {id: greet, uses: test.do, with: {say: "${{ name }}"}}
      - {id: sum, uses: test.do, with: {list: "${{ steps.all.outputs.items.map(i, i.steps.greet.outputs.said) }}"}}
`)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 3*time.Minute, rec.Ended.Sub(rec.Started), "five items, two at once")
		require.Equal(t, "all[4].greet", step(t, rec, "all[4].greet").Path)
		require.JSONEq(t, `{"said":"","attempt":1,"dry_run":false,"list":["x","y","z","u","v"]}`, string(step(t, rec, "sum").Outputs))
	})
	t.Run("BeginsNoFurtherRoundAfterAFailure", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps: [{id: all, each: {in: [1, 2, 3], steps: [{id: one, uses: test.do}]}}]
`)
		b.do = failing("all[1].one")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "all[1].one": all[1].one is broken`)
		require.Equal(t, []string{"all[0].one", "all[1].one"}, b.calls)
		require.Equal(t, workflows.Pending, step(t, rec, "all[2].one").State)
	})
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: watch
        repeat:
          every: 1m
          for: 5m
          until: steps.look.outputs.said == "well"
          steps: [{id: look, uses: test.do}]
      - {id: after, uses: test.do, with: {say: "${{ string(steps.watch.outputs.count) }}"}}
`
	wellAfter := func(rounds int) func(context.Context, string, int, doInput) (doOutput, error) {
		n := 0
		return func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			if n++; n >= rounds && strings.HasPrefix(id, "watch") {
				return doOutput{Said: "well"}, nil
			}
			return doOutput{Said: in.Say}, nil
		}
	}
	t.Run("LooksAgainUntilItHolds", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.do = wellAfter(3)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 2*time.Minute, rec.Ended.Sub(rec.Started))
		require.Equal(t, []string{"watch[0].look", "watch[1].look", "watch[2].look", "after"}, b.calls)
	})
	t.Run("GivesUpWhenItsTimeIsOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), "after 5m0s (6 rounds) it still does not hold")
		require.Equal(t, 5*time.Minute, rec.Ended.Sub(rec.Started))
	})
	t.Run("WithoutAConditionEndsWellWhenItsTimeIsOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(p, `          until: steps.look.outputs.said == "well"`+"\n", "", 1))
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 6, step(t, rec, "watch").Count)
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: nap, wait: 90s}
      - {id: dawn, wait: {until: "2026-11-21T06:00:00Z"}}
      - {id: past, wait: {until: "2020-01-01T00:00:00Z"}}
`)
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Equal(t, began.Add(90*time.Second), step(t, rec, "nap").Ended.UTC())
	require.Equal(t, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC), rec.Ended.UTC())
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

func TestWhatTheEngineCanNotDoYetIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do}
      - {id: two, ask: Is it ready, of: devops-lead, within: 5m, on_expire: fail}
`)
	b.env.ExecuteWorkflow("P")
	require.ErrorContains(t, b.env.GetWorkflowError(), `step "two": ask`)
	require.Empty(t, b.calls)
}
