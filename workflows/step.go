package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// performer carries out one kind of step. It leaves the step's account in rec and returns why it did
// not end well.
type performer func(r *run, ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error

// performerOf is the list of kinds: one small file each.
func performerOf(k sops.Kind) performer {
	switch k {
	case sops.KindUses:
		return (*run).uses
	case sops.KindParallel:
		return (*run).parallel
	case sops.KindEach:
		return (*run).each
	case sops.KindRepeat:
		return (*run).repeat
	case sops.KindRun:
		return (*run).runProcedure
	case sops.KindStart:
		return (*run).startProcedure
	case sops.KindWait:
		return (*run).wait
	case sops.KindAsk:
		return (*run).ask
	case sops.KindApprove:
		return (*run).approve
	default:
		return nil
	}
}

// sequence runs steps one after the other and stops at the first that failed.
func (r *run) sequence(ctx workflow.Context, steps []sops.Step, recs []*Step, f *frame) error {
	for i := range steps {
		if err := r.step(ctx, &steps[i], recs[i], f); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step, or goes on with one that a record shows as begun. It returns an error only when
// what follows must not run.
func (r *run) step(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	for {
		if !rec.State.Done() {
			if err := r.attempt(ctx, s, rec, f); err != nil {
				return err
			}
		}
		if again, err := r.settle(ctx, s, rec, f); !again {
			return err
		}
	}
}

// attempt brings a step to an end, well or not, that its record then shows. The error says that it did not
// come to that: the run is to continue as new, or was cancelled before the step began.
func (r *run) attempt(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if rec.State == Pending {
		if err := r.safePoint(ctx); err != nil {
			return err
		}
		if !r.beginStep(ctx, s, rec, f) {
			return nil
		}
	}
	err := performerOf(s.Kind())(r, ctx, s, rec, f)
	if errors.Is(err, errDraining) {
		return err
	}
	r.endStep(ctx, rec, f, unasked(ctx, rec, err))
	if s.Mitigates && rec.State == Succeeded {
		r.mitigated(ctx, Party{}, rec.Title)
	}
	return nil
}

// unasked makes a failure of a cancellation that is not the run's: somebody cancelled the run that the
// step waits for, or the action gave up by itself. Nobody has cancelled this run.
func unasked(ctx workflow.Context, rec *Step, err error) error {
	switch {
	case ctx.Err() != nil || !temporal.IsCanceledError(err):
		return err
	case rec.Child != nil:
		return permanent(ErrCancelled, "the run %s was cancelled", rec.Child.WorkflowID)
	default:
		return permanent(ErrCancelled, "it was cancelled, though the run was not")
	}
}

// beginStep decides whether the step runs, and notes it.
func (r *run) beginStep(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) bool {
	holds, err := r.condition(ctx, s.If, f)
	if err == nil && !holds {
		rec.State, rec.Reason = Skipped, conditionFails+": "+s.If.Source
		skipAll(rec.Steps, "the step around it was skipped")
		r.stepEvent(ctx, rec, f, "skipped: "+rec.Reason, false)
		r.checklist()
		return false
	}
	now := workflow.Now(ctx).UTC()
	rec.State, rec.Started = Running, &now
	if err != nil {
		r.endStep(ctx, rec, f, err)
		return false
	}
	r.stepEvent(ctx, rec, f, "started", false)
	r.checklist()
	r.startClock(ctx, clockOfStep(rec.Path), f.title(rec), now, s.Within)
	return true
}

func skipAll(steps []*Step, reason string) {
	for _, s := range steps {
		s.State, s.Reason = Skipped, reason
		skipAll(s.Steps, reason)
	}
}

// endStep notes how the step ended.
func (r *run) endStep(ctx workflow.Context, rec *Step, f *frame, err error) {
	now := workflow.Now(ctx).UTC()
	rec.State, rec.Ended, rec.Until = outcome(err), &now, nil
	if left, ok := errors.AsType[*skipped](err); ok {
		rec.State, rec.Reason = Skipped, left.reason
	}
	text := ended(rec.State, rec.Started, now)
	switch {
	case rec.State == Succeeded && rec.Reason != "":
		text = rec.Reason
	case rec.State == Skipped:
		text = "skipped: " + rec.Reason
	case rec.State == Failed:
		failure := failureOf(err)
		rec.Error, rec.At = failure.Message, failure.Step
		text += ": " + rec.Error
	}
	r.stepEvent(ctx, rec, f, text, rec.State != Succeeded)
	r.countStep(ctx, rec)
	r.stopClock(ctx, clockOfStep(rec.Path), err == nil)
	r.checklist()
}

// settle is what a step that has ended means for what follows: nothing, that it is begun again, or that what
// follows must not run.
func (r *run) settle(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) (again bool, _ error) {
	switch {
	case rec.State == Cancelled:
		return false, temporal.NewCanceledError()
	case rec.State != Failed || s.OnFailure == onFailureContinue && !rec.decided():
		return false, nil
	case r.isHeld(rec):
		return r.holdStep(ctx, rec, f)
	default:
		return false, &stepError{Phase: r.phase, Step: orElse(rec.At, rec.Path), Cause: errors.New(rec.Error)}
	}
}

// conditionFails is why most steps are skipped.
const conditionFails = "its condition does not hold"

// stepEvent writes the timeline. Steps inside rounds are written only when they matter: a watch that
// looks every minute for a month must not bury the rest.
func (r *run) stepEvent(ctx workflow.Context, rec *Step, f *frame, text string, matters bool) {
	if f.parent != nil && !matters {
		return
	}
	r.event(ctx, Event{Kind: "step", Step: rec.Path, Text: f.title(rec) + ": " + text})
}
