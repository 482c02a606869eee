package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestALongRunContinuesAsNewAndLosesNothing goes past the history length (4,096 events) at which Temporal
// suggests a new execution.
func TestALongRunContinuesAsNewAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := open(t, setting{config: "targets: {}\n", procedures: map[string]string{"long.yaml": `
sop: long
title: Long
within: 1h
phases:
  - id: all
    within: 1h
    steps:
      - id: many
        each: {in: "${{ lists.range(800) }}", as: n, steps: [{id: look, uses: targets.list}]}
      - id: sum
        uses: report.findings
        with: {rules: [{check: items, severity: info, found: ["${{ string(size(steps.many.outputs.items.filter(i, i.status == 'succeeded'))) }} items"]}]}
`}})
	said := h.orderly("start", "long", "--watch")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	require.Contains(t, said.stdout, "800 items")
	rec := h.record(h.temporal(), latest(t, h, "long"))
	require.Positive(t, rec.Continued)
	require.Equal(t, workflows.Succeeded, rec.State)
	for _, c := range rec.Clocks {
		require.NotNil(t, c.Met, "the clock of %s went over", c.ID)
	}
	require.Equal(t, 1, len(h.record(h.temporal(), rec.WorkflowID).Findings))
}
