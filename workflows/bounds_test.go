package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

// payload is what Temporal takes as one payload.
const payload = 2 << 20

func size(t *testing.T, v any) int {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return len(data)
}

// flood answers every step with n findings, the last one critical.
func flood(n int) func(context.Context, string, int, doInput) (doOutput, error) {
	return func(context.Context, string, int, doInput) (doOutput, error) {
		out := doOutput{}
		for i := range n {
			out.Findings = append(out.Findings, finding{"info", "api", fmt.Sprint(i, " ", strings.Repeat("x", 100)), ""})
		}
		out.Findings = append(out.Findings, finding{"critical", "api", "the last one" + strings.Repeat("!", 5000), ""})
		return out, nil
	}
}

func TestARecordIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("InItsFindingsButNeverLosesACriticalOneToOthers", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.do = flood(3000)
		rec := b.start("Greet")
		require.NoError(t, b.env.GetWorkflowError())
		require.Len(t, b.saved[0].Findings, 1000)
		require.Equal(t, 5002, b.saved[0].LeftOut.Findings)
		critical := 0
		for _, f := range b.saved[0].Findings {
			require.LessOrEqual(t, len(f.Text), 1100)
			if f.Severity == "critical" {
				critical++
			}
		}
		require.Equal(t, 2, critical)
		var sum workflows.Summary
		require.NoError(t, b.env.GetWorkflowResult(&sum))
		require.Less(t, size(t, sum), payload/2)
		require.Equal(t, "critical", sum.Findings[0].Severity)
		require.Equal(t, 6002, len(sum.Findings)+sum.FindingsLeftOut)
		require.Less(t, size(t, rec), payload)
	})
	t.Run("InItsTimelineWithANoteOfWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: watch
        repeat: {every: 1m, for: 7000m, steps: [{id: look, uses: test.do, on_failure: continue}]}
`)
		b.do = func(context.Context, string, int, doInput) (doOutput, error) {
			return doOutput{}, temporal.NewNonRetryableApplicationError("it is away", "Away", nil)
		}
		b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		rec := b.saved[0]
		require.LessOrEqual(t, len(rec.Timeline), 5000)
		require.Equal(t, "P: started", rec.Timeline[0].Text)
		require.Contains(t, rec.Timeline[len(rec.Timeline)-1].Text, "P: succeeded")
		note := rec.Timeline[1000].Text
		require.Contains(t, note, fmt.Sprint(rec.LeftOut.Events, " lines are left out here"))
		require.Equal(t, 7001+6, len(rec.Timeline)-1+rec.LeftOut.Events)
	})
	t.Run("InItsClocks", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
within: 1w
phases:
  - id: a
    steps:
      - id: watch
        repeat: {every: 1m, for: 1500m, steps: [{id: look, uses: test.do, within: 30s}]}
`)
		b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		rec := b.saved[0]
		require.Len(t, rec.Clocks, 1000)
		require.Equal(t, 502, rec.LeftOut.Clocks)
		require.Equal(t, "run", rec.Clocks[0].ID)
		require.NotNil(t, rec.Clocks[0].Met)
	})
	t.Run("InItsSteps", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: names, uses: test.do}
      - id: outer
        each:
          in: ${{ steps.names.outputs.list }}
          at_once: 3
          steps:
            - id: inner
              each:
                in: ${{ steps.names.outputs.list }}
                steps: [{id: one, wait: 1s}, {id: two, wait: 1s}, {id: both, parallel: [{id: three, wait: 1s}]}]
