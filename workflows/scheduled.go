package workflows

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// attrScheduledBy is Temporal's own: the schedule that started a run.
var attrScheduledBy = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")

// nameByKey is the name under which a run that a schedule has started has to be carried out; "" when that is its own.
// Temporal names such a run after its schedule and time, but of a procedure with a key one run may be open at a
// time, whoever started it, and people find it by its key.
func (r *run) nameByKey(ctx workflow.Context) string {
	if _, scheduled := workflow.GetTypedSearchAttributes(ctx).GetKeyword(attrScheduledBy); !scheduled || r.record.Key == "" {
		return ""
	}
	name := WorkflowID(r.record.Procedure, RunName(r.record.Key, "", r.record.Drill))
	if name == r.record.WorkflowID || workflow.GetVersion(ctx, "scheduled-by-key", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return "" // one that began before there was this goes on as it began
	}
	return name
}

// handOn has a run under another name carry the procedure out, and ends as that one does: the schedule then knows
// whether the last start is still open. One that is open under that name already is left alone: this start is
// skipped, as a schedule skips one while its own last is open.
func (r *run) handOn(ctx workflow.Context, name string) (*Summary, error) {
	r.setAside(ctx, "carried out as "+name)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            name,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
		StaticSummary:         summaryOf(r.record.Title),
	})
	future := workflow.ExecuteChildWorkflow(ctx, WorkflowType(r.record.Procedure), r.input.raw)
	var result Summary
	err := future.GetChildWorkflowExecution().Get(ctx, nil)
	if open := (*temporal.ChildWorkflowExecutionAlreadyStartedError)(nil); errors.As(err, &open) {
		r.setAside(ctx, "skipped: "+name+" is open already")
		result = r.record.Summary()
		return &result, nil
	}
	if err == nil {
		err = future.Get(ctx, &result)
	}
	switch {
	case err == nil:
		return &result, nil
	case temporal.IsCanceledError(err):
		return nil, temporal.NewCanceledError()
	default:
		return nil, permanent(ErrStep, "%s: %s", name, cause(runError(err, name)))
	}
}

// setAside makes the record one of a run that does nothing itself.
func (r *run) setAside(ctx workflow.Context, why string) {
	now := workflow.Now(ctx).UTC()
	r.record.State, r.record.Ended = Skipped, &now
	for _, p := range r.record.Phases {
		p.State = Skipped
		skipAll(p.Steps, why)
	}
	skipAll(r.record.Finally, why)
	r.event(ctx, Event{Kind: "run", Text: why})
	if err := r.attributes(ctx); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not updated", "error", err)
	}
	workflow.SetCurrentDetails(ctx, "⏭️ "+escape(why))
}
