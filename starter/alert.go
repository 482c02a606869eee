package main

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// alertRequest is what `orderly alert` was asked for.
type alertRequest struct {
	startRequest // of a procedure

	alert  workflows.Alert
	labels []string // key=value
}

func (a *app) alertCommand() *cobra.Command {
	var req alertRequest
	cmd := &cobra.Command{
		Use:   "alert <run|procedure> --key <key> --status firing|resolved",
		Short: "Report an alert: it starts the incident or joins the open one",
		Long: `Report what a monitoring system saw. Given a procedure, a firing alert starts
its incident under its key (of a procedure without one, under the alert's), or
joins the one that is open; a resolved one starts nothing. Given a run, it joins
that.

` + refusedHelp,
		Example: examples(
			`orderly alert emergency-response --key api-down --summary "API answers 503"`,
			"orderly alert emergency-response --key api-down --status resolved"),
		Args:              exactly("run or procedure"),
		ValidArgsFunction: a.completeAlert,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.procedure = args[0]
			if err := req.read(); err != nil {
				return err
			}
			return a.alert(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.alert.Key, "key", "", "what makes it the same alert when it comes again")
	flags.StringVar(&req.alert.Status, "status", workflows.AlertFiring, "firing or resolved")
	flags.StringVar(&req.alert.Summary, "summary", "", "what is wrong, in one line")
	flags.StringArrayVar(&req.labels, "label", nil, "a label as key=value")
	flags.StringArrayVarP(&req.inputs, "input", "i", nil, "an input of a procedure that starts, as key=value")
	flags.StringVar(&req.inputFile, "input-file", "", "inputs as one YAML or JSON object, - for stdin; -i wins over it")
	flags.StringVar(&req.key, "run-key", "", "key of the run, instead of the procedure's own")
	flags.StringVar(&req.by, "by", "", "who or what starts it (default $ORDERLY_BY, else the system's user)")
	flags.BoolVar(&req.drill, "drill", false, "a rehearsal")
	_ = cmd.MarkFlagRequired("key")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{workflows.AlertFiring, workflows.AlertResolved}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// read checks the flags that make the alert.
func (req *alertRequest) read() error {
	if s := req.alert.Status; s != workflows.AlertFiring && s != workflows.AlertResolved {
		return exit(exitUsage, "--status is %q; it is %s or %s", s, workflows.AlertFiring, workflows.AlertResolved)
	}
	for _, pair := range req.labels {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return exit(exitUsage, "--label %q: write it as key=value", pair)
		}
		if req.alert.Labels == nil {
			req.alert.Labels = map[string]string{}
		}
		req.alert.Labels[name] = value
	}
	return nil
}

func (a *app) alert(ctx context.Context, req alertRequest) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if !a.meansProcedure(cfg, req.procedure) {
		return a.withOpenRun(ctx, req.procedure, func(c *cluster, run *workflowpb.WorkflowExecutionInfo) error {
			return a.deliver(ctx, c, run, workflows.MessageAlert, req.alert)
		})
	}
	p, err := a.plan(cfg, req.startRequest)
	if err != nil {
		return err
	}
	if p.key == "" {
		p.key = req.alert.Key // one incident a cause
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	if req.alert.Status == workflows.AlertResolved {
		return a.alertOver(ctx, c, p, req.alert)
	}
	return a.alertStarts(ctx, c, p, req.alert)
}

// meansProcedure says whether the argument names a procedure and not a run.
func (a *app) meansProcedure(cfg *config.Config, arg string) bool {
	if strings.Contains(arg, "/") {
		return false
	}
	lib, _ := procedures(cfg)
	_, known := lib.Get(arg)
	return known
}

// alertOver tells an open incident that its alert is over; nothing is started for that.
func (a *app) alertOver(ctx context.Context, c *cluster, p plan, alert workflows.Alert) error {
	id := workflows.WorkflowID(p.procedure, workflows.RunName(p.key, "", p.drill))
	run, err := c.describe(ctx, id, "")
	if err != nil && !isNotFound(err) {
		return err
	}
	if err != nil || !isOpen(run) {
		return a.printAnswer(workflows.Answer{Now: "no incident " + id + " is open: there is nothing to note"}, id, "")
	}
	return a.deliver(ctx, c, run, workflows.MessageAlert, alert)
}

// alertStarts starts the incident or joins it, and tells it of the alert in the same request: nobody can
// come between.
func (a *app) alertStarts(ctx context.Context, c *cluster, p plan, alert workflows.Alert) error {
	start := c.NewWithStartWorkflowOperation(c.startOptions(p, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING), workflows.WorkflowType(p.procedure), p.payload())
	id := workflows.WorkflowID(p.procedure, workflows.RunName(p.key, "", p.drill))
	within, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	handle, err := c.UpdateWithStartWorkflow(within, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: uuid.NewString(), WorkflowID: id, UpdateName: workflows.MessageAlert, Args: []any{alert},
			WaitForStage: client.WorkflowUpdateStageAccepted,
		},
	})
	var answer workflows.Answer
	if err == nil {
		answer, err = c.await(ctx, handle)
	}
	if err != nil {
		return c.alertNotTaken(ctx, id, alert, err)
	}
	runID := handle.RunID()
	a.sayLink(c.link(id, runID))
	return a.printAnswer(answer, id, runID)
}

// alertNotTaken tells an incident that has begun, and only waits for a worker, from one that has not.
func (c *cluster) alertNotTaken(ctx context.Context, id string, alert workflows.Alert, err error) error {
	run, lookErr := c.describe(ctx, id, "")
	if lookErr != nil {
		return failed("start "+id, err)
	}
	err = c.notTaken(ctx, run, workflows.MessageAlert, alert, err)
	var e *exitError
	if !errors.As(err, &e) || e.code != exitUnreachable || !isOpen(run) {
		return err
	}
	return exit(e.code, "%w\n%s is open all the same: `%s` follows it", err, id, screen.Command("orderly", "watch", id))
}
