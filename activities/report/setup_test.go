package report

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
)

// desk is a set of actions with a journal and a folder of artifacts.
type desk struct {
	actions
	dir string
}

func atDesk(t testing.TB) desk {
	t.Helper()
	a, _ := setup(t)
	dir := t.TempDir()
	a.keeper = artifact.NewKeeper(&config.Config{File: "orderly.yaml", Artifacts: config.Artifacts{Dir: dir}})
	return desk{actions: a, dir: dir}
}

// called calls an action as an activity.
func called[In, Out any](t testing.TB, fn func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "it"})
	var out Out
	value, err := env.ExecuteActivity("it", in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

// kept is the text of an artifact.
func (d desk) kept(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(key)))
	require.NoError(t, err)
	return string(text)
}

// measured keeps a value of a figure as of some hours ago.
func (d desk) measured(t *testing.T, name, subject string, hoursAgo int, value float64) {
	t.Helper()
	at := time.Now().Add(-time.Duration(hoursAgo) * time.Hour)
	require.NoError(t, d.journal.Measure(t.Context(), []journal.Measurement{{
		WorkflowID: "daily-check/1", RunID: at.String(), Step: "keep", Name: name, Subject: subject, Value: value, At: at,
	}}))
}

// ran keeps a run that ended some hours ago.
func (d desk) ran(t *testing.T, r journal.Run, hoursAgo int) {
	t.Helper()
	r.Started = time.Now().Add(-time.Duration(hoursAgo) * time.Hour)
	r.RunID = r.Started.String()
	r.Updated = r.Started.Add(time.Minute)
	if r.State != "running" {
		r.Ended = r.Updated
	}
	if r.Record == nil {
		r.Record = []byte(`{"procedure": "` + r.Procedure + `", "started": "2026-11-22T02:14:00Z"}`)
	}
	require.NoError(t, d.journal.SaveRun(t.Context(), r))
}

func ptr(v float64) *float64 { return &v }
