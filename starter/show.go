package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/orderly-ops/orderly/internal/diagram"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

func (a *app) showCommand() *cobra.Command {
	pages, format := false, formatText
	cmd := &cobra.Command{
		Use:   "show <run>",
		Short: "Show a run's record: phases, steps, outputs, findings, clocks",
		Long: `Show how a run stands: its phases and steps with what they brought, findings,
clocks, and why it failed; of one that is rolled back first what was undone and
what is left; of an incident also whose it is, what waits for whom, and who was
paged over what. --json prints the whole record. A closed run whose worker is
gone, or any while Temporal can't be reached, is read from the journal.

` + runHelp,
		Example: examples(
			"orderly show daily-check",
			"orderly show emergency-response/api --format svg > night.svg",
			"orderly show weekly-maintenance/docs-db --json | jq '.phases[].steps[].outputs'"),
		Args:              exactly("run"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.withRecord(cmd.Context(), args[0], func(f found) error {
				if format != formatText && !a.json {
					a.draw(diagram.Timeline(f.record), format)
					return nil
				}
				f.pages = pages
				return a.show(f)
			})
		},
	}
	formatFlag(cmd, &format, "a picture of its time")
	cmd.Flags().BoolVar(&pages, "pages", false, "every page that went out, not only the last of each tier")
	return cmd
}

// found is a run that was asked for.
type found struct {
	record  *workflows.Record
	outcome outcome // of a run that is over
	over    bool
	link    string
	pages   bool // all of them
}

// withRecord finds the run that arg means and gives its record to use. Temporal forgets closed runs
// after the namespace's retention, and may be away; then only the journal knows them.
func (a *app) withRecord(ctx context.Context, arg string, use func(found) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return a.kept(ctx, cfg, arg, err, use)
	}
	defer c.Close()
	info, err := c.locate(ctx, arg)
	if err != nil {
		return a.kept(ctx, cfg, arg, err, use)
	}
	f := found{link: c.link(info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())}
	if !isOpen(info) {
		if f.outcome, err = c.outcome(ctx, info); err != nil {
			return failed("read how "+arg+" ended", err)
		}
		f.over = true
	}
	f.record, err = a.record(ctx, cfg, c, info)
	if errors.Is(err, errNoRecord) {
		f.record, err = c.bareRecord(ctx, info), nil
	}
	if err != nil {
		return failed("read the record of "+arg, err)
	}
	if f.over {
		settle(f.record, f.outcome)
	}
	return use(f)
}

// bareRecord is what can be said of a run that never had a record.
func (c *cluster) bareRecord(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) *workflows.Record {
	row := readRow(info)
	r := &workflows.Record{
		Procedure: row.Procedure, WorkflowID: row.WorkflowID, RunID: row.RunID, State: workflows.Running,
		Started: row.Started, Inputs: map[string]any{}, Phases: []*workflows.Phase{}, Timeline: []workflows.Event{},
	}
	if o, err := c.opening(ctx, row.WorkflowID, row.RunID); err == nil {
		r.By, r.Drill, r.Key = o.by, o.drill, o.key
	}
	return r
}

// outcome is how a closed run ended.
func (c *cluster) outcome(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	return c.awaitEnd(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), func(string) {})
}

func (a *app) show(f found) error {
	r := f.record
	if a.json {
		return a.printJSON(r)
	}
	width, paint := a.width(), a.paint()
	a.print(screen.Head(r, paint, width, now())...)
	if r.File != "" {
		a.print(screen.Cut(screen.Clean(r.File+"  "+r.Digest), width))
	}
	if len(r.Inputs) > 0 {
		a.print(screen.Wrap(screen.Clean("inputs: "+screen.Inputs(r.Inputs)), a.room())...)
	}
	a.section("", screen.Rollback{Width: width, Paint: paint, Now: now()}.Lines(r))
	a.section("", screen.Incident(r, paint, width))
	a.section("Waits for people", screen.Asks{Width: width, Paint: paint, Now: now(), Questions: true}.Lines(r))
	tree := &screen.Tree{Width: width, Paint: paint, Now: now(), Items: true, Outputs: true}
	a.section("", tree.Lines(r))
	a.section("Clocks", screen.Clocks(screen.ByDue(r.Clocks), paint, width, now()))
	a.people(f, width)
	if len(r.Findings) > 0 {
		a.section("Findings: "+screen.CountFindings(r.Findings), screen.Findings(r.Findings, paint, a.room()))
	}
	switch {
	case r.Failure != nil && r.Rollback != nil && r.Rollback.Why == *r.Failure: // it has been said
	case r.Failure != nil:
		a.section("Failure", screen.Wrap(screen.Clean(r.Failure.String()), a.room()))
	case f.over && f.outcome.message != "":
		a.section(f.outcome.word, screen.Wrap(screen.Clean(f.outcome.message), a.room()))
	}
	a.sayLink(f.link)
	return nil
}

// updatesShown is how many status updates `orderly show` prints; the timeline has all.
const updatesShown = 5

// people prints who was paged, and what the stakeholders and the monitoring have said.
func (a *app) people(f found, width int) {
	paint := a.paint()
	paging := screen.Paging(f.record, paint, width, now())
	if f.over {
		paging = nil
	}
	a.section("Pages", append(paging, screen.Pages(f.record, f.pages, paint, width)...))
	a.section("Status updates", screen.Updates(f.record, updatesShown, width))
	a.section("Alerts", screen.Alerts(f.record, width))
}

// section prints lines under a heading; nothing when there are none.
func (a *app) section(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	a.print("")
	if heading != "" {
		a.print(a.paint().Tone(screen.Bold, heading))
	}
	a.print(lines...)
}
