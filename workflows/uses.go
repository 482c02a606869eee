package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// uses carries out an action: one activity, named like the action, its id the step's path. It is the
// one door through which activities are called, because Temporal itself checks no argument.
func (r *run) uses(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	act, ok := r.engine.catalogue.Action(s.Uses)
	if !ok {
		return permanent(ErrProcedure, "this worker knows no action %q", s.Uses)
	}
	with, err := r.arguments(ctx, s, act, f)
	if err != nil {
		return err
	}
	if err := r.room(ctx, len(with)); err != nil {
		return err
	}
	r.owe(ctx, s, rec, f)
	var out json.RawMessage
	options := activityOptions(s, act, rec, f)
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), act.Name, with).Get(ctx, &out)
	if err != nil {
		return actionError(err, options)
	}
	rec.Outputs = out
	if reportsFindings(act.Output) {
		r.adoptFindings(ctx, rec)
	}
	return r.expect(ctx, s, rec, f)
}

// arguments fills in `with` and checks it against the action's type.
func (r *run) arguments(ctx workflow.Context, s *sops.Step, act sops.Action, f *frame) (json.RawMessage, error) {
	with, err := r.values(ctx, s.With, f)
	if err != nil {
		return nil, err
	}
	if r.record.Drill && act.Destructive {
		with["dry_run"] = true
	}
	if err := act.Input.Check(with); err != nil {
		return nil, permanent(ErrInput, "with: %v", err)
	}
	return encodeWith(with)
}

// values fills in a `with`, which is a map or nothing.
func (r *run) values(ctx workflow.Context, v sops.Value, f *frame) (map[string]any, error) {
	if v.IsZero() {
		return map[string]any{}, nil
	}
	value, err := v.Eval(r.scope(ctx, f))
	if err != nil {
		return nil, expressionError("with", err)
	}
	with, ok := value.(map[string]any)
	if !ok {
		return nil, permanent(ErrInput, "with: must be a map, got %T", value)
	}
	return with, nil
}

func (r *run) expect(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if s.Expect.IsZero() {
		return nil
	}
	scope := r.scope(ctx, f)
	scope.Outputs = rec.Outputs
	holds, err := s.Expect.Bool(scope)
	if err != nil {
		return expressionError("expect", err)
	}
	if !holds {
		return permanent("Expectation", "what was expected does not hold: %s", s.Expect.Source)
	}
	return nil
}

// activityOptions are the step's own words over the action's defaults.
func activityOptions(s *sops.Step, act sops.Action, rec *Step, f *frame) workflow.ActivityOptions {
	timeout := act.Timeout
	if s.Timeout != 0 {
		timeout = time.Duration(s.Timeout)
	}
	return workflow.ActivityOptions{
		ActivityID:          activityID(rec),
		StartToCloseTimeout: timeout,
		HeartbeatTimeout:    act.Heartbeat,
		WaitForCancellation: true,
		RetryPolicy:         retryPolicy(act.Retry, s.Retry),
		Summary:             summaryOf(f.title(rec)),
	}
}

// activityID is the step's path. Beginning a step again is another activity.
func activityID(rec *Step) string {
	if rec.Tries == 0 {
		return rec.Path
	}
	return fmt.Sprintf("%s#%d", rec.Path, rec.Tries+1)
}

// maxRetryFactor bounds the time between attempts where a step sets no `max`, as Temporal itself does.
const maxRetryFactor = 100

func retryPolicy(byDefault sops.Retry, step *sops.Retry) *temporal.RetryPolicy {
	retry := byDefault
	if step != nil {
		retry.Attempts = orElse(step.Attempts, retry.Attempts)
		retry.Initial = orElse(step.Initial, retry.Initial)
		retry.Max = orElse(step.Max, retry.Max)
		retry.Backoff = orElse(step.Backoff, retry.Backoff)
	}
	return &temporal.RetryPolicy{
		MaximumAttempts:    int32(min(retry.Attempts, 1<<20)),
		InitialInterval:    time.Duration(retry.Initial),
		MaximumInterval:    time.Duration(orElse(retry.Max, maxRetryFactor*retry.Initial)),
		BackoffCoefficient: max(retry.Backoff, 1),
	}
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// reportsFindings says whether an action's output has findings of its own: `findings`, a list of objects
// with a severity, a check and a text. What else is called so (those of other runs) is not this run's.
func reportsFindings(out *sops.Type) bool {
	f, ok := out.Field("findings")
	if !ok || f.Type.Kind != sops.TypeList {
		return false
	}
	for _, name := range []string{"severity", "check", "text"} {
		if part, ok := f.Type.Elem.Field(name); !ok || part.Type.Kind != sops.TypeString {
			return false
		}
	}
	return true
}

// adoptFindings copies the findings of an action that reports some into the run's record.
func (r *run) adoptFindings(ctx workflow.Context, rec *Step) {
	var out struct {
		Findings []Finding `json:"findings"`
	}
	if err := json.Unmarshal(rec.Outputs, &out); err != nil {
		return // this action's `findings` are something else
	}
	for _, found := range out.Findings {
		if found.Text == "" || found.Severity == "" {
			continue
		}
		found.At, found.Step = workflow.Now(ctx).UTC(), rec.Path
		r.find(ctx, found)
	}
}

// find notes a finding.
func (r *run) find(ctx workflow.Context, f Finding) {
	if r.record.addFinding(f) {
		r.event(ctx, Event{Kind: "finding", Step: f.Step, Text: fmt.Sprintf("%s: %s: %s", f.Severity, f.Check, f.Text)})
	}
}
