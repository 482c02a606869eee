package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// verb is a command that sends a run one message.
type verb struct {
	use, short string
	long       string
	examples   string
	message    string   // its name, one of the contract's
	needs      []string // what the arguments after <run> are called, as far as they have to be there
	most       int      // arguments after <run>; 0: the last one is text of any length
	// payload makes the message of the arguments after <run>.
	payload func(by string, args []string) (any, error)
	// names finds the step that the first argument after <run> means; nil where the run itself knows.
	names func(r *workflows.Record, named string) string
	// offer completes the arguments after <run>; nil offers nothing.
	offer func(r *workflows.Record, args []string) []string
}

// refusedHelp is what the help of every such command ends with.
const refusedHelp = `It prints what is true afterwards; with --json: {now, changed, by, workflow_id,
run_id}, where changed is false when somebody had done it before. What the run
refuses ends with exit code 7 and the reason.

` + openRunHelp

// openRunHelp says what a <run> may be where only open ones count.
const openRunHelp = `<run> is a workflow id, the beginning of one that fits only one open run, or a
procedure's id when just one run of it is open.`

func (a *app) messageCommand(v verb) *cobra.Command {
	by := ""
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: strings.TrimSpace(v.long + "\n\n" + refusedHelp), Example: v.examples,
		Args:              a.wants(v),
		ValidArgsFunction: a.completeMessage(v.offer),
		RunE: func(cmd *cobra.Command, args []string) error {
			rest, err := a.fromStdin(args[1:])
			if err != nil {
				return err
			}
			payload, err := v.payload(a.who(by), rest)
			if err != nil {
				return err
			}
			return a.withOpenRun(cmd.Context(), args[0], func(c *cluster, run *workflowpb.WorkflowExecutionInfo) error {
				if v.names != nil {
					// A run that does not answer now may still take the message, as it was typed.
					if r, err := c.status(cmd.Context(), run.GetExecution().GetWorkflowId(), ""); err == nil {
						rest[0] = v.names(r, rest[0])
						payload, _ = v.payload(a.who(by), rest) // it could be made before
					}
				}
				return a.deliver(cmd.Context(), c, run, v.message, payload)
			})
		},
	}
	byFlag(cmd, &by)
	return cmd
}

func byFlag(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "who you are in org.yaml (default $ORDERLY_BY, else the system's user)")
}

// wants names the arguments that are missing.
func (a *app) wants(v verb) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		names := append([]string{"run"}, v.needs...)
		switch {
		case len(args) < len(names):
			return fmt.Errorf("say %s", strings.Join(names[len(args):], " and "))
		case v.most > 0 && len(args) > v.most+1:
			return fmt.Errorf("too much: %s", strings.Join(args[v.most+1:], " "))
		}
		return nil
	}
}

// fromStdin replaces a last argument "-" by what stdin holds.
func (a *app) fromStdin(args []string) ([]string, error) {
	if len(args) == 0 || args[len(args)-1] != "-" {
		return args, nil
	}
	text, err := readAll(a.stdin, "stdin")
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return append(args[:len(args)-1:len(args)-1], strings.TrimSpace(string(text))), nil
}

// words joins the arguments that are text; a shell has taken it apart at the spaces.
func words(args []string) string { return strings.TrimSpace(strings.Join(args, " ")) }

// withOpenRun finds the open run that arg means and gives it to use.
func (a *app) withOpenRun(ctx context.Context, arg string, use func(*cluster, *workflowpb.WorkflowExecutionInfo) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	run, err := c.locateOpen(ctx, arg)
	if err != nil {
		return err
	}
	return use(c, run)
}

