package journal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	store "github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

func TestRecentTellsWhatHappenedLately(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	now := time.Now()
	for id, r := range map[string]store.Run{
		"backup/1":      {State: "failed", Started: now.Add(-time.Hour)},
		"backup/2":      {State: "succeeded", Started: now.Add(-2 * time.Hour)},
		"backup/drill":  {State: "failed", Started: now.Add(-time.Hour), Drill: true},
		"backup/before": {State: "failed", Started: now.Add(-48 * time.Hour)},
	} {
		r.WorkflowID, r.RunID, r.Procedure, r.Updated, r.Record = id, id, "backup", now, []byte("{}")
		require.NoError(t, j.SaveRun(t.Context(), r))
	}
	require.NoError(t, j.AddFindings(t.Context(), []store.Finding{
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 0, At: now.Add(-time.Hour), Severity: "critical", Check: "disk", Text: "it is full"},
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 1, At: now.Add(-time.Hour), Severity: "warning", Check: "cpu", Text: "it is busy"},
		{WorkflowID: "backup/1", RunID: "1", Step: "s", N: 2, At: now.Add(-48 * time.Hour), Severity: "critical", Check: "disk", Text: "long ago"},
	}))
	out, err := attempt(t, a.recent, RecentInput{})
	require.NoError(t, err)
	require.Equal(t, 2, out.Runs)
	require.Len(t, out.Failed, 1)
	require.Equal(t, "backup/1", out.Failed[0].WorkflowID)
	require.Equal(t, []int{1, 1}, []int{out.Critical, out.Warnings})
	require.Equal(t, "it is full", out.Findings[0].Text)

	t.Run("AndRefusesATimeOutOfBounds", func(t *testing.T) {
		t.Parallel()
		_, err := attempt(t, a.recent, RecentInput{Since: sops.Duration(91 * 24 * time.Hour)})
		requireKind(t, action.ErrInput, err)
	})
}
