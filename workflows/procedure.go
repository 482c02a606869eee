package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// runProcedure runs another procedure and waits for it. A cancellation reaches it too.
func (r *run) runProcedure(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	r.children++ // before anything is waited for: from here on the run can't continue as new
	defer func() { r.children-- }()
	future, _, err := r.child(ctx, s, rec, f, enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
	if err != nil || future == nil {
		return err
	}
	if err := r.began(ctx, future, rec); err != nil {
		return runError(err, rec.Child.WorkflowID)
	}
	var result Summary
	if err := future.Get(ctx, &result); err != nil {
		return runError(err, rec.Child.WorkflowID)
	}
	rec.Outputs, err = json.Marshal(map[string]any{
		"workflow_id": rec.Child.WorkflowID, "run_id": rec.Child.RunID,
		"state": result.State, "findings": findingsOut(result.Findings),
	})
	return err
}

// startProcedure starts another procedure and leaves it running. One that is open under the same key is
// joined instead.
func (r *run) startProcedure(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	future, join, err := r.child(ctx, s, rec, f, enumspb.PARENT_CLOSE_POLICY_ABANDON)
	if err != nil || future == nil {
		return err
	}
	err = r.began(ctx, future, rec)
	if open := (*temporal.ChildWorkflowExecutionAlreadyStartedError)(nil); errors.As(err, &open) {
		rec.Child.Joined = true
		r.joinIncident(ctx, rec, join)
	} else if err != nil {
		return err
	}
	rec.Outputs, err = json.Marshal(map[string]any{
		"workflow_id": rec.Child.WorkflowID, "run_id": rec.Child.RunID, "joined": rec.Child.Joined,
	})
	return err
}

// child begins the other run. No future and no error means that there is no such procedure and that the
// step makes a finding of it.
func (r *run) child(
	ctx workflow.Context, s *sops.Step, rec *Step, f *frame, onClose enumspb.ParentClosePolicy,
) (workflow.ChildWorkflowFuture, *Alert, error) {
	inputs, err := r.values(ctx, s.With, f)
	if err != nil {
		return nil, nil, err
	}
	var resolved Resolved
	request := ResolveRequest{Procedure: rec.Action, Inputs: inputs, Now: workflow.Now(ctx).UTC()}
	if err := workflow.ExecuteLocalActivity(local(ctx, rec.Title, readAttempts), ActivityResolve, request).Get(ctx, &resolved); err != nil {
		return nil, nil, plain(err)
	}
	if resolved.Missing {
		return nil, nil, r.missing(ctx, s, rec)
	}
	join := r.alertOf(rec, inputs, resolved)
	inputs[InputBy], inputs[InputDrill] = r.record.WorkflowID, r.record.Drill
	if requester := orElse(r.record.Requester, r.record.By); requester != "" {
		inputs[InputRequester] = requester
	}
	raw, err := encodeWith(inputs)
	if err != nil {
		return nil, nil, err
	}
	if err := r.room(ctx, len(raw)); err != nil {
		return nil, nil, err
	}
	rec.Child = &Child{WorkflowID: WorkflowID(rec.Action, RunName(resolved.Key, r.record.RunID+"-"+rec.Path, r.record.Drill))}
	if onClose == enumspb.PARENT_CLOSE_POLICY_ABANDON {
		// A cancellation of this run would reach it as long as this run is open, whatever the policy.
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            rec.Child.WorkflowID,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     onClose,
		WaitForCancellation:   true,
		StaticSummary:         summaryOf(orElse(resolved.Title, f.title(rec))),
	})
	return workflow.ExecuteChildWorkflow(ctx, WorkflowType(rec.Action), raw), join, nil
}

// alertOf is what an incident that is open already under the key is told instead of being started again;
// nil where the other procedure's runs are no incidents.
func (r *run) alertOf(rec *Step, inputs map[string]any, resolved Resolved) *Alert {
	if !resolved.Incident {
		return nil
	}
	summary := r.record.Title + ": " + rec.Title
	if reason, ok := inputs["reason"].(string); ok && reason != "" {
		summary = reason
	}
	return &Alert{Key: r.record.WorkflowID + "/" + rec.Path, Status: AlertFiring, Summary: shorten(summary, maxText)}
}

// joinIncident tells an open incident what would have started it. An incident that ended at this moment is
// not told; that is no failure of this run.
func (r *run) joinIncident(ctx workflow.Context, rec *Step, alert *Alert) {
	if alert == nil {
		return
	}
	err := workflow.SignalExternalWorkflow(ctx, rec.Child.WorkflowID, "", MessageAlert, alert).Get(ctx, nil)
	if err != nil {
		r.event(ctx, Event{Kind: "step", Step: rec.Path, Text: fmt.Sprintf("the open incident %s could not be told: %s", rec.Child.WorkflowID, cause(err))})
	}
}

// began waits until the other run is known to Temporal.
func (r *run) began(ctx workflow.Context, future workflow.ChildWorkflowFuture, rec *Step) error {
	var execution workflow.Execution
	if err := future.GetChildWorkflowExecution().Get(ctx, &execution); err != nil {
		return err
	}
	rec.Child.RunID = execution.RunID
	return nil
}

// missing is what happens when the library has no such procedure.
func (r *run) missing(ctx workflow.Context, s *sops.Step, rec *Step) error {
	if s.IfMissing != "finding" {
		return permanent(ErrUnknownProcedure, "there is no procedure %q in the library", rec.Action)
	}
	rec.Reason = fmt.Sprintf("there is no procedure %q in the library", rec.Action)
	r.find(ctx, Finding{
		At: workflow.Now(ctx).UTC(), Step: rec.Path, Severity: "warning", Check: "procedures",
		Text: fmt.Sprintf("%s: %s, so nobody was called", rec.Title, rec.Reason),
		Act:  fmt.Sprintf("call the people in charge yourself, and add %s.yaml to the library", rec.Action),
	})
	rec.Outputs = json.RawMessage(`{"workflow_id":"","run_id":"","joined":false}`)
	return nil
}

// findingsOut is how a finding looks in the outputs of a `run` step.
func findingsOut(findings []Finding) []map[string]string {
	out := make([]map[string]string, len(findings))
	for i, f := range findings {
		out[i] = map[string]string{"severity": f.Severity, "check": f.Check, "text": f.Text, "act": f.Act}
	}
	return out
}
