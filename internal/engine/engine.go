// Package engine is the interpreter's hands: the few local activities of its own, which read procedures
// from their folders and keep records in the journal. Package workflows says what they are asked and
// answer.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// Keeper keeps records: the journal.
type Keeper interface {
	SaveRun(ctx context.Context, r journal.Run) error
}

// Activities are the engine's own. Files are read anew at each run, so that an edited procedure is
// served without a restart.
type Activities struct {
	sources []sops.Source
	env     sops.Env
	keeper  Keeper
	checked checked
}

// New makes the activities. env is what procedures are checked against when a run begins; its
// Procedures is the folders themselves.
func New(sources []sops.Source, env sops.Env, keeper Keeper) *Activities {
	a := &Activities{sources: sources, env: env, keeper: keeper}
	a.env.Procedures = a.procedure
	return a
}

// registry is the part of a Temporal worker that is needed here.
type registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register makes a worker serve them.
func (a *Activities) Register(r registry) {
	r.RegisterActivityWithOptions(a.load, activity.RegisterOptions{Name: workflows.ActivityLoad})
	r.RegisterActivityWithOptions(a.resolve, activity.RegisterOptions{Name: workflows.ActivityResolve})
	r.RegisterActivityWithOptions(a.save, activity.RegisterOptions{Name: workflows.ActivitySave})
}

func (a *Activities) load(_ context.Context, request workflows.LoadRequest) (workflows.Pinned, error) {
	file, src, err := sops.Find(a.sources, request.WorkflowType)
	if err != nil {
		return workflows.Pinned{}, permanent(workflows.ErrUnknownProcedure, err)
	}
	sum := sha256.Sum256(src)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if problems := a.check(file, digest, src); len(problems) > 0 {
		return workflows.Pinned{}, permanent(workflows.ErrProcedure, problems.Err())
	}
	return workflows.Pinned{File: file, Source: string(src), Digest: digest}, nil
}

func (a *Activities) resolve(_ context.Context, request workflows.ResolveRequest) (workflows.Resolved, error) {
	file, src, err := sops.Find(a.sources, workflows.WorkflowType(request.Procedure))
	if err != nil {
		return workflows.Resolved{Missing: true}, nil //nolint:nilerr // that there is none is the answer
	}
	p, problems := sops.Parse(file, src, a.env)
	if len(problems) > 0 {
		return workflows.Resolved{}, permanent(workflows.ErrProcedure, problems.Err())
	}
	inputs, err := p.CheckInputs(request.Inputs)
	if err != nil {
		return workflows.Resolved{}, permanent(workflows.ErrInput, fmt.Errorf("%s: %w", p.ID, err))
	}
	key, err := p.RunKey(inputs, request.Now)
	if err != nil {
		return workflows.Resolved{}, permanent(workflows.ErrInput, fmt.Errorf("%s: key: %w", p.ID, err))
	}
	return workflows.Resolved{Key: key}, nil
}

// procedure reads another procedure that one refers to. What that one refers to is not looked at: its
// own runs do.
func (a *Activities) procedure(id string) (*sops.Procedure, bool) {
	file, src, err := sops.Find(a.sources, workflows.WorkflowType(id))
	if err != nil {
		return nil, false
	}
	env := a.env
	env.Procedures = nil
	p, problems := sops.Parse(file, src, env)
	return p, len(problems) == 0
}

func (a *Activities) save(ctx context.Context, rec workflows.Record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return permanent("InvalidRecord", fmt.Errorf("encode the record of %s: %w", rec.WorkflowID, err))
	}
	row := journal.Run{
		WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, Key: rec.Key,
		State: string(rec.State), Drill: rec.Drill, By: rec.By,
		Started: rec.Started, Updated: rec.Updated(), Digest: rec.Digest, Record: data,
	}
	if rec.Ended != nil {
		row.Ended = *rec.Ended
	}
	return a.keeper.SaveRun(ctx, row)
}

func permanent(kind string, err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), kind, nil)
}
