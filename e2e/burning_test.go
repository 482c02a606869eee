package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/kpi"
)

const blaze = `
sop: blaze
title: Blaze
incident: {severity: P2, services: [api], summary: It is on fire}
phases: [{id: wait, steps: [{id: over, wait: {for: resolved}}]}]
`

// figures is what `orderly kpi` says, which asks the journal and nobody else.
func (h *house) figures() *kpi.Set {
	h.t.Helper()
	said := h.orderly("kpi", "--json")
	require.Zero(h.t, said.exit, said.stderr)
	var set kpi.Set
	require.NoError(h.t, json.Unmarshal([]byte(said.stdout), &set))
	return &set
}

// TestTheEngineReplaysAnIncidentThatBurns looks at the key figures while an incident goes on: the journal knows how
// it stands long before its run ends, and also that it was terminated.
func TestTheEngineReplaysAnIncidentThatBurns(t *testing.T) {
	t.Parallel()
	h := open(t, setting{
		procedures: map[string]string{"blaze.yaml": blaze, "org.yaml": sirenOrg},
		config:     "targets: {}\nnotify: {console: {}}\n",
	})
	c := h.temporal()
	counts := func(want kpi.Counts) func() bool {
		return func() bool {
			got := h.figures().Incidents
			return got.Opened == want.Opened && got.Open == want.Open && got.Unacknowledged == want.Unacknowledged &&
				got.Resolved == want.Resolved && got.Unresolved == want.Unresolved
		}
	}
	began := time.Now()
	require.Zero(t, h.orderly("start", "blaze").exit)
	id := latest(t, h, "blaze")
	h.await("the journal to know of it", 30*time.Second, counts(kpi.Counts{Opened: 1, Open: 1, Unacknowledged: 1}))
	t.Logf("in the figures %s after the start began", time.Since(began).Round(time.Millisecond))
	resp, err := http.Get(h.http + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(metrics), "orderly_kpi_incidents_open 1\n")
	require.Contains(t, string(metrics), "orderly_kpi_incidents_unacknowledged 1\n")
	require.Zero(t, h.figures().Figure(kpi.MTTA).N)

	h.await("the broken promise", 30*time.Second, func() bool { return h.figures().Figure(kpi.SLA).N == 1 })
	require.Zero(t, *h.figures().Figure(kpi.SLA).Value, "nobody acknowledged within two seconds")
	require.Zero(t, h.orderly("ack", id, "--by", "ann").exit)
	h.await("the acknowledgement", 30*time.Second, counts(kpi.Counts{Opened: 1, Open: 1}))
	require.Equal(t, 1, h.figures().Figure(kpi.MTTA).N)
	require.Contains(t, h.orderly("kpi").stdout, "1 open")
	require.Zero(t, h.orderly("resolve", id, "out", "--by", "ann").exit)
	h.await("the resolution", 30*time.Second, counts(kpi.Counts{Opened: 1, Resolved: 1}))
	require.NoError(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	requireReplays(t, c, id, "blaze-kept")
	require.Zero(t, h.orderly("start", "blaze").exit)
	id = latest(t, h, "blaze")
	h.await("the second one", 30*time.Second, counts(kpi.Counts{Opened: 2, Resolved: 1, Open: 1, Unacknowledged: 1}))
	require.NoError(t, c.TerminateWorkflow(t.Context(), id, "", "somebody meant well"))
	h.server.kill()
	h.server = h.restart(h.server)
	h.ready()
	h.await("the journal to know that it was terminated", 30*time.Second, counts(kpi.Counts{Opened: 2, Resolved: 1, Unresolved: 1}))
	require.False(t, slices.ContainsFunc(h.figures().LeftOut, func(l kpi.LeftOut) bool { return l.WorkflowID == id }))
}
