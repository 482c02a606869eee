package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// keyed is a procedure of which one run may be open for a place, whoever starts it.
const keyed = `
sop: keyed
title: Keyed
owners: [first]
inputs: {place: {type: string, default: here}}
key: ${{ inputs.place }}
schedules: [{id: nightly, cron: "0 2 1 1 *"}]
phases: [{id: a, steps: [{id: ready, ask: Ready, of: first}]}]
`

// TestAScheduledRunIsKnownByItsKey lets a schedule start what may be open once, beside what people start.
func TestAScheduledRunIsKnownByItsKey(t *testing.T) {
	t.Parallel()
	h := open(t, setting{
		procedures: map[string]string{"keyed.yaml": keyed, "org.yaml": sirenOrg},
		config:     "targets: {}\nnotify: {console: {}}\n",
	})
	c := h.temporal()
	says := func(args ...string) answer {
		t.Helper()
		said := h.orderly(args...)
		require.Zero(t, said.exit, "%v: %s%s", args, said.stdout, said.stderr)
		return said
	}
	says("setup")
	const id = "keyed/here"
	opens := func() {
		t.Helper()
		h.await("the run", time.Minute, func() bool {
			d, err := c.DescribeWorkflowExecution(t.Context(), id, "")
			return err == nil && d.GetWorkflowExecutionInfo().GetCloseTime() == nil && waits(h.record(c, id), "ready")
		})
	}
	start := strings.Split(strings.TrimSpace(says("schedule", "trigger", "keyed/nightly").stdout), "@")[0]
	opens()
	require.Equal(t, "schedule keyed/nightly", h.record(c, id).By)
	require.NotZero(t, h.orderly("start", "keyed").exit, "it is open")
	require.Equal(t, 1, strings.Count(says("runs").stdout, "keyed"), "one run, not two")
	require.Contains(t, says("show", "keyed").stdout, "keyed/here")
	says("done", "keyed", "ready", "--by", "ann")
	var result workflows.Summary
	require.NoError(t, c.GetWorkflow(t.Context(), start, "").Get(t.Context(), &result))
	require.Equal(t, workflows.Succeeded, result.State, "the schedule knows how it ended")

	says("start", "keyed")
	opens()
	start = strings.Split(strings.TrimSpace(says("schedule", "trigger", "keyed/nightly").stdout), "@")[0]
	require.NoError(t, c.GetWorkflow(t.Context(), start, "").Get(t.Context(), &result))
	require.Equal(t, workflows.Skipped, result.State, "somebody's own run is open")
	require.Contains(t, says("show", start).stdout, "keyed/here is open already")
	requireReplays(t, c, start, "keyed-skipped")
	says("abort", "keyed", "enough", "--by", "ann")
	h.await("its end", time.Minute, func() bool { return h.record(c, id).State.Done() })

	start = strings.Split(strings.TrimSpace(says("schedule", "trigger", "keyed/nightly").stdout), "@")[0]
	opens()
	require.NoError(t, c.CancelWorkflow(t.Context(), start, ""))
	require.Error(t, c.GetWorkflow(t.Context(), start, "").Get(t.Context(), nil))
	require.Equal(t, workflows.Cancelled, h.record(c, id).State, "whoever cancels the start means the run")
	requireReplays(t, c, start, "keyed-cancelled")
}
