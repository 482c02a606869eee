package main

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// The signals by which a test tells the hand-made workflow what to do next.
const (
	signalFinish   = "finish"   // text: succeeded, failed
	signalContinue = "continue" // continue as new
)

// handmade is a workflow with a fixed record, so that these tests see only the CLI.
func handmade(ctx workflow.Context, args converter.EncodedValues) (*workflows.Summary, error) {
	var input map[string]any
	var carried *workflows.Record
	if err := args.Get(&input, &carried); err != nil {
		return nil, err
	}
	rec := carried
	if rec == nil {
		rec = newRecord(ctx, input)
	}
	err := workflow.SetQueryHandler(ctx, workflows.QueryStatus, func() (*workflows.Record, error) { return rec, nil })
	if err != nil {
		return nil, err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, workflows.AttrPhase.ValueSet("probe")); err != nil {
		return nil, err
	}
	again := false
	how := ""
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalFinish), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &how) })
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalContinue), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil); again = true })
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	selector.Select(ctx)
	if again {
		rec.Continued++
		return nil, workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, input, rec)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	finish(ctx, rec, how)
	sum := rec.Summary()
	if rec.State == workflows.Failed {
		return nil, temporal.NewNonRetryableApplicationError(rec.Failure.String(), workflows.ErrStep, nil)
	}
	return &sum, nil
}

func newRecord(ctx workflow.Context, input map[string]any) *workflows.Record {
	at := workflow.Now(ctx).UTC()
	info := workflow.GetInfo(ctx)
	by, _ := input[workflows.InputBy].(string)
	drill, _ := input[workflows.InputDrill].(bool)
	return &workflows.Record{
		Procedure: "check", Title: "Check the house", File: "check.yaml", Digest: "sha256:00",
		WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
		By: by, Drill: drill, State: workflows.Running, Started: at, Inputs: input,
		Phases: []*workflows.Phase{{
			ID: "probe", Title: "Probe everything", State: workflows.Running, Started: &at,
			Steps: []*workflows.Step{
				{ID: "host", Path: "host", Title: "Look at the host", Kind: "uses", State: workflows.Succeeded, Started: &at, Ended: &at, Outputs: json.RawMessage(`{"cpu":12.5,"disks":[1,2]}`)},
				{ID: "api", Path: "api", Title: "Ask the API", Kind: "uses", State: workflows.Running, Started: &at},
			},
		}},
		Timeline: []workflows.Event{
			{At: at, Kind: "run", By: by, Text: "started"},
			{At: at, Kind: "step", Phase: "probe", Step: "host", Text: "Look at the host: succeeded"},
		},
	}
}

func finish(ctx workflow.Context, rec *workflows.Record, how string) {
	at := workflow.Now(ctx).UTC()
	rec.State, rec.Ended = workflows.State(how), &at
	rec.Phases[0].State, rec.Phases[0].Ended = rec.State, &at
	step := rec.Phases[0].Steps[1]
	step.State, step.Ended = rec.State, &at
	rec.Findings = []workflows.Finding{
		{At: at, Severity: "info", Check: "host", Text: "All quiet"},
		{At: at, Severity: "warning", Check: "api", Text: "It answers slowly: 800 ms where 500 ms were promised to everybody", Act: "look at its database"},
	}
	if rec.State == workflows.Failed {
		step.Error = "no answer"
		rec.Failure = &workflows.Failure{Phase: "probe", Step: "api", Message: "no answer"}
	}
	rec.Timeline = append(rec.Timeline, workflows.Event{At: at.Add(time.Second), Kind: "run", Text: "it " + how})
}

// serve starts a worker that runs the hand-made workflow under every name.
func (b *bench) serve() worker.Worker {
	return b.server.NewWorker(workflows.DefaultTaskQueue, func(r worker.Registry) {
		r.RegisterDynamicWorkflow(handmade, workflow.DynamicRegisterOptions{})
	})
}

// tell sends the hand-made workflow a signal.
func (b *bench) tell(workflowID, signal string, arg any) {
	b.t.Helper()
	if err := b.client().SignalWorkflow(b.ctx(), workflowID, "", signal, arg); err != nil {
		b.t.Fatal(err)
	}
}

// refuse is a workflow that ends before it has a record, as for an unknown procedure.
func refuse(workflow.Context, converter.EncodedValues) error {
	return temporal.NewNonRetryableApplicationError("no procedure serves it", workflows.ErrUnknownProcedure, nil)
}
