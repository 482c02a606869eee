package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// isHeld says whether people are asked what is to become of a step that failed. That is the step itself, not
// those around it: where it was decided to stop, nobody is asked again.
func (r *run) isHeld(rec *Step) bool {
	return rec.At == "" && rec.Decided == "" && !r.ending && r.record.Rollback == nil && r.onFailure(rec.ID) == onFailureHold
}

// holdStep asks the owners what is to become of a step that failed, and says whether it is begun again.
func (r *run) holdStep(ctx workflow.Context, rec *Step, f *frame) (again bool, _ error) {
	choices := []string{decideRetry, decideSkip, decideStop}
	if r.proc.Rollback != nil || len(r.record.Undo) > 0 {
		choices = []string{decideRetry, decideSkip, decideRollback, decideStop}
	}
	decision, by, err := r.hold(ctx, rec, f.title(rec), choices)
	if err != nil {
		return false, err
	}
	r.event(ctx, Event{Kind: "step", Step: rec.Path, By: by.By.Name, Text: f.title(rec) + ": " + decision + by.text()})
	switch decision {
	case decideRetry:
		r.putAway(rec)
		rec.again()
		return true, nil
	case decideSkip:
		rec.State, rec.Reason = Skipped, "its failure was passed over"+by.text()
		return false, nil
	}
	rec.Decided = decision
	r.closeHeld(decision)
	return false, &stepError{Phase: r.phase, Step: rec.Path, Cause: errors.New(rec.Error)}
}

// again makes a step one that has not begun, but for how often it was.
func (s *Step) again() {
	*s = Step{ID: s.ID, Path: s.Path, Title: s.Title, Kind: s.Kind, Action: s.Action, Tries: s.Tries + 1, Steps: s.Steps}
	s.State = Pending
	if s.Kind == string(sops.KindRepeat) {
		s.Steps = nil // its rounds are laid out as they begin
	}
	for _, inner := range s.Steps {
		inner.again()
	}
}

// text says who decided, and why: " by Ann: the disk has room again".
func (d *Deed) text() string {
	text := ""
	if d.By.Name != "" {
		text = ", by " + d.By.Name
	}
	if d.Text != "" {
		text += ": " + d.Text
	}
	return text
}

// decided says whether somebody has decided, about this step or one inside it, that the run ends. A step whose own
// failure does not matter can't pass over that.
func (s *Step) decided() (yes bool) {
	walkSteps([]*Step{s}, func(inner *Step) bool {
		yes = yes || inner.Decided != ""
		return !yes
	})
	return yes
}

// putAway makes room for the clocks and ladders of a step that is begun again: those it had keep their account
// under a number.
func (r *run) putAway(s *Step) {
	walkSteps([]*Step{s}, func(inner *Step) bool {
		id := clockOfStep(inner.Path)
		if c := r.clock(id); c != nil {
			r.disarm(id)
			c.ID = fmt.Sprintf("%s#%d", id, s.Tries+1)
		}
		if l := r.ladder(id); l != nil {
			l.ID = fmt.Sprintf("%s#%d", id, s.Tries+1)
		}
		delete(r.reminding, inner.Path)
		return true
	})
}

// decided is what was decided about a step that was held and ends the run; "" when nothing was. One who wants it
// put back is enough.
func (rec *Record) decided() string {
	decision := ""
	rec.walk(func(s *Step) bool {
		if s.Decided != "" && decision != decideRollback {
			decision = s.Decided
		}
		return true
	})
	return decision
}

// closeHeld closes what is asked about other steps that are held: it is decided for all of them.
func (r *run) closeHeld(decision string) {
	for _, q := range r.waiting() {
		if q.isHold() && !r.ofRollback(q) {
			q.Ask.Closed = "it was decided: " + decision
		}
	}
}
