package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// wait sleeps for a duration or until a time. A time that has passed is no wait at all.
func (r *run) wait(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if s.Wait.For != "" {
		return r.waitFor(ctx, s.Wait.For, rec)
	}
	if rec.Until == nil {
		until := workflow.Now(ctx).UTC().Add(time.Duration(s.Wait.Duration))
		if !s.Wait.Until.IsZero() {
			var err error
			if until, err = r.timeOf(ctx, s.Wait.Until, f); err != nil {
				return err
			}
		}
		rec.Until = &until
	}
	if err := r.pause(ctx, *rec.Until, rec.Title); err != nil {
		return err
	}
	rec.Outputs = json.RawMessage("{}")
	return nil
}

// waitFor waits until the incident was acknowledged or is over.
func (r *run) waitFor(ctx workflow.Context, what string, rec *Step) error {
	inc := r.record.Incident
	if inc == nil {
		return permanent(ErrProcedure, "wait: for: this run is not an incident")
	}
	holds := func() bool { return inc.State.Over() }
	if what == "acknowledged" {
		holds = func() bool { return inc.State != IncidentOpen }
	}
	if err := r.await(ctx, holds); err != nil {
		return err
	}
	rec.Outputs = json.RawMessage("{}")
	return nil
}

func (r *run) timeOf(ctx workflow.Context, v sops.Value, f *frame) (time.Time, error) {
	value, err := v.Eval(r.scope(ctx, f))
	if err != nil {
		return time.Time{}, expressionError("wait: until", err)
	}
	text, _ := value.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, permanent(ErrInput, "wait: until must be a time such as 2026-11-21T02:00:00Z, got %v", value)
	}
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, permanent(ErrInput, "wait: until: %s is too far away", text)
	}
	return t, nil
}

// pause sleeps until a time, or until the run wants to continue as new: a long sleep must not hold up
// the steps beside it.
func (r *run) pause(ctx workflow.Context, until time.Time, title string) error {
	left := until.Sub(workflow.Now(ctx))
	if left <= 0 {
		return ctx.Err()
	}
	draining, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      left,
		TimerOptions: workflow.TimerOptions{Summary: summaryOf(title)},
	}, func() bool { return r.draining })
	if err != nil {
		return err
	}
	if draining {
		return errDraining
	}
	return nil
}
