package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnExpressionThatCanNotBeEvaluatedFailsItsStep breaks an expression in every position there is.
func TestAnExpressionThatCanNotBeEvaluatedFailsItsStep(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
inputs: {list: {type: list, default: []}, when: {type: string, default: soon}}
phases:
  - id: before
    steps: [{id: one, uses: test.do}]
  - id: a
    steps:
      - BROKEN
  - id: after
    steps: [{id: last, uses: test.do}]
finally: [{id: tidy, uses: test.do}]
`
	for name, c := range map[string]struct{ step, want string }{
		"If":         {`{id: x, uses: test.do, if: 'inputs.list[3] == 1'}`, `phase "a", step "x": if: `},
		"With":       {`{id: x, uses: test.do, with: {say: "${{ string(inputs.list[3]) }}"}}`, `phase "a", step "x": with: `},
		"Expect":     {`{id: x, uses: test.do, expect: 'inputs.list[3] == 1'}`, `phase "a", step "x": expect: `},
		"Until":      {`{id: x, repeat: {every: 1m, for: 1h, until: 'inputs.list[3] == 1', steps: [{id: y, uses: test.do}]}}`, `phase "a", step "x": repeat: until: `},
		"EachIn":     {`{id: x, each: {in: "${{ inputs.list[3] }}", steps: [{id: y, uses: test.do}]}}`, `phase "a", step "x": each: in: `},
		"EachInText": {`{id: x, each: {in: "${{ inputs.list.size() == 0 ? dyn('a') : dyn(inputs.list) }}", steps: [{id: y, uses: test.do}]}}`, `phase "a", step "x": each: in must be a list`},
		"WaitUntil":  {`{id: x, wait: {until: "${{ inputs.when }}"}}`, `phase "a", step "x": wait: until must be a time such as 2026-11-21T02:00:00Z, got soon`},
		"RunWith":    {`{id: x, run: other, with: {a: "${{ inputs.list[3] }}"}}`, `phase "a", step "x": with: `},
		"InnerIf":    {`{id: x, parallel: [{id: y, uses: test.do, if: 'inputs.list[3] == 1'}]}`, `phase "a", step "y": if: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, strings.Replace(p, "BROKEN", c.step, 1))
			rec := b.start("P")
			require.ErrorContains(t, b.env.GetWorkflowError(), c.want)
			require.Equal(t, "failed", string(rec.Phases[1].State))
			require.NotContains(t, b.calls, "last")
			require.Contains(t, b.calls, "tidy")
		})
	}
	t.Run("PhaseIf", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(p, "  - id: a\n    steps:\n      - BROKEN", "  - {id: a, if: 'inputs.list[3] == 1', steps: [{id: x, uses: test.do}]}", 1))
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `phase "a": if: `)
		require.Equal(t, "failed", string(rec.Phases[1].State))
		require.NotNil(t, rec.Phases[1].Ended)
		require.Contains(t, b.calls, "tidy")
	})
	t.Run("Key", func(t *testing.T) {
		t.Parallel()
		b := setup(t, "sop: p\ntitle: P\ninputs: {list: {type: list}}\nkey: k${{ inputs.list[3] }}\nphases: [{id: a, steps: [{id: x, uses: test.do}]}]\n")
		b.env.ExecuteWorkflow("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), "key")
		require.Empty(t, b.calls)
	})
	t.Run("ButNotWhenTheStepIsContinued", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(p, "BROKEN", `{id: x, uses: test.do, if: 'inputs.list[3] == 1', on_failure: continue}`, 1))
		b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Contains(t, b.calls, "last")
	})
}

// TestAFailureThatIsContinued is kept inside the step that says so, whatever kind it is.
func TestAFailureThatIsContinued(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]string{
		"OfAParallel":        `{id: x, on_failure: continue, parallel: [{id: bad, uses: test.do}, {id: good, uses: test.do}]}`,
		"OfAnEach":           `{id: x, on_failure: continue, each: {in: [1, 2], steps: [{id: bad, uses: test.do}]}}`,
		"OfARoundOfAnEach":   `{id: x, each: {in: [1, 2], steps: [{id: bad, uses: test.do, on_failure: continue}, {id: good, uses: test.do}]}}`,
		"OfARepeat":          `{id: x, on_failure: continue, repeat: {every: 1m, for: 2m, steps: [{id: bad, uses: test.do}]}}`,
		"OfARoundOfARepeat":  `{id: x, repeat: {every: 1m, for: 2m, steps: [{id: bad, uses: test.do, on_failure: continue}]}}`,
		"OfARunThatIsAbsent": `{id: x, run: nothing-here, on_failure: continue}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "sop: p\ntitle: P\nphases: [{id: a, steps: [{id: first, uses: test.do}, "+step+", {id: last, uses: test.do}]}]\n")
			b.do = failing("bad", "x[0].bad", "x[1].bad", "x[2].bad")
			b.start("P")
			require.NoError(t, b.env.GetWorkflowError())
			require.Contains(t, b.calls, "last")
		})
	}
}
