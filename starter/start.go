package main

import (
	"context"
	"errors"
	"os/user"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// startRequest is what `orderly start` was asked for.
type startRequest struct {
	procedure string
	inputs    []string // key=value
	inputFile string
	key       string
	by        string
	drill     bool
	watch     bool
}

func (a *app) startCommand() *cobra.Command {
	var req startRequest
	cmd := &cobra.Command{
		Use:   "start <procedure>",
		Short: "Start a run of a procedure",
		Long: `Start a run of a procedure. All inputs are checked before anything starts. Where
the procedure has a key, only one run with that key may be open: if there is one
already it is named and the exit code is 6; with --watch it is followed instead.
An incident that is open is told that somebody has seen it again.

A procedure that is not in the folders here may still be known to the workers.
It is started by its name with a note; inputs are then read as YAML and checked
by the worker.

With --json: {workflow_id, run_id, procedure, key, by, drill, joined, url}.`,
		Example: examples(
			"orderly start daily-check --watch",
			"orderly start weekly-maintenance -i database=docs-db --by ann",
			"echo '{\"hosts\": [\"a\", \"b\"]}' | orderly start reboot --input-file -",
			"orderly start daily-check --drill"),
		Args:              exactly("procedure"),
		ValidArgsFunction: a.completeProcedures,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.procedure = args[0]
			return a.start(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&req.inputs, "input", "i", nil, "an input as key=value; lists and maps as YAML or JSON")
	flags.StringVar(&req.inputFile, "input-file", "", "inputs as one YAML or JSON object, - for stdin; -i wins over it")
	flags.StringVar(&req.key, "key", "", "key of the run, instead of the procedure's own")
	flags.StringVar(&req.by, "by", "", "who starts it (default $ORDERLY_BY, else the system's user)")
	flags.BoolVar(&req.drill, "drill", false, "a rehearsal: destructive actions only say what they would do")
	flags.BoolVarP(&req.watch, "watch", "w", false, "follow the run until it ends")
	return cmd
}

// plan is a start that was checked.
type plan struct {
	procedure string
	key       string
	by        string
	drill     bool
	incident  bool
	title     string         // what the Temporal UI says of the run; "" of a procedure that only the workers know
	about     string         // the same in more words
	inputs    map[string]any // as typed, without defaults: the worker fills those in from its own file
}

func (a *app) start(ctx context.Context, req startRequest) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	p, err := a.plan(cfg, req)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	run, err := c.start(ctx, p)
	if open := new(openRun); errors.As(err, &open) {
		return a.alreadyOpen(ctx, cfg, c, p, open, req.watch)
	}
	if err != nil {
		return failed("start "+req.procedure, err)
	}
	a.started(c, p, run.GetID(), run.GetRunID(), false)
	if !req.watch {
		return nil
	}
	return a.watch(ctx, cfg, c, run.GetID(), run.GetRunID())
}

// who is the person or program that starts runs from here.
func (a *app) who(flag string) string {
	if flag != "" {
		return flag
	}
	if by := a.getenv("ORDERLY_BY"); by != "" {
		return by
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// openRun says that a run with the key is open.
type openRun struct{ workflowID, runID string }

func (o *openRun) Error() string { return "a run of " + o.workflowID + " is open" }

// start starts the run. The SDK repeats a request whose answer got lost under the same request id, so
// there is one run however often it is sent.
func (c *cluster) start(ctx context.Context, p plan) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	options := c.startOptions(p, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL)
	options.WorkflowExecutionErrorWhenAlreadyStarted = true
	run, err := c.ExecuteWorkflow(ctx, options, workflows.WorkflowType(p.procedure), p.payload())
	var open *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &open) {
		return nil, &openRun{workflowID: options.ID, runID: open.RunId}
	}
	return run, err
}

// startOptions name the run; conflict says what happens when one of that name is open.
func (c *cluster) startOptions(p plan, conflict enumspb.WorkflowIdConflictPolicy) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       workflows.WorkflowID(p.procedure, workflows.RunName(p.key, tail(), p.drill)),
		TaskQueue:                c.queue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: conflict,
		StaticSummary:            p.title,
		StaticDetails:            p.about,
	}
}

// tail makes the id of a run without a key unique, and sortable by eye.
func tail() string {
	return time.Now().UTC().Format("20060102-150405") + "-" + uuid.NewString()[:8]
}

// payload is the start input: the inputs and Orderly's own keys.
func (p plan) payload() map[string]any {
	in := make(map[string]any, len(p.inputs)+3)
	for k, v := range p.inputs {
		in[k] = v
	}
	if p.by != "" {
		in[workflows.InputBy] = p.by
	}
	if p.drill {
		in[workflows.InputDrill] = true
	}
	if p.key != "" {
		in[workflows.InputKey] = p.key
	}
	return in
}

// startedRun is how `--json` tells of a start. Its fields are stable.
type startedRun struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Procedure  string `json:"procedure"`
	Key        string `json:"key,omitempty"`
	By         string `json:"by,omitempty"`
	Drill      bool   `json:"drill,omitempty"`
	Joined     bool   `json:"joined,omitempty"` // it was open already
	URL        string `json:"url,omitempty"`
}

func (a *app) started(c *cluster, p plan, workflowID, runID string, joined bool) {
	link := c.link(workflowID, runID)
	if a.json {
		_ = a.printJSONLine(startedRun{
			WorkflowID: workflowID, RunID: runID, Procedure: p.procedure, Key: p.key, By: p.by, Drill: p.drill,
			Joined: joined, URL: link,
		})
		return
	}
	a.print(screen.Clean(workflowID) + "@" + runID)
	a.sayLink(link)
}

// alreadyOpen says which run is in the way, or follows it.
func (a *app) alreadyOpen(ctx context.Context, cfg *config.Config, c *cluster, p plan, open *openRun, watch bool) error {
	began, mine := "", p
	if info, err := c.describe(ctx, open.workflowID, open.runID); err == nil {
		began = " since " + screen.Stamp(info.GetStartTime().AsTime())
	}
	if o, err := c.opening(ctx, open.workflowID, open.runID); err == nil && o.by != "" {
		began += ", started by " + screen.Clean(o.by)
		p.by, p.drill = o.by, o.drill
	}
	a.started(c, p, open.workflowID, open.runID, true)
	if watch {
		a.say("already open%s; following it", began)
		return a.watch(ctx, cfg, c, open.workflowID, open.runID)
	}
	joined := a.joinIncident(ctx, c, mine, open)
	return exit(exitOpen, "%s is already open%s%s; `orderly watch %s` follows it", open.workflowID, began, joined, open.workflowID)
}

// joinIncident tells an open incident that somebody else has seen it as well, and says what came of it.
func (a *app) joinIncident(ctx context.Context, c *cluster, p plan, open *openRun) string {
	if !p.incident {
		return ""
	}
	run, err := c.describe(ctx, open.workflowID, open.runID)
	if err == nil {
		_, err = c.send(ctx, run, workflows.MessageAlert, workflows.Alert{
			Key: "start by " + p.by, Status: workflows.AlertFiring, Summary: p.summary(),
		})
	}
	if err != nil {
		a.say("it could not be told that it was started again: %v", err)
		return ""
	}
	return "; you have joined it: it was told that you saw it too"
}

// summary is what whoever starts an incident says of it.
func (p plan) summary() string {
	for _, name := range []string{"reason", "summary"} {
		if text, ok := p.inputs[name].(string); ok && text != "" {
			return text
		}
	}
	return "started again"
}