// answered is how `--json` tells of a message that was taken. Its fields are stable.
type messageAnswer struct {
	workflows.Answer
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// deliver sends the message and prints the answer.
func (a *app) deliver(ctx context.Context, c *cluster, run *workflowpb.WorkflowExecutionInfo, name string, payload any) error {
	answer, err := c.send(ctx, run, name, payload)
	if err != nil {
		return err
	}
	return a.printAnswer(answer, run.GetExecution().GetWorkflowId(), run.GetExecution().GetRunId())
}

func (a *app) printAnswer(answer workflows.Answer, workflowID, runID string) error {
	if a.json {
		return a.printJSON(messageAnswer{Answer: answer, WorkflowID: workflowID, RunID: runID})
	}
	a.print(screen.Clean(answer.Now))
	return nil
}

// send asks an open run to take a message and waits for the answer. However often the request has to be
// repeated on its way, it carries one update id, so that the run takes it once.
func (c *cluster) send(ctx context.Context, run *workflowpb.WorkflowExecutionInfo, name string, payload any) (workflows.Answer, error) {
	id := run.GetExecution().GetWorkflowId()
	options := client.UpdateWorkflowOptions{
		UpdateID: uuid.NewString(), WorkflowID: id, UpdateName: name, Args: []any{payload},
		WaitForStage: client.WorkflowUpdateStageAccepted,
		// Not the run id: a run that continues as new meanwhile is still the same one.
		FirstExecutionRunID: run.GetFirstRunId(),
	}
	handle, err := c.update(ctx, options)
	if err != nil {
		return workflows.Answer{}, c.notTaken(ctx, run, name, payload, err)
	}
	answer, err := c.await(ctx, handle)
	if err != nil {
		return answer, c.notTaken(ctx, run, name, payload, err)
	}
	return answer, nil
}

// update repeats the request while Temporal itself is away, as long as an operator would wait.
func (c *cluster) update(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	for {
		handle, err := c.UpdateWorkflow(ctx, options)
		if err == nil || isRefusal(err) || !comesBack(err) || !pause(ctx, quick) {
			return handle, err
		}
	}
}

// await waits for the answer to a message that a worker has taken up.
func (c *cluster) await(ctx context.Context, handle client.WorkflowUpdateHandle) (workflows.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	var answer workflows.Answer
	err := handle.Get(ctx, &answer)
	if isRefusal(err) || !timedOut(err) {
		return answer, err
	}
	return answer, exit(exitUnreachable, "%s has taken the message up but has not answered within %s; "+
		"`%s` shows what became of it", handle.WorkflowID(), soon, screen.Command("orderly", "timeline", handle.WorkflowID()))
}

func isRefusal(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app)
}

func timedOut(err error) bool {
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	return errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

// notTaken says why a message was not taken, and what to do.
func (c *cluster) notTaken(ctx context.Context, run *workflowpb.WorkflowExecutionInfo, name string, payload any, err error) error {
	id := run.GetExecution().GetWorkflowId()
	var e *exitError
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &e):
		return err
	case errors.As(err, &app) && app.Type() == workflows.ErrRefused:
		return exit(exitRefused, "%s", app.Message())
	case isRefusal(err), isNotFound(err): // it may have ended meanwhile
		if now, lookErr := c.describe(ctx, id, run.GetExecution().GetRunId()); lookErr == nil && !isOpen(now) {
			return c.closed(ctx, now)
		}
		return exit(exitFailed, "%s to %s: %w", name, id, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case !timedOut(err):
		return failed(name+" to "+id, err)
	}
	if down := c.health(ctx); down != nil {
		return failed(name+" to "+id, down)
	}
	return c.nobodyThere(id, name, payload)
}

// nobodyThere says what to do when no worker takes a message.
func (c *cluster) nobodyThere(id, name string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	signal := screen.Command("temporal", "workflow", "signal", "--namespace", c.namespace, "--workflow-id", id, "--name", name, "--input", string(text))
	return exit(exitUnreachable, "no worker has taken the message within %s: is one running (`make run`, or bin/worker), or is it busy?\n"+
		"A worker that comes soon may still take it, so look at `%s` before you repeat it.\n"+
		"No signal was sent. This leaves one, which waits until a worker is there:\n  %s",
		soon, screen.Command("orderly", "timeline", id), signal)
}
