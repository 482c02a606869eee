package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// Rollback is the account of putting back what a run changed. What was undone and what was left is in the
// record's Undo.
type Rollback struct {
	// State is succeeded when all was undone but for what the procedure itself leaves, else failed.
	State State `json:"state"`
	// Why is what it was begun for: the failure, or the cancellation in words.
	Why Failure `json:"why"`
	// Cancelled says that the run was cancelled or aborted, or had been terminated.
	Cancelled bool       `json:"cancelled,omitempty"`
	Started   time.Time  `json:"started"`
	Ended     *time.Time `json:"ended,omitempty"`
	// Stopped is who said that nothing more is undone.
	Stopped *Deed `json:"stopped,omitempty"`
	// Wait is until when whatever was under way in a run that was terminated may still be at work.
	Wait *time.Time `json:"wait,omitempty"`
	// After are runs that a terminated run waited for: they are seen to their end first.
	After []Child `json:"after,omitempty"`
	// Then are the steps that follow the undo.
	Then []*Step `json:"then,omitempty"`
}

func (rb *Rollback) running() bool { return rb != nil && rb.Ended == nil }

// The values of on_failure.
const (
	onFailureContinue = "continue"
	onFailureStop     = "stop"
	onFailureHold     = "hold"
	onFailureRollback = "rollback"
)

// onFailure is what the failure of a step leads to: what is said nearest to it, or else by the procedure.
func (r *run) onFailure(id string) string {
	for i := range r.proc.Phases {
		if found, what := onFailureIn(r.proc.Phases[i].Steps, id, r.proc.OnFailure); found {
			return orElse(what, onFailureStop)
		}
	}
	return orElse(r.proc.OnFailure, onFailureStop)
}

func onFailureIn(steps []sops.Step, id, around string) (bool, string) {
	for i := range steps {
		what := orElse(steps[i].OnFailure, around)
		if steps[i].ID == id {
			return true, what
		}
		if found, inner := onFailureIn(steps[i].Children(), id, what); found {
			return true, inner
		}
	}
	return false, ""
}

// idOf is the id of the step at a path: what comes last in "dbs[2].dump".
func idOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// rollsBack says whether a cancellation leads to the undo: it does where a failure may.
func rollsBack(p *sops.Procedure) bool {
	back := func(what string) bool { return what == onFailureRollback || what == onFailureHold }
	if back(p.OnFailure) {
		return true
	}
	for s := range p.Steps() {
		if back(s.OnFailure) {
			return true
		}
	}
	return false
}

// mustRollBack says whether the way in which the steps ended leads to the undo.
func (r *run) mustRollBack(err error) bool {
	switch {
	case err == nil && r.record.Aborted == nil:
		return false
	case r.record.Halted != nil:
		return true
	case err == nil, temporal.IsCanceledError(err):
		return rollsBack(r.proc)
	}
	switch decision := r.record.decided(); {
	case decision == decideRollback, r.failedBack():
		return true
	case decision != "":
		return false
	}
	return r.onFailure(idOf(failureOf(err).Step)) == onFailureRollback
}

// failedBack says whether a step has failed that asks for the rollback itself, whatever was decided about another
// one beside it.
func (r *run) failedBack() (yes bool) {
	r.record.walk(func(s *Step) bool {
		step := r.stepOf(s)
		yes = yes || s.State == Failed && s.At == "" && step != nil && step.OnFailure == onFailureRollback
		return !yes
	})
	return yes
}

// rollBackAfter puts back what the run changed, when the way it ended calls for that. It goes on with a
// rollback that an earlier execution began. The error is the one given, or that of continuing as new.
func (r *run) rollBackAfter(ctx workflow.Context, err error) error {
	switch {
	case r.record.Rollback == nil && !r.mustRollBack(err):
		return err
	case r.record.Rollback == nil:
		r.beginRollback(ctx, err)
	}
	if r.record.Rollback.running() {
		steady, _ := workflow.NewDisconnectedContext(ctx)
		if halt := r.rollBack(steady); halt != nil {
			return halt
		}
	}
	return err
}

func (r *run) beginRollback(ctx workflow.Context, err error) {
	rec := r.record
	rb := &Rollback{State: Running, Started: workflow.Now(ctx).UTC(), Cancelled: err == nil || temporal.IsCanceledError(err)}
	rb.Why = Failure{Phase: r.phase, Message: "the run was cancelled"}
	switch failed := failureOf(err); {
	case failed != nil:
		rb.Why = *failed
	case rec.Aborted != nil:
		rb.Why.Message = fmt.Sprintf("aborted by %s: %s", rec.Aborted.By.Name, rec.Aborted.Text)
	}
	if r.proc.Rollback != nil {
		rb.Then = newSteps(r.proc.Rollback.Then, "")
	}
	rec.Rollback = rb
	r.event(ctx, Event{Kind: "rollback", Text: fmt.Sprintf("what was changed is being put back (%d steps): %s", len(rec.Owed()), rb.Why.String())})
}

