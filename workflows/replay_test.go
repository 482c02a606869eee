package workflows_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops"
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
			replayer := newReplayer(t)
			workflows.Register(replayer, workflows.Options{Catalogue: activities.Catalogue()})
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}

// TestRecordedHistoriesReplayWhenActionsHaveGrown: a new action, and a new field of an old one, must not
// disturb a run in flight.
func TestRecordedHistoriesReplayWhenActionsHaveGrown(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	today := activities.Catalogue()
	grown := []sops.Action{{Name: "brand.new", Input: &sops.Type{Kind: sops.TypeObject}, Output: &sops.Type{Kind: sops.TypeObject}}}
	for _, name := range today.Names() {
		a, _ := today.Action(name)
		a.Input, a.Output = grow(a.Input), grow(a.Output)
		a.Timeout, a.Retry.Attempts = 2*a.Timeout, a.Retry.Attempts+1
		grown = append(grown, a)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := newReplayer(t)
			workflows.Register(replayer, workflows.Options{Catalogue: sops.NewCatalogue(grown...)})
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}

func newReplayer(t *testing.T) worker.WorkflowReplayer {
	t.Helper()
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()}})
	require.NoError(t, err)
	return r
}

func grow(t *sops.Type) *sops.Type {
	more := *t
	more.Fields = append(slices.Clone(t.Fields), sops.Field{Name: "brand_new", Type: &sops.Type{Kind: sops.TypeString}, Optional: true})
	return &more
}
