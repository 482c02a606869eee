package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// debt is a run that has ended, and what it takes to undo what it still owes.
type debt struct {
	workflowID string
	runID      string    // of the execution that ended; "" when only the journal knows it
	ended      time.Time // as far as it is known
	how        string    // how it ended, in words
	input      json.RawMessage
	carried    *workflows.Carried
	record     *workflows.Record
	notes      []string // what whoever decides should know
	later      int      // runs of the same id that came after it
}

// debt finds the run that is meant and everything that it takes to go on with it.
func (a *app) debt(ctx context.Context, cfg *config.Config, c *cluster, req undoRequest) (*debt, error) {
	arg := req.run
	if req.runID != "" {
		id, _ := splitRun(req.run)
		arg = id + "@" + req.runID
	}
	info, err := c.locate(ctx, arg)
	if err != nil {
		return a.forgottenDebt(ctx, cfg, arg, err)
	}
	id := info.GetExecution().GetWorkflowId()
	switch {
	case isOpen(info):
		return nil, isOpenStill(id)
	case info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return nil, exit(exitRefused, "%s has succeeded: it owes nothing; `%s` shows it", id, screen.Command("orderly", "show", id))
	}
	d := &debt{workflowID: id, runID: info.GetExecution().GetRunId(), ended: info.GetCloseTime().AsTime()}
	if err := d.readEnd(ctx, c, info); err != nil {
		return nil, err
	}
	o, err := c.opening(ctx, id, d.runID)
	if err != nil {
		return nil, failed("read the start of "+arg, err)
	}
	d.input = o.input
	err = errNoWorker
	if !req.fromJournal {
		d.carried, err = c.carried(ctx, id, d.runID)
	}
	if err == nil {
		d.record, err = d.carried.Record()
		return d, err
	}
	if errors.Is(err, errNoWorker) && !req.fromJournal {
		return nil, exit(exitUnreachable, "%s: %w\nOnly a worker can undo, so start one and try again. If none of those that run can read it, --journal goes by the journal's record.", id, err)
	}
	if !req.fromJournal {
		a.say("%s can't be read from its history: %s", id, screen.Clean(err.Error()))
	}
	err = d.takeFromJournal(ctx, cfg, o.recordRunID(d.runID))
	return d, err
}

// readEnd says how the execution ended.
func (d *debt) readEnd(ctx context.Context, c *cluster, info *workflowpb.WorkflowExecutionInfo) error {
	o, err := c.outcome(ctx, info)
	if err != nil {
		return failed("read how "+d.workflowID+" ended", err)
	}
	d.how = fmt.Sprintf("%s %s, %s ago", o.word, screen.Stamp(d.ended), screen.Took(now().Sub(d.ended)))
	if o.word == "terminated" && o.message != "" {
		d.how += ": " + o.message
	}
	return nil
}

// carried asks a run that has ended for what it takes to go on with it.
func (c *cluster) carried(ctx context.Context, workflowID, runID string) (*workflows.Carried, error) {
	value, err := c.query(ctx, workflowID, runID, workflows.QueryCarried)
	if err != nil {
		return nil, err
	}
	var carried workflows.Carried
	return &carried, value.Get(&carried)
}

// forgottenDebt goes by the journal when Temporal does not know the run.
func (a *app) forgottenDebt(ctx context.Context, cfg *config.Config, arg string, missing error) (*debt, error) {
	var e *exitError
	if !errors.As(missing, &e) || e.code != exitNotFound {
		return nil, missing
	}
	id, runID := splitRun(arg)
	r, err := fromJournal(ctx, cfg, id, runID)
	if err != nil {
		return nil, missing
	}
	d := &debt{workflowID: r.WorkflowID, ended: r.Updated(), how: "Temporal no longer knows it; " + string(r.State) + ", last heard of " + screen.Stamp(r.Updated())}
	if d.input, err = inputOf(r); err != nil {
		return nil, err
	}
	err = d.takeRecord(cfg, r)
	return d, err
}

