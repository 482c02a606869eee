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
