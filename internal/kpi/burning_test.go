package kpi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestAnIncidentThatBurnsCounts: what is open is among the incidents and what was promised and not kept among the
// promises, but nothing that nobody has done yet is in a mean.
func TestAnIncidentThatBurnsCounts(t *testing.T) {
	t.Parallel()
	o := Options{Since: monday, Until: after(day), Now: after(2 * time.Hour)}
	alone := promised(anIncident("alone", time.Hour), "acknowledge", 5*time.Minute, 0)
	alone.Clocks = append(alone.Clocks, &workflows.Clock{ID: "resolve", Kind: "resolve", Due: alone.Started.Add(time.Hour)})
	set := read(t, o, alone)
	require.Equal(t, Counts{Opened: 1, Open: 1, Unacknowledged: 1, BySeverity: []SeverityCount{{"platform", "P1", 1}}}, set.Incidents)
	require.Equal(t, []string{"mtbf 0s (1)", "recurrence 0 % (1)", "sla_compliance 0 % (1)"}, brief(set.Figures))

	taken := acked(promised(anIncident("taken", time.Hour), "acknowledge", 5*time.Minute, 3*time.Minute), "ben", 3*time.Minute)
	set = read(t, o, taken)
	require.Equal(t, 1, set.Incidents.Open)
	require.Zero(t, set.Incidents.Unacknowledged)
	require.Equal(t, []string{"mtta 3m (1)", "mtbf 0s (1)", "recurrence 0 % (1)", "sla_compliance 100 % (1)"}, brief(set.Figures))
}

// TestAnIncidentWhoseRunWasTerminatedBurnsNoMore: its record could not say so, but its row does.
func TestAnIncidentWhoseRunWasTerminatedBurnsNoMore(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	lost := anIncident("lost", time.Hour)
	save(t, j, lost)
	closed, err := j.CloseRun(t.Context(), lost.WorkflowID, lost.RunID, "terminated", after(3*time.Hour))
	require.NoError(t, err)
	require.True(t, closed)
	set, err := Read(t.Context(), j, Options{Since: monday, Until: after(day), Now: after(5 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, Counts{Opened: 1, Unresolved: 1, BySeverity: []SeverityCount{{"platform", "P1", 1}}}, set.Incidents)
	require.Equal(t, "2h", set.Figure(MTBF).Text, "of the four hours since the journal begins")
}

func TestPromisesThatMadeWayCount(t *testing.T) {
	t.Parallel()
	long := promised(anIncident("long", time.Hour), "acknowledge", 5*time.Minute, 3*time.Minute)
	long.LeftOut.Promises = []workflows.PastPromises{
		{Kind: "update", Kept: true, Hour: after(2 * time.Hour), N: 6}, {Kind: "update", Hour: after(3 * time.Hour), N: 1},
		{Kind: "update", Hour: after(25 * time.Hour), N: 5},
	}
	set := read(t, Options{Since: monday, Until: after(day), Now: after(2 * day)}, long)
	require.Equal(t, 8, set.Figure(SLA).N)
	require.InDelta(t, 7.0/8, value(set.Figure(SLA)), 1e-9)
	set = read(t, Options{Since: after(day), Until: after(2 * day), Now: after(2 * day)}, long)
	require.Equal(t, 5, set.Figure(SLA).N)
}
