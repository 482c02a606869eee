package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	store "github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func TestRecentTellsWhatOtherRunsNotedLately(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	now := time.Now()
	for id, r := range map[string]store.Run{
		"default-test-workflow-id": {State: "running", Started: now}, // the run that asks
		"backup/1":                 {State: "failed", Started: now.Add(-time.Hour), Procedure: "backup"},
		"daily-check/1":            {State: "succeeded", Started: now.Add(-2 * time.Hour)},
		"drill/1":                  {State: "failed", Started: now.Add(-time.Hour), Drill: true},
		"backup/0":                 {State: "failed", Started: now.Add(-30 * time.Hour)},
	} {
		r.WorkflowID, r.RunID, r.Updated, r.Record = id, id, r.Started, json.RawMessage("{}")
		require.NoError(t, j.SaveRun(t.Context(), r))
	}
	require.NoError(t, j.AddFindings(t.Context(), []store.Finding{
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 0, At: now, Severity: "critical", Check: "dump", Text: "is empty"},
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 1, At: now, Severity: "warning", Check: "disk", Text: "filling"},
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 2, At: now, Severity: "info", Check: "disk", Text: "note"},
		{WorkflowID: "backup/0", RunID: "0", Step: "s", At: now.Add(-30 * time.Hour), Severity: "critical", Check: "old", Text: "old"},
		{WorkflowID: "default-test-workflow-id", RunID: "2", Step: "s", At: now, Severity: "critical", Check: "own", Text: "own"},
	}))

	out, err := attempt(t, a.recent, RecentInput{})
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 1}, []int{out.Runs, out.Critical, out.Warnings})
	require.Len(t, out.Failed, 1)
	require.Equal(t, "backup", out.Failed[0].Procedure)
	require.Len(t, out.Findings, 1)
	require.Equal(t, "is empty", out.Findings[0].Text)

	out, err = attempt(t, a.recent, RecentInput{Since: sops.Duration(48 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, []int{3, 2, 1}, []int{out.Runs, out.Critical, out.Warnings})

	_, err = attempt(t, a.recent, RecentInput{Since: sops.Duration(91 * 24 * time.Hour)})
	testenv.RequirePermanent(t, err, action.ErrInput)
	_, err = attempt(t, actions{}.recent, RecentInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
}

func TestRecentTellsWhichIncidentsGoOnWheneverTheyBegan(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	began := time.Now().Add(-60 * 24 * time.Hour).UTC().Truncate(time.Second)
	incident := func(rest string) json.RawMessage {
		return json.RawMessage(`{"procedure": "emergency-response", "started": "` + began.Format(time.RFC3339) + `", "incident": {` + rest + `}}`)
	}
	for id, r := range map[string]store.Run{
		"emergency-response/open":  {State: "running", Record: incident(`"state": "acknowledged", "severity": "P1", "services": ["api"], "alerts": [{"key": "a"}]`)},
		"emergency-response/held":  {State: "running", Record: incident(`"state": "open", "severity": "P1", "held_back": {}`)},
		"emergency-response/over":  {State: "succeeded", Ended: began.Add(time.Hour), Record: incident(`"state": "open", "severity": "P1"`)},
		"emergency-response/drill": {State: "running", Drill: true, Record: incident(`"state": "open", "severity": "P1"`)},
		"monitor/all":              {State: "running", Record: json.RawMessage(`{"procedure": "monitor", "started": "2026-11-22T02:14:00Z"}`)},
		"damaged/1":                {State: "running", Record: json.RawMessage(`{"procedure": 1}`)},
	} {
		r.WorkflowID, r.RunID, r.Procedure, r.Started, r.Updated = id, id, "emergency-response", began, began
		require.NoError(t, j.SaveRun(t.Context(), r))
	}
	out, err := attempt(t, a.recent, RecentInput{})
	require.NoError(t, err)
	require.Equal(t, []OpenIncident{{WorkflowID: "emergency-response/open", Severity: "P1", State: "acknowledged", Services: []string{"api"}, Since: began, Alerts: 1}}, out.Open)
}
