package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// undoRequest is what `orderly undo` was asked for.
type undoRequest struct {
	run, runID  string
	by, reason  string
	yes, watch  bool
	fromJournal bool
}

func (a *app) undoCommand() *cobra.Command {
	var req undoRequest
	cmd := &cobra.Command{
		Use:   "undo <run>",
		Short: "Undo what a run that has ended still owes",
		Long: `Undo what a run has changed and did not put back before it ended: because it
was terminated in Temporal, or because somebody left it there. What is owed is
shown first, and asked about on a terminal; elsewhere --yes is needed. The run
is then gone on with under its own id: it undoes in reverse order, with the
procedure as it was when the run began, does what follows the undo, and its
last steps unless they have run. What would lose data is approved by people
first.

A run that is open is not undone but ended: orderly abort undoes first. One
that has succeeded owes nothing.

What the run did is read from Temporal; when Temporal has forgotten it, from
the journal. When no worker answers, --journal goes by the journal, too, which
may lack the run's last moments.

With --json: {workflow_id, run_id, procedure, key, by, drill, undo_of, owed,
url}, owed being the list of what is undone.

` + runHelp,
		Example: examples(
			"orderly undo weekly-maintenance/docs-db",
			`orderly undo weekly-maintenance/docs-db --reason "by mistake" --yes --watch`),
		Args:              exactly("run"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.run = args[0]
			return a.undo(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.runID, "run-id", "", "which of the runs with that workflow id, instead of the newest")
	byFlag(cmd, &req.by)
	flags.StringVar(&req.reason, "reason", "", "why")
	flags.BoolVarP(&req.yes, "yes", "y", false, "do not ask")
	flags.BoolVarP(&req.watch, "watch", "w", false, "follow the run until it ends")
	flags.BoolVar(&req.fromJournal, "journal", false, "go by the journal's record")
	return cmd
}

func (a *app) undo(ctx context.Context, req undoRequest) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	d, err := a.debt(ctx, cfg, c, req)
	if err != nil {
		return err
	}
	if err := d.check(ctx, c); err != nil {
		return err
	}
	a.showDebt(d)
	if err := a.confirm(req.yes); err != nil {
		return err
	}
	// Somebody else may have been quicker while this one was asked.
	if err := d.check(ctx, c); err != nil {
		return err
	}
	carried, err := workflows.UndoOf(d.carried, called(cfg, a.who(req.by)), req.reason)
	if err != nil {
		return exit(exitFailed, "undo %s: %w", d.workflowID, err)
	}
	run, err := c.goOn(ctx, d, carried)
	if err != nil {
		return err
	}
	a.undoStarted(c, d, run, a.who(req.by))
	if !req.watch {
		return nil
	}
	return a.watch(ctx, cfg, c, run.GetID(), run.GetRunID())
}

// called is a person's name in org.yaml, or what they call themselves.
func called(cfg *config.Config, by string) string {
	if o, err := sops.FindOrg(sources(cfg)); err == nil {
		if id, p, ok := o.Who(by); ok {
			return cmp.Or(p.Name, id)
		}
	}
	return by
}

// showDebt says how the run ended and what is undone now, in this order.
func (a *app) showDebt(d *debt) {
	if a.json {
		return
	}
	width, r := a.width(), d.record
	a.print(screen.Wrap(screen.Clean(cmp.Or(r.Title, r.Procedure)+": "+d.how), width)...)
	a.print(screen.Cut(screen.Clean(d.workflowID+"@"+d.runID), width))
	if r.Failure != nil {
		a.print(screen.Wrap(screen.Clean(r.Failure.String()), width)...)
	}
	a.section("Is undone now, in this order", screen.UndoTable(r.Owed(), a.paint(), width))
	a.print("")
	notes := d.notes
	if d.later > 0 {
		notes = append(notes, plural(d.later, "run")+" of the same id came after it: see that what is undone now is not theirs.")
	}
	for _, note := range notes {
		a.say("%s", strings.Join(screen.Wrap(screen.Clean(note), width), "\n"))
	}
}

// confirm asks a person at the terminal; anybody else has to have said so.
func (a *app) confirm(yes bool) error {
	switch {
	case yes:
		return nil
	case !a.asks():
		return exit(exitUsage, "nothing was started; --yes says that it is to be undone")
	}
	return confirmed(a.stdin, a.stderr)
}

// goOn starts the run again under its id, to undo.
func (c *cluster) goOn(ctx context.Context, d *debt, carried *workflows.Carried) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: d.workflowID, TaskQueue: c.queue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		StaticSummary:            screen.Cut("Undo: "+d.record.Title, titleLimit),

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.WorkflowType(d.record.Procedure), d.input, carried)
	var open *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &open) {
		return nil, isOpenStill(d.workflowID)
	}
	if err != nil {
		return nil, failed("undo "+d.workflowID, err)
	}
	return run, nil
}

// isOpenStill says what to do about a run that has not ended.
func isOpenStill(workflowID string) error {
	return exit(exitOpen, "%s is open: `%s` ends it and undoes first what it has changed, where its procedure says so; `%s` shows it",
		workflowID, screen.Command("orderly", "abort", workflowID)+" …", screen.Command("orderly", "show", workflowID))
}

// undoing is how `--json` tells of an undo that was started. Its fields are stable.
type undoing struct {
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	Procedure  string     `json:"procedure"`
	Key        string     `json:"key,omitempty"`
	By         string     `json:"by,omitempty"`
	Drill      bool       `json:"drill,omitempty"`
	UndoOf     string     `json:"undo_of"` // run id of the execution that had ended; empty when only the journal knew it
	Owed       []owedUndo `json:"owed"`    // in the order in which it is undone
	URL        string     `json:"url,omitempty"`
}

type owedUndo struct {
	Step   string          `json:"step"` // its path
	Title  string          `json:"title"`
	Action string          `json:"action"`
	State  workflows.State `json:"state"` // pending, running when it was cut off, failed
}

func (a *app) undoStarted(c *cluster, d *debt, run client.WorkflowRun, by string) {
	link := c.link(run.GetID(), run.GetRunID())
	if a.json {
		u := undoing{
			WorkflowID: run.GetID(), RunID: run.GetRunID(), Procedure: d.record.Procedure, Key: d.record.Key,
			By: by, Drill: d.record.Drill, UndoOf: d.runID, Owed: []owedUndo{}, URL: link,
		}
		for _, s := range d.record.Owed() {
			u.Owed = append(u.Owed, owedUndo{Step: strings.TrimPrefix(s.Path, prefixUndo), Title: s.Title, Action: s.Action, State: s.State})
		}
		_ = a.printJSONLine(u)
		return
	}
	a.print(screen.Clean(run.GetID()) + "@" + run.GetRunID())
	a.say("it is being undone; `%s` follows it", screen.Command("orderly", "watch", run.GetID()))
	a.sayLink(link)
}

// confirmed wants a plain yes.
func confirmed(in io.Reader, out io.Writer) error {
	fmt.Fprint(out, "Undo this now? Type yes: ")
	lines := bufio.NewScanner(in)
	if lines.Scan() && strings.EqualFold(strings.TrimSpace(lines.Text()), "yes") {
		return nil
	}
	return exit(exitUsage, "nothing was started")
}
