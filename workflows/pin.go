package workflows

import (
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// Names of the engine's own activities, which package internal/engine implements.
const (
	ActivityLoad    = "orderly.load"    // LoadRequest → Pinned
	ActivityResolve = "orderly.resolve" // ResolveRequest → Resolved
	ActivitySave    = "orderly.save"    // Record → nothing
)

// LoadRequest asks for the procedure behind a workflow type.
type LoadRequest struct {
	WorkflowType string `json:"workflow_type"`
}

// Pinned is the procedure as it was when the run began. It is in the run's history, so editing the
// file never changes a run in flight.
type Pinned struct {
	File   string `json:"file"`
	Source string `json:"source"`
	Digest string `json:"digest"` // "sha256:<hex>" of Source
}

// ResolveRequest asks under which name another procedure would run with these inputs.
type ResolveRequest struct {
	Procedure string         `json:"procedure"`
	Inputs    map[string]any `json:"inputs"`
	Now       time.Time      `json:"now"`
}

// Resolved answers a ResolveRequest. Missing means that no such procedure exists (any more).
type Resolved struct {
	Missing bool   `json:"missing,omitempty"`
	Key     string `json:"key,omitempty"`
}

// load reads and pins the procedure: the run's first act.
func load(ctx workflow.Context) (Pinned, error) {
	var pin Pinned
	request := LoadRequest{WorkflowType: workflow.GetInfo(ctx).WorkflowType.Name}
	err := workflow.ExecuteLocalActivity(local(ctx, "Load the procedure"), ActivityLoad, request).Get(ctx, &pin)
	return pin, plain(err)
}

// local is the context of the engine's own activities.
func local(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: ownTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: ownAttempts},
		Summary:             summary,
	})
}

// parseCache keeps parsed procedures by digest: parsing is a pure function of the pinned text, costs
// milliseconds, and would otherwise be done again at every replay.
type parseCache struct {
	mu   sync.Mutex
	byID map[string]*sops.Procedure
}

// parseCacheSize bounds the memory of a worker that sees ever new versions of files.
const parseCacheSize = 512

func newParseCache() *parseCache { return &parseCache{byID: map[string]*sops.Procedure{}} }

func (e *Engine) parse(pin Pinned) (*sops.Procedure, error) {
	e.parsed.mu.Lock()
	defer e.parsed.mu.Unlock()
	if p, ok := e.parsed.byID[pin.Digest]; ok {
		return p, nil
	}
	// Only the text and the catalogue decide here. What else the file was checked against when it was
	// loaded (targets, other procedures) may have changed since and must not matter to a replay.
	p, problems := sops.Parse(pin.File, []byte(pin.Source), sops.Env{Catalogue: e.catalogue})
	if err := problems.Err(); err != nil {
		return nil, permanent(ErrProcedure, "%s", err.Error())
	}
	if len(e.parsed.byID) >= parseCacheSize {
		clear(e.parsed.byID)
	}
	e.parsed.byID[pin.Digest] = p
	return p, nil
}
