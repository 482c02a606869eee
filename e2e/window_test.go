package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// upkeep is a maintenance window that ends when somebody says so.
const upkeep = `
sop: upkeep
title: Upkeep
key: api
within: 1h
maintenance: {services: [api]}
phases: [{id: a, steps: [{id: ready, ask: Is it done, of: first}]}]
`

// TestAnIncidentDuringMaintenancePagesOnlyWhenItHasEnded has a real Temporal find the window.
func TestAnIncidentDuringMaintenancePagesOnlyWhenItHasEnded(t *testing.T) {
	t.Parallel()
	h := open(t, setting{
		procedures: map[string]string{"upkeep.yaml": upkeep, "siren.yaml": siren, "org.yaml": sirenOrg},
		config:     "targets: {}\nnotify: {console: {}}\n",
	})
	c := h.temporal()
	says := func(args ...string) {
		t.Helper()
		said := h.orderly(args...)
		require.Zero(t, said.exit, "%v: %s%s", args, said.stdout, said.stderr)
	}
	says("start", "upkeep")
	const window = "upkeep/api"
	var id string
	h.await("the window to be seen", time.Minute, func() bool { // visibility and the worker's memory of it are seconds behind
		says("start", "siren")
		id = latest(t, h, "siren")
		h.await("the incident", time.Minute, func() bool {
			inc := h.record(c, id).Incident
			return inc != nil && (inc.HeldBack != nil || len(h.record(c, id).Pages) > 0)
		})
		if h.record(c, id).Incident.HeldBack != nil {
			return true
		}
		says("abort", id, "too early", "--by", "ann")
		return false
	})
	rec := h.record(c, window)
	require.Equal(t, id, rec.Window.Alerts[0].Key)
	require.Empty(t, h.record(c, id).Pages)
	require.Contains(t, h.orderly("show", id).stdout, "eld back")

	says("done", window, "ready", "--by", "ann")
	h.await("the end of the maintenance", time.Minute, func() bool { return h.record(c, window).State == workflows.Succeeded })
	h.await("the page", 90*time.Second, func() bool { return len(h.record(c, id).Pages) > 0 })
	require.Equal(t, "the maintenance has ended", h.record(c, id).Incident.HeldBack.Why)
	says("abort", id, "enough", "--by", "ann")
	h.await("the end", time.Minute, func() bool { return h.record(c, id).State.Done() })
	requireReplays(t, c, id, "siren-held-back")
	requireReplays(t, c, window, "upkeep-succeeded")
}