// rollBack undoes, then does what follows the undo.
func (r *run) rollBack(ctx workflow.Context) error {
	rb := r.record.Rollback
	r.phase = "rollback"
	if err := r.attributes(ctx); err != nil {
		return err
	}
	r.checklist()
	if err := r.awaitChildren(ctx); err != nil {
		return err
	}
	if rb.Wait != nil {
		if _, err := r.awaitUntil(ctx, *rb.Wait, "what was under way may still be at work", func() bool { return false }); err != nil {
			return err
		}
	}
	if err := r.undoAll(ctx); err != nil {
		return err
	}
	if err := r.afterUndo(ctx); err != nil {
		return err
	}
	now := workflow.Now(ctx).UTC()
	rb.Ended, rb.State = &now, Succeeded
	done, left := r.record.undoneAndLeft()
	if len(left) > 0 {
		rb.State = Failed
	}
	text := fmt.Sprintf("rolled back after %s: %d undone", took(now.Sub(rb.Started)), done)
	if len(left) > 0 {
		text += ", left: " + strings.Join(left, "; ")
		r.find(ctx, Finding{At: now, Severity: critical, Check: "rollback", Text: "not everything was put back: " + strings.Join(left, "; "),
			Act: "put it back by hand, or: " + r.command("undo")})
	}
	r.event(ctx, Event{Kind: "rollback", Text: text})
	r.saveMeanwhile(ctx)
	return nil
}

// afterUndo runs the steps that follow the undo: all of them, whatever becomes of the ones before.
func (r *run) afterUndo(ctx workflow.Context) error {
	if len(r.record.Rollback.Then) == 0 {
		return nil
	}
	root := r.rootFrame()
	ctx, r.ceasing = workflow.WithCancel(ctx)
	defer func() { r.ceasing = nil }()
	for i, rec := range r.record.Rollback.Then {
		err := r.step(ctx, &r.proc.Rollback.Then[i], rec, root)
		if errors.Is(err, errDraining) {
			return err
		}
		if ctx.Err() != nil { // it was aborted once more
			return nil
		}
		if err != nil {
			r.find(ctx, Finding{At: workflow.Now(ctx).UTC(), Step: rec.Path, Severity: critical, Check: "rollback",
				Text: rec.Title + " failed: " + rec.Error, Act: "do by hand what it was for"})
		}
	}
	return nil
}

// NotNeeded says of an undo that the procedure itself leaves it: its condition does not hold.
func (s *Step) NotNeeded() bool {
	return s.State == Skipped && strings.HasPrefix(s.Reason, conditionFails)
}

// undoneAndLeft counts what was undone and names what was left although the procedure did not say so.
func (rec *Record) undoneAndLeft() (undone int, left []string) {
	for _, u := range rec.Undo {
		switch {
		case u.State == Succeeded:
			undone++
		case u.NotNeeded():
		default:
			left = append(left, strings.TrimSuffix(u.Title+": "+orElse(u.Reason, u.Error), ": "))
		}
	}
	return undone, left
}

// halt ends a run whose time is over, where that means to roll it back: of the run or of the phase that runs.
// It says whether it did.
func (r *run) halt(ctx workflow.Context, c *Clock) bool {
	ofRun := c.ID == clockOfRun || strings.HasPrefix(c.ID, clockOfPhase(""))
	if !ofRun || r.proc.OnFailure != onFailureRollback || r.halting == nil || r.record.Halted != nil || r.steps.Err() != nil {
		return false
	}
	r.record.Halted = &Failure{Phase: r.phase, Message: c.Title + ": not done within " + took(c.Due.Sub(c.Started))}
	r.event(ctx, Event{Kind: "run", Text: "its time is over: what is under way is told to stop"})
	r.halting()
	return true
}

// halted makes the failure of a cancellation that the run gave itself.
func (r *run) halted(err error) error {
	f := r.record.Halted
	switch {
	case f == nil || errors.Is(err, errDraining):
		return err
	case err == nil: // the last of the steps ended well all the same
		r.record.Halted = nil
		return nil
	default:
		return &stepError{Phase: f.Phase, Step: f.Step, Cause: errors.New(f.Message)}
	}
}

// stillToDo says what an aborted run still does; "" when its last steps run already.
func (r *run) stillToDo() string {
	switch {
	case r.ceasing != nil:
		return "what follows the undo is told to stop, then its last steps run"
	case r.record.Rollback.running(), !r.ending && rollsBack(r.proc) && len(r.record.Owed()) > 0:
		return "what it changed is undone first, then its last steps run"
	case !r.ending:
		return "its last steps still run"
	}
	return ""
}

// ofRollback says whether a question is about an undo, or of the steps that follow it.
func (r *run) ofRollback(s *Step) (yes bool) {
	if strings.HasPrefix(s.Path, prefixUndo) || strings.HasPrefix(s.Path, prefixHold+prefixUndo) {
		return true
	}
	if rb := r.record.Rollback; rb != nil {
		walkSteps(rb.Then, func(of *Step) bool {
			yes = yes || of == s
			return !yes
		})
	}
	return yes
}

// undoneView is the undo as expressions see it.
func (rec *Record) undoneView() []sops.UndoneView {
	out := make([]sops.UndoneView, len(rec.Undo))
	for i, u := range rec.Undo {
		out[i] = sops.UndoneView{Step: strings.TrimPrefix(u.Path, prefixUndo), Title: strings.TrimPrefix(u.Title, titleUndo), State: "owed"}
		switch u.State {
		case Succeeded:
			out[i].State = "undone"
		case Skipped:
			out[i].State, out[i].Why = "left", u.Reason
		case Failed:
			out[i].Why = u.Error
		}
	}
	return out
}
