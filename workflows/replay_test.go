package workflows_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/workflows"
)

// TestRecordedHistoriesReplay keeps runs of earlier versions alive: what they have in history must be
// what today's interpreter would do. `make record` adds a history when the interpreter changes.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer, workflows.Options{Catalogue: activities.Catalogue()})
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}