`)
		b.do = func(context.Context, string, int, doInput) (doOutput, error) {
			return doOutput{List: strings.Split(strings.Repeat("x ", 1900), " ")}, nil
		}
		b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), "steps are more than the 20000 that one run may have")
	})
	t.Run("InTheTextOfAFailure", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.do = func(context.Context, string, int, doInput) (doOutput, error) {
			return doOutput{}, temporal.NewNonRetryableApplicationError(strings.Repeat("broken ", 1000), "Broken", nil)
		}
		b.start("Greet")
		app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
		require.True(t, ok)
		require.Less(t, len(app.Message()), 3000)
	})
}

func TestAStatusThatIsTooLargeLeavesOutputsOutAndSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: all, each: {in: [1, 2, 3, 4, 5, 6, 7, 8, 9], steps: [{id: one, uses: test.do}]}}
      - {id: small, uses: test.do}
`)
	b.do = func(_ context.Context, id string, _ int, _ doInput) (doOutput, error) {
		if id == "small" {
			return doOutput{Said: "hello"}, nil
		}
		return doOutput{Said: strings.Repeat("x", 400_000)}, nil
	}
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Less(t, size(t, rec), payload)
	require.Equal(t, 9, rec.LeftOut.Outputs)
	require.Empty(t, step(t, rec, "all[3].one").Outputs)
	require.Contains(t, string(step(t, rec, "small").Outputs), "hello")
	require.Greater(t, size(t, b.saved[0]), 9*400_000, "the journal has it all")
}

func TestWhatAStepIsGivenIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do}
      - {id: two, uses: test.do, with: {list: ["${{ steps.one.outputs.said }}", "${{ steps.one.outputs.said }}", "${{ steps.one.outputs.said }}"]}}
`)
	b.do = func(context.Context, string, int, doInput) (doOutput, error) {
		return doOutput{Said: strings.Repeat("x", 400_000)}, nil
	}
	b.start("P")
	require.ErrorContains(t, b.env.GetWorkflowError(), `step "two": with: it has 1171 KiB`)
}

func TestKeysAndNames(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]map[string]any{
		"ALongKey":               {"_key": strings.Repeat("k", 201)},
		"AKeyWithALineBreak":     {"_key": "a\nb"},
		"AKeyWithAControlLetter": {"_key": "a\x00b"},
		"ALongName":              {"_by": strings.Repeat("k", 1001)},
		"ANameWithALineBreak":    {"_by": "a\nb"},
	} {
		t.Run(name+"IsRefused", func(t *testing.T) {
			t.Parallel()
			b := setup(t, greet)
			b.env.ExecuteWorkflow("Greet", input)
			app, ok := errors.AsType[*temporal.ApplicationError](b.env.GetWorkflowError())
			require.True(t, ok)
			require.Equal(t, workflows.ErrInput, app.Type())
		})
	}
	t.Run("AMadeUpOneIsCheckedToo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "key: ${{ inputs.who }}"+greet)
		b.env.ExecuteWorkflow("Greet", map[string]any{"who": "a\x00b"})
		require.ErrorContains(t, b.env.GetWorkflowError(), "greet: key has control characters")
	})
	t.Run("ASlashIsFine", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		rec := b.start("Greet", map[string]any{"_key": "docs/db", "_by": "monitor/all"})
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, "docs/db", rec.Key)
	})
}

func TestTimesFarAway(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
within: 5200w
phases:
  - id: a
    steps:
      - {id: never, wait: {until: "9999-12-31T23:59:59-12:00"}, on_failure: continue}
      - {id: nap, wait: 36500d}
`)
	b.env.SetWorkflowRunTimeout(200 * 365 * 24 * time.Hour)
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Contains(t, step(t, rec, "never").Error, "9999-12-31")
	require.Equal(t, began.Add(36500*24*time.Hour), step(t, rec, "nap").Ended.UTC())
}

func TestManyStepsWithLargeArgumentsAreSpreadOverSeveralMessages(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: one, uses: test.do}
      - {id: names, uses: test.do}
      - id: all
        each:
          in: ${{ steps.names.outputs.list }}
          at_once: 60
          steps: [{id: two, uses: test.do, with: {say: "${{ steps.one.outputs.said }}"}}]
`)
	b.do = func(_ context.Context, id string, _ int, _ doInput) (doOutput, error) {
		return doOutput{Said: strings.Repeat("x", 120_000), List: strings.Split(strings.Repeat("x ", 59)+"x", " ")}, nil
	}
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Len(t, b.calls, 62)
	require.Equal(t, workflows.Succeeded, step(t, rec, "all[59].two").State)
}