// takeFromJournal goes by the journal's record when the run itself does not answer.
func (d *debt) takeFromJournal(ctx context.Context, cfg *config.Config, recordRunID string) error {
	r, err := fromJournal(ctx, cfg, d.workflowID, recordRunID)
	if err != nil {
		return exit(exitFailed, "%s: the journal does not help either: %w", d.workflowID, err)
	}
	return d.takeRecord(cfg, r)
}

// takeRecord makes of a record what the run itself would have told, with the procedure of the files here if that
// is the text which the run began with.
func (d *debt) takeRecord(cfg *config.Config, r *workflows.Record) error {
	lib, _ := procedures(cfg)
	p, ok := lib.Get(r.Procedure)
	switch {
	case !ok:
		return exit(exitNotFound, "%s: the procedure %s is not among the files here, and its text is needed to undo", d.workflowID, r.Procedure)
	case p.Digest != r.Digest:
		return exit(exitFailed, "%s ran with another text of %s than the file here has (%s, now %s).\n"+
			"Put that text into a folder, name the folder in `procedures` of an orderly.yaml for --config, and try again; or undo by hand:\n  %s",
			d.workflowID, r.Procedure, r.Digest, p.Digest, screen.Command("orderly", "show", d.workflowID))
	}
	pin := workflows.Pinned{File: p.File, Source: p.Source, Digest: p.Digest}
	if o, err := sops.FindOrg(sources(cfg)); err == nil {
		rules := o.Rules()
		pin.Rules = &rules
	}
	d.notes = append(d.notes, fmt.Sprintf("This is the journal's record, of %s: what the run did after that is not in it.", screen.Stamp(r.Updated())))
	if pin.Rules == nil && r.Rules != "" || pin.Rules != nil && r.Rules != "" && pin.Rules.Digest != r.Rules {
		d.notes = append(d.notes, "The policies of org.yaml have changed since the run began; those of today count.")
	}
	var err error
	d.record = r
	d.carried, err = workflows.CarryOn(pin, r)
	return err
}

// inputOf makes the start input again.
func inputOf(r *workflows.Record) (json.RawMessage, error) {
	p := plan{inputs: r.Inputs, by: r.By, drill: r.Drill, key: r.Key}
	in := p.payload()
	if r.Requester != "" {
		in[workflows.InputRequester] = r.Requester
	}
	return json.Marshal(in)
}

// check refuses what must not be undone: a run that is open, one that owes nothing, one that was gone on with.
func (d *debt) check(ctx context.Context, c *cluster) error {
	if d.record.State == workflows.Succeeded || len(d.record.Owed()) == 0 {
		return exit(exitRefused, "%s owes nothing: %w; `%s` shows it", d.workflowID, workflows.ErrNothingOwed, screen.Command("orderly", "show", d.workflowID))
	}
	newest, err := c.describe(ctx, d.workflowID, "")
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return err
	case isOpen(newest):
		return isOpenStill(d.workflowID)
	case newest.GetExecution().GetRunId() == d.runID:
		return nil
	}
	return d.successors(ctx, c)
}

// successors looks at the runs of the same id that came later: one of them may have gone on with this one, and
// then this account is out of date.
func (d *debt) successors(ctx context.Context, c *cluster) error {
	query := fmt.Sprintf("WorkflowId = %s AND StartTime >= %s AND %s", quote(d.workflowID), quote(d.ended.Add(-time.Second).UTC().Format(time.RFC3339)), lastExecutions)
	later, err := c.list(ctx, query, 1000)
	if err != nil {
		return err
	}
	others := 0
	for _, info := range later {
		runID := info.GetExecution().GetRunId()
		if runID == d.runID {
			continue
		}
		o, err := c.opening(ctx, d.workflowID, runID)
		if err != nil {
			return failed("read the start of "+d.workflowID, err)
		}
		if o.recordRunID("") == d.record.RunID {
			return exit(exitRefused, "%s was gone on with already; what that has left is undone with:\n  %s", d.workflowID,
				screen.Command("orderly", "undo", d.workflowID+"@"+runID))
		}
		others++
	}
	d.later = others
	return nil
}
