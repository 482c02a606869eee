package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// ExecuteChildWorkflow implements interceptor.WorkflowOutboundInterceptor. A run that is waited for is simulated
// as well, unless the scenario says what it comes to. One that is left running is only noted.
func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, kind string, args ...any) workflow.ChildWorkflowFuture {
	o.w.count(activityEvents)
	options := workflow.GetChildWorkflowOptions(ctx)
	procedure, _, _ := strings.Cut(options.WorkflowID, "/")
	left := options.ParentClosePolicy == enumspb.PARENT_CLOSE_POLICY_ABANDON
	stub, stubbed := o.w.scenario.Procedures[procedure]
	c := o.newChild(ctx)
	if !left && !stubbed {
		o.runChild(ctx, c, kind, args)
		return c
	}
	open := o.w.openRun(options.WorkflowID) != nil || o.w.isNoted(options.WorkflowID)
	if left {
		o.w.noteStart(ctx, o.run, options.WorkflowID, args, open)
	}
	if open {
		c.failed(&temporal.ChildWorkflowExecutionAlreadyStartedError{})
		return c
	}
	o.w.started[options.WorkflowID] = o.w.now().Add(maxHorizon)
	if stubbed && stub.After > 0 {
		o.w.started[options.WorkflowID] = o.w.now().Add(stub.After)
	}
	c.began.Set(workflow.Execution{ID: options.WorkflowID, RunID: fmt.Sprintf("noted-%d", len(o.w.started))}, nil)
	if left {
		return c
	}
	outside, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(outside, "run "+options.WorkflowID, func(outside workflow.Context) {
		began := workflow.Now(outside)
		left := o.w.alive(began.Add(stub.After)).Sub(began)
		cancelled, _ := o.await(outside, left, func() bool { return ctx.Err() != nil }) // outside of any cancellation
		delete(o.w.started, options.WorkflowID)
		c.ended.Set(stub.summary(procedure, began, workflow.Now(outside), cancelled))
	})
	return c
}

// runChild has another run simulated in the same environment. One begins after the other and time stands still
// meanwhile, because the environment begins each in a goroutine of its own.
func (o *outbound) runChild(ctx workflow.Context, c *child, kind string, args []any) {
	outside, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(outside, "run "+kind, func(outside workflow.Context) {
		o.w.toStart = append(o.w.toStart, o.run)
		_ = o.Await(outside, func() bool { return !o.w.starting }) // outside of any cancellation
		o.w.starting = true
		future := o.Next.ExecuteChildWorkflow(ctx, kind, args...)
		var execution workflow.Execution
		err := o.promise(future.GetChildWorkflowExecution()).Get(outside, &execution)
		if run := o.w.openRun(execution.ID); run != nil {
			execution.RunID = run.runID
		}
		o.w.hasStarted(o.run)
		c.began.Set(execution, err)
		var sum workflows.Summary
		err = o.promise(future).Get(outside, &sum)
		c.ended.Set(sum, err)
	})
}

// hasStarted lets time go on, and those begin runs that had to wait for this one.
func (w *world) hasStarted(by *live) {
	w.starting = false
	i := slices.Index(w.toStart, by)
	w.toStart = slices.Delete(w.toStart, i, i+1)
	for _, run := range w.toStart {
		_ = w.env.SignalWorkflowByID(run.id, tickSignal, nil) // one that has just ended begins none
	}
	w.arm()
}

// summary is what a stub comes to.
func (s Stub) summary(procedure string, began, ended time.Time, cancelled bool) (any, error) {
	switch {
	case cancelled || s.State == "cancelled":
		return nil, temporal.NewCanceledError()
	case s.State == "failed":
		text := s.Error
		if text == "" {
			text = "it fails in this scenario"
		}
		return nil, temporal.NewApplicationError(text, workflows.ErrStep)
	}
	sum := workflows.Summary{Procedure: procedure, State: workflows.Succeeded, Started: began.UTC(), Ended: ended.UTC()}
	if raw, err := json.Marshal(s.Outputs["findings"]); err == nil {
		_ = json.Unmarshal(raw, &sum.Findings) // what the file gives was checked when it was read
	}
	return sum, nil
}

// noteStart keeps a run that is left running.
func (w *world) noteStart(ctx workflow.Context, by *live, id string, args []any, open bool) {
	s := Started{At: workflow.Now(ctx).UTC(), Run: by.id, ID: id, Joined: open, Inputs: map[string]any{}}
	s.Procedure, s.Key, _ = strings.Cut(id, "/")
	if raw, ok := args[0].(json.RawMessage); ok {
		_ = json.Unmarshal(raw, &s.Inputs) // the engine made it of a map
	}
	for _, own := range []string{workflows.InputBy, workflows.InputDrill, workflows.InputKey, workflows.InputRequester} {
		delete(s.Inputs, own)
	}
	w.result.Started = append(w.result.Started, s)
}

// child is another run that is not simulated.
type child struct {
	workflow.Future

	ended, began workflow.Settable
	execution    workflow.Future
}

func (o *outbound) newChild(ctx workflow.Context) *child {
	result, ended := workflow.NewFuture(ctx)
	execution, began := workflow.NewFuture(ctx)
	return &child{Future: o.promise(result), ended: ended, execution: o.promise(execution), began: began}
}

func (c *child) failed(err error) {
	c.began.Set(nil, err)
	c.ended.Set(nil, err)
}

// GetChildWorkflowExecution implements workflow.ChildWorkflowFuture.
func (c *child) GetChildWorkflowExecution() workflow.Future { return c.execution }

// SignalChildWorkflow implements workflow.ChildWorkflowFuture. The interpreter does not use it.
func (c *child) SignalChildWorkflow(ctx workflow.Context, _ string, _ any) workflow.Future {
	future, settle := workflow.NewFuture(ctx)
	settle.Set(nil, nil)
	return future
}
