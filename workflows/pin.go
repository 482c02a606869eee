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
	ActivitySave    = "orderly.save"    // Record, as JSON → nothing
	ActivityKeep    = "orderly.keep"    // KeptRecord → nothing
	ActivityWindow  = "orderly.window"  // WindowRequest → WindowState
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
	// Rules are pinned with a procedure that pages or asks people; nil with any other.
	Rules *sops.Rules `json:"rules,omitempty"`
	// Windows are the maintenance windows that were open when an incident began.
	Windows []Window `json:"windows,omitempty"`
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
	Title   string `json:"title,omitempty"` // of the procedure
	// Incident says that its runs are incidents: one that is open under the key is told of what starts it.
	Incident bool `json:"incident,omitempty"`
}

// load reads and pins the procedure: the run's first act.
func load(ctx workflow.Context) (Pinned, error) {
	var pin Pinned
	request := LoadRequest{WorkflowType: workflow.GetInfo(ctx).WorkflowType.Name}
	err := workflow.ExecuteLocalActivity(local(ctx, "Load the procedure", readAttempts), ActivityLoad, request).Get(ctx, &pin)
	return pin, plain(err)
}

// local is the context of the engine's own activities.
func local(ctx workflow.Context, summary string, attempts int32) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    ownTimeout,
		ScheduleToCloseTimeout: time.Duration(attempts) * ownTimeout, // by default it would be that of one attempt
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 100 * time.Millisecond, MaximumInterval: 10 * time.Second, MaximumAttempts: attempts,
		},
		Summary: summaryOf(summary),
	})
}

// parseCache keeps parsed procedures by name and text: parsing is a pure function of these, costs
// milliseconds, and would otherwise be done again at every replay. The digest would not do as the key:
// whoever starts a run with a made-up second argument could give any.
type parseCache struct {
	mu     sync.Mutex
	parsed map[parseKey]func() (*sops.Procedure, error)
}

type parseKey struct{ file, source string }

// parseCacheSize bounds the memory of a worker that sees ever new versions of files.
const parseCacheSize = 512

func newParseCache() *parseCache {
	return &parseCache{parsed: map[parseKey]func() (*sops.Procedure, error){}}
}

// parse gives the pinned procedure. The lock is not held while one is parsed: when a worker starts,
// hundreds of runs may be replayed at once.
func (e *Engine) parse(pin Pinned) (*sops.Procedure, error) {
	return e.parsed.entry(pin, e.catalogue)()
}

func (c *parseCache) entry(pin Pinned, cat *sops.Catalogue) func() (*sops.Procedure, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := parseKey{pin.File, pin.Source}
	if parsed, ok := c.parsed[key]; ok {
		return parsed
	}
	if len(c.parsed) >= parseCacheSize {
		clear(c.parsed)
	}
	parsed := sync.OnceValues(func() (*sops.Procedure, error) {
		// Only the text and the catalogue decide here. What else the file was checked against when it was
		// loaded (targets, other procedures) may have changed since and must not matter to a replay.
		p, problems := sops.Parse(pin.File, []byte(pin.Source), sops.Env{Catalogue: cat})
		if err := problems.Err(); err != nil {
			return nil, permanent(ErrProcedure, "%s", shorten(err.Error(), maxError))
		}
		return p, nil
	})
	c.parsed[key] = parsed
	return parsed
}
