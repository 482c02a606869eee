// Package engine is the interpreter's hands: the few activities of its own, which read procedures and
// org.yaml from their folders, page and tell people, and keep records in the journal. Package workflows
// says what they are asked and answer.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/notify"
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
	people  *People
	checked checked
	alone   alone
	windows windows
}

// Option changes activities while they are made.
type Option func(*Activities)

// Reaching says who is asked and paged, and how. Without it nobody can be reached.
func Reaching(people *People) Option { return func(a *Activities) { a.people = people } }

// New makes the activities. env is what procedures are checked against when a run begins; its
// Procedures and Org are what the folders hold. keeper may be nil for a rehearsal: then runs that go on are kept nowhere.
func New(sources []sops.Source, env sops.Env, keeper Keeper, options ...Option) *Activities {
	env.Procedures, env.Org = nil, nil
	a := &Activities{sources: sources, env: env, keeper: keeper}
	for _, o := range options {
		o(a)
	}
	if a.people == nil {
		a.people = NewPeople(sources, notify.NewHub(nil, notify.Options{}), PeopleOptions{})
	}
	return a
}

// registry is the part of a Temporal worker that is needed here.
type registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register makes a worker serve them.
func (a *Activities) Register(r registry) {
	for name, f := range map[string]any{
		workflows.ActivityLoad:    a.load,
		workflows.ActivityResolve: a.resolve,
		workflows.ActivitySave:    a.save,
		workflows.ActivityKeep:    a.keep,
		workflows.ActivityWindow:  a.window,
		workflows.ActivityPage:    a.people.page,
		workflows.ActivityPerson:  a.people.person,
		workflows.ActivityDeliver: a.people.deliver,
		workflows.ActivityTell:    a.people.tell,
		workflows.ActivityBoard:   a.people.board,
		workflows.ActivityRoom:    a.people.room,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

func (a *Activities) load(ctx context.Context, request workflows.LoadRequest) (workflows.Pinned, error) {
	file, src, err := sops.Find(a.sources, request.WorkflowType)
	if err != nil {
		return workflows.Pinned{}, notFound(err)
	}
	sum := sha256.Sum256(src)
	pin := workflows.Pinned{File: file, Source: string(src), Digest: "sha256:" + hex.EncodeToString(sum[:])}
	org, noOrg := a.people.Org()
	t, known := a.checked.find(pin.File, pin.Digest, digestOf(org))
	if !known {
		p, err := a.parse(file, src, org)
		if err != nil {
			return workflows.Pinned{}, err
		}
		t = traitsOf(p)
		a.checked.add(p, digestOf(org))
	}
	if t.people || t.owners && org != nil {
		pin.Rules, err = a.rules(request.WorkflowType, org, noOrg)
	}
	if temporal := temporalOf(ctx); t.incident && temporal != nil {
		pin.Windows = a.windows.list(ctx, temporal)
	}
	return pin, err
}

// rules are what a run pins of the org.
func (a *Activities) rules(procedure string, org *sops.Org, noOrg error) (*sops.Rules, error) {
	var problems sops.Problems
	switch {
	case org != nil:
		rules := org.Rules()
		return &rules, nil
	case errors.Is(noOrg, sops.ErrNoOrg), errors.As(noOrg, &problems):
		return nil, permanent(workflows.ErrProcedure, fmt.Errorf("%s needs an org.yaml: %s", procedure, a.people.redact(noOrg.Error())))
	default: // a folder that is away
		return nil, a.people.unusable(noOrg)
	}
}

func digestOf(org *sops.Org) string {
	if org == nil {
		return ""
	}
	return org.Digest
}

func (a *Activities) resolve(_ context.Context, request workflows.ResolveRequest) (workflows.Resolved, error) {
	file, src, err := sops.Find(a.sources, workflows.WorkflowType(request.Procedure))
	switch {
	case errors.Is(err, sops.ErrNoProcedure):
		return workflows.Resolved{Missing: true}, nil
	case err != nil:
		return workflows.Resolved{}, notFound(err)
	}
	org, _ := a.people.Org() // without one, what is taken from it goes unchecked
	// What it says of other procedures is checked when its own run begins.
	p, err := a.alone.get(file, src, org, func() (*sops.Procedure, sops.Problems) {
		env := a.env
		env.Org = org
		return sops.Parse(file, src, env)
	})
	if err != nil {
		return workflows.Resolved{}, err
	}
	inputs, err := p.CheckInputs(request.Inputs)
	if err != nil {
		return workflows.Resolved{}, permanent(workflows.ErrInput, fmt.Errorf("%s: %w", p.ID, err))
	}
	key, err := p.RunKey(inputs, request.Now)
	if err == nil {
		err = workflows.CheckKey(key)
	}
	if err != nil {
		return workflows.Resolved{}, permanent(workflows.ErrInput, fmt.Errorf("%s: key: %w", p.ID, err))
	}
	return workflows.Resolved{Key: key, Title: p.Title, Incident: p.Incident != nil}, nil
}

// parse checks a procedure, what it says of others included.
func (a *Activities) parse(file string, src []byte, org *sops.Org) (*sops.Procedure, error) {
	env := a.env
	env.Org = org
	others := &neighbours{sources: a.sources, env: env, known: map[string]*sops.Procedure{}}
	env.Procedures = others.procedure
	p, problems := sops.Parse(file, src, env)
	switch {
	case others.err != nil:
		return nil, notFound(others.err)
	case len(problems) > 0:
		return nil, permanent(workflows.ErrProcedure, worst(problems))
	}
	return p, nil
}

// neighbours are the procedures that one refers to, each read once. What they refer to is not looked at:
// their own runs do.
type neighbours struct {
	sources []sops.Source
	env     sops.Env
	known   map[string]*sops.Procedure
	err     error // of a folder or file that could not be read
}

func (n *neighbours) procedure(id string) (*sops.Procedure, bool) {
	p, seen := n.known[id]
	if !seen {
		p = n.read(id)
		n.known[id] = p
	}
	return p, p != nil
}

func (n *neighbours) read(id string) *sops.Procedure {
	file, src, err := sops.Find(n.sources, workflows.WorkflowType(id))
	if err != nil {
		if !errors.Is(err, sops.ErrNoProcedure) {
			n.err = err
		}
		return nil
	}
	p, _ := sops.Parse(file, src, n.env)
	return p
}

// keep is save for a run that goes on.
func (a *Activities) keep(ctx context.Context, kept workflows.KeptRecord) error {
	if a.keeper == nil {
		return nil
	}
	data, err := kept.JSON()
	if err != nil {
		return permanent("InvalidRecord", err)
	}
	return a.save(ctx, data)
}

func (a *Activities) save(ctx context.Context, data json.RawMessage) error {
	var rec workflows.Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return permanent("InvalidRecord", fmt.Errorf("read a run's record: %w", err))
	}
	row := journal.Run{
		WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, Key: rec.Key,
		State: string(rec.State), Drill: rec.Drill, By: rec.By,
		Started: rec.Started, Updated: rec.Updated(), Revision: rec.Revision, Digest: rec.Digest, Record: data,
	}
	if rec.Ended != nil {
		row.Ended = *rec.Ended
	}
	return a.keeper.SaveRun(ctx, row)
}

// notFound is why no file was read: for good when there is none, and to be tried again when a folder or
// file could not be read (a mount that is away, a file being replaced).
func notFound(err error) error {
	if errors.Is(err, sops.ErrNoProcedure) {
		return permanent(workflows.ErrUnknownProcedure, err)
	}
	return temporal.NewApplicationError(err.Error(), workflows.ErrUnreadable)
}

// maxProblems is how many problems of a file a failure names. The text is kept in the run's history.
const maxProblems = 20

func worst(problems sops.Problems) error {
	if left := len(problems) - maxProblems; left > 0 {
		return fmt.Errorf("%w\nand %d more: see orderly validate", problems[:maxProblems].Err(), left)
	}
	return problems.Err()
}

func permanent(kind string, err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), kind, nil)
}
