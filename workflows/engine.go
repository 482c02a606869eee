// Package workflows is how a procedure runs: one Temporal workflow function that interprets any
// procedure. It performs no I/O; what it needs from outside comes through activities.
//
// All state of a run is its Record. The interpreter is written so that it can be started over from a
// record at any point where no step is in flight: a step that is done is passed by, one that is not is
// (re)entered. That is how a long run continues as new, and it is the reason why nothing a run needs
// may live outside its record.
//
// It waits with workflow.Await and for futures only, never on channels, selectors or wait groups: a simulation hands
// out the turns of the coroutines itself (docs/decisions/0015).
package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// Options are what the engine has to be told. They must be the same on all workers of a task queue.
type Options struct {
	// Catalogue is every action there is. Required.
	Catalogue *sops.Catalogue
	// Version of this build, noted in records. Default "dev".
	Version string
	// Versioning says what happens to open runs when a new worker version is deployed, where worker
	// deployment versioning is on.
	Versioning workflow.VersioningBehavior
}

// Engine interprets procedures.
type Engine struct {
	catalogue *sops.Catalogue
	version   string
	parsed    *parseCache
}

// New makes an engine.
func New(o Options) *Engine {
	if o.Version == "" {
		o.Version = "dev"
	}
	return &Engine{catalogue: o.Catalogue, version: o.Version, parsed: newParseCache()}
}

// Register makes a worker serve every procedure, whatever its workflow type: one dynamic workflow reads
// the procedure's file when a run begins, so a new or edited file needs no restart.
func Register(r worker.WorkflowRegistry, o Options) {
	r.RegisterDynamicWorkflow(New(o).Run, workflow.DynamicRegisterOptions{
		LoadDynamicRuntimeOptions: func(workflow.LoadDynamicRuntimeOptionsDetails) (workflow.DynamicRuntimeOptions, error) {
			return workflow.DynamicRuntimeOptions{VersioningBehavior: o.Versioning}, nil
		},
	})
}

// Run is the workflow. Its first argument is the start input, one JSON object. The others are the engine's own, only
// there after it continued as new: what it carries on, or an alert that came when the incident before was ending.
func (e *Engine) Run(ctx workflow.Context, args converter.EncodedValues) (*Summary, error) {
	input, carried, alert, err := decodeArguments(args)
	if err != nil {
		return nil, err
	}
	r := &run{engine: e, input: input}
	if err := r.openDesk(ctx); err != nil { // before anything is waited for: a message may come with the start
		return nil, err
	}
	if carried != nil {
		err = r.resume(ctx, carried)
	} else {
		err = r.begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := r.answerQueries(ctx); err != nil {
		return nil, err
	}
	r.ready, r.first = true, alert
	if name := r.nameByKey(ctx); name != "" && carried == nil {
		return r.handOn(ctx, name)
	}
	return r.execute(ctx)
}

// The pace of the engine's own activities. They are small and local: reading a file, writing a row. A
// folder that can't be read is waited for, about a minute in all; a journal in another way, see save.
const (
	ownTimeout   = 20 * time.Second
	readAttempts = 12
	saveAttempts = 3
)
