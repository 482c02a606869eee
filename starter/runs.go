package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// runFilter is what `orderly runs` was asked for.
type runFilter struct {
	procedure string
	state     string
	since     string
	limit     int
	severity  string
	owner     string
	service   string
}

func (a *app) runsCommand() *cobra.Command {
	var f runFilter
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, the open ones first",
		Long: `List runs: those that are rolling back what they changed, the other open ones,
then those that ended last.

With --json the answer is a list of {workflow_id, run_id, procedure, key, state,
phase, started, ended, drill, severity, level, owner, services}.`,
		Example: examples(
			"orderly runs",
			"orderly runs --procedure daily-check --state failed --since 7d",
			"orderly runs --severity P1 --service api --state running",
			"orderly runs --json | jq -r '.[].workflow_id'"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runs(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.procedure, "procedure", "", "only runs of this procedure")
	cmd.Flags().StringVar(&f.state, "state", "", "only runs in this state: "+strings.Join(stateWords(), ", "))
	cmd.Flags().StringVar(&f.since, "since", "", "only runs started this long ago or later, such as 24h or 7d")
	cmd.Flags().StringVar(&f.severity, "severity", "", "only incidents of this severity, such as P1")
	cmd.Flags().StringVar(&f.owner, "owner", "", "only incidents that this person owns")
	cmd.Flags().StringVar(&f.service, "service", "", "only incidents that affect this service")
	cmd.Flags().IntVarP(&f.limit, "number", "n", 20, "at most so many")
	_ = cmd.RegisterFlagCompletionFunc("procedure", a.completeProcedures)
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(stateWords(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runs(ctx context.Context, f runFilter) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	query, err := f.query(a.temporal(cfg).TaskQueue, now())
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := c.list(ctx, query, f.limit)
	if err != nil {
		return err
	}
	rows := make([]runRow, len(found))
	for i, info := range found {
		rows[i] = readRow(info)
	}
	slices.SortStableFunc(rows, func(x, y runRow) int { return cmp.Compare(x.rank(), y.rank()) })
	if a.json {
		return a.printJSON(rows)
	}
	a.printRuns(rows, f.limit)
	return nil
}

// The words for states and the statuses that Temporal keeps for them.
var statuses = []struct{ word, status string }{
	{"running", "Running"}, {"succeeded", "Completed"}, {"failed", "Failed"}, {"cancelled", "Canceled"},
	{"terminated", "Terminated"}, {"timed-out", "TimedOut"},
}

func stateWords() []string {
	words := make([]string, len(statuses))
	for i, s := range statuses {
		words[i] = s.word
	}
	return words
}

// query is the filter in Temporal's words. It uses Orderly's own search attributes only for what is known of
// incidents alone, so that it also finds runs that no worker has touched yet.
func (f runFilter) query(queue string, at time.Time) (string, error) {
	if f.limit < 1 || f.limit > 10_000 {
		return "", exit(exitUsage, "-n must be between 1 and 10000")
	}
	if queue == "" {
		queue = workflows.DefaultTaskQueue
	}
	parts := []string{"TaskQueue = " + quote(queue), lastExecutions}
	if f.procedure != "" {
		parts = append(parts, typeIs(f.procedure))
	}
	if f.state != "" {
		i := slices.Index(stateWords(), f.state)
		if i < 0 {
			return "", exit(exitUsage, "unknown state %q; it is one of %s", f.state, strings.Join(stateWords(), ", "))
		}
		parts = append(parts, "ExecutionStatus = "+quote(statuses[i].status))
	}
	if f.since != "" {
		d, err := sops.ParseDuration(f.since)
		if err != nil {
			return "", exit(exitUsage, "--since %s: %w", f.since, err)
		}
		parts = append(parts, "StartTime >= "+quote(at.Add(-time.Duration(d)).Format(time.RFC3339)))
	}
	for _, is := range []struct{ attribute, value string }{
		{workflows.AttrSeverity.GetName(), f.severity}, {workflows.AttrOwner.GetName(), f.owner}, {workflows.AttrServices.GetName(), f.service},
	} {
		if is.value != "" {
			parts = append(parts, is.attribute+" = "+quote(is.value))
		}
	}
	return strings.Join(parts, " AND "), nil
}

// runRow is one run as `orderly runs` shows it.
type runRow struct {
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	Procedure  string     `json:"procedure"`
	Key        string     `json:"key"` // what follows the procedure in the workflow id
	State      string     `json:"state"`
	Phase      string     `json:"phase,omitempty"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	Drill      bool       `json:"drill,omitempty"`
	Severity   string     `json:"severity,omitempty"` // this and the next three: of an incident
	Level      string     `json:"level,omitempty"`
	Owner      string     `json:"owner,omitempty"` // id of a person
	Services   []string   `json:"services,omitempty"`
}

func readRow(info *workflowpb.WorkflowExecutionInfo) runRow {
	r := runRow{
		WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(),
		State: stateWord(info.GetStatus()), Started: info.GetStartTime().AsTime(),
	}
	procedure, key, _ := strings.Cut(r.WorkflowID, "/")
	r.Procedure, r.Key = procedure, key
	fields := info.GetSearchAttributes().GetIndexedFields()
	read := func(name string, into any) {
		if p := fields[name]; p != nil {
			_ = converter.GetDefaultDataConverter().FromPayload(p, into)
		}
	}
	read(workflows.AttrProcedure.GetName(), &r.Procedure)
	read(workflows.AttrDrill.GetName(), &r.Drill)
	read(workflows.AttrSeverity.GetName(), &r.Severity)
	read(workflows.AttrLevel.GetName(), &r.Level)
	read(workflows.AttrOwner.GetName(), &r.Owner)
	read(workflows.AttrServices.GetName(), &r.Services)
	if isOpen(info) {
		read(workflows.AttrPhase.GetName(), &r.Phase)
	}
	if closed := info.GetCloseTime(); closed != nil {
		ended := closed.AsTime()
		r.Ended = &ended
	}
	return r
}

func stateWord(s enumspb.WorkflowExecutionStatus) string {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return "running"
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "succeeded"
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "cancelled"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed-out"
	default:
		return strings.ToLower(s.String())
	}
}

// phaseRollback is the phase of a run that is putting back what it changed.
const phaseRollback = "rollback"

// rollingBack says that the run is open and puts back what it changed.
func (r runRow) rollingBack() bool { return r.Ended == nil && r.Phase == phaseRollback }

// rank puts first what an operator has to see first.
func (r runRow) rank() int {
	if r.rollingBack() {
		return 0
	}
	return 1
}

func (a *app) printRuns(rows []runRow, limit int) {
	if len(rows) == 0 {
		a.say("no runs; `orderly start <procedure>` starts one")
		return
	}
	a.print(runsTable(rows, a.paint()).Lines(a.room())...)
	if len(rows) == limit {
		a.say("only the first %d; -n shows more", limit)
	}
}

// runsTable has columns for severity and owner where there is an incident among the runs.
func runsTable(rows []runRow, p screen.Painter) *screen.Table {
	table := &screen.Table{Header: []string{"STARTED", "RUN", "TOOK", "STATE"}, Wraps: 1, Paint: p}
	incidents := slices.ContainsFunc(rows, func(r runRow) bool { return r.Severity != "" || r.Owner != "" })
	if incidents {
		table.Header = []string{"STARTED", "RUN", "SEV", "OWNER", "TOOK", "STATE"}
	}
	table.Style = func(column int, text string) screen.Tone {
		if column == len(table.Header)-1 {
			return rowTone(text)
		}
		return screen.Plain
	}
	for _, r := range rows {
		end := now()
		if r.Ended != nil {
			end = *r.Ended
		}
		state := r.State
		switch {
		case r.rollingBack():
			state += ", rolling back"
		case r.Phase != "":
			state += ", " + r.Phase
		}
		if r.Drill {
			state += " (drill)"
		}
		cells := []string{r.Started.UTC().Format("01-02 15:04:05Z"), r.WorkflowID}
		if incidents {
			cells = append(cells, r.Severity, r.Owner)
		}
		table.Add(append(cells, screen.Took(end.Sub(r.Started)), rowGlyph(r.State)+" "+state)...)
	}
	return table
}

func rowGlyph(word string) string { return screen.Glyph(rowState(word)) }

func rowTone(cell string) screen.Tone {
	fields := strings.Fields(cell)
	switch {
	case len(fields) < 2:
		return screen.Plain
	case strings.Contains(cell, ", rolling back"):
		return screen.Bad
	}
	return screen.StateTone(rowState(strings.TrimSuffix(fields[1], ",")))
}

// rowState is the state whose sign a word gets: terminated and timed out look like cancelled.
func rowState(word string) workflows.State {
	switch word {
	case "terminated", "timed-out":
		return workflows.Cancelled
	default:
		return workflows.State(word)
	}
}
