package workflows

import (
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// KindUndo is the kind of the entries of a record's Undo. They are no steps of the procedure, but the account
// of them is the same.
const KindUndo = "undo"

const (
	prefixUndo = "undo:"
	titleUndo  = "Undo: "
)

// owe notes, before a step begins, how it is undone. From here on the record says so, whatever becomes of the
// step: whether it ends well, fails, is cancelled or dies half-way.
func (r *run) owe(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) {
	path := prefixUndo + rec.Path
	if s.Undo == nil || slices.ContainsFunc(r.record.Undo, func(u *Step) bool { return u.Path == path }) {
		return
	}
	r.record.Undo = append(r.record.Undo, &Step{
		ID: prefixUndo + rec.ID, Path: path, Title: titleUndo + f.title(rec), Kind: KindUndo, Action: s.Undo.Uses, State: Pending,
	})
	r.saveMeanwhile(ctx)
}

// Owed are the undo entries that were not carried out and that nobody has decided to leave, in the order in
// which they come: the last first.
func (rec *Record) Owed() (out []*Step) {
	for _, u := range slices.Backward(rec.Undo) {
		if u.State != Succeeded && u.State != Skipped {
			out = append(out, u)
		}
	}
	return out
}

// undoAll puts back what the steps changed, the last of them first.
func (r *run) undoAll(ctx workflow.Context) error {
	for _, u := range r.record.Owed() {
		if r.record.Rollback.Stopped != nil {
			return nil
		}
		if u.State == Pending {
			if err := r.safePoint(ctx); err != nil {
				return err
			}
		}
		if err := r.undo(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// undo carries out one entry until it is undone, or until a person has said that it is left. The only error is
// that of continuing as new.
func (r *run) undo(ctx workflow.Context, u *Step) error {
	s, f := r.locate(strings.TrimPrefix(u.Path, prefixUndo))
	if s == nil || s.Undo == nil { // the record is not one of this procedure
		r.endUndo(ctx, u, &skipped{"the procedure has no such step"})
		return nil
	}
	if u.State != Running {
		holds, err := r.condition(ctx, s.Undo.If, f)
		if err == nil && !holds {
			r.endUndo(ctx, u, &skipped{conditionFails + ": " + s.Undo.If.Source})
			return nil
		}
		r.beginUndo(ctx, u, err)
	}
	for {
		if u.Error == "" {
			err := r.tryUndo(ctx, s, u, f)
			if errors.Is(err, errDraining) {
				return err
			}
			if _, left := errors.AsType[*skipped](err); err == nil || left {
				r.endUndo(ctx, u, err)
				return nil
			}
			u.Error = cause(err)
			r.event(ctx, Event{Kind: KindUndo, Step: u.Path, Text: u.Title + ": failed: " + u.Error})
		}
		if again, err := r.undoHeld(ctx, u); !again {
			return err
		}
	}
}

func (r *run) beginUndo(ctx workflow.Context, u *Step, err error) {
	now := workflow.Now(ctx).UTC()
	u.State, u.Started, u.Ended, u.Error = Running, &now, nil, ""
	r.event(ctx, Event{Kind: KindUndo, Step: u.Path, Text: u.Title + ": started"})
	if err != nil { // whether it is wanted can't be said, so somebody has to
		u.Error = cause(err)
	}
	r.checklist()
}

// endUndo notes that an entry is done with: undone, or left for a reason.
func (r *run) endUndo(ctx workflow.Context, u *Step, err error) {
	now := workflow.Now(ctx).UTC()
	u.State, u.Ended = Succeeded, &now
	text := "undone"
	if u.Started != nil {
		text += " after " + took(now.Sub(*u.Started))
	}
	if left, ok := errors.AsType[*skipped](err); ok {
		u.State, u.Reason = Skipped, left.reason
		text = "not undone: " + left.reason
	} else {
		u.Error = ""
	}
	r.event(ctx, Event{Kind: KindUndo, Step: u.Path, Text: u.Title + ": " + text})
	r.checklist()
	r.saveMeanwhile(ctx)
}

// tryUndo asks whether it may, where that is wanted, and does it.
func (r *run) tryUndo(ctx workflow.Context, s *sops.Step, u *Step, f *frame) error {
	if s.Undo.Approve != nil {
		if err := r.mayUndo(ctx, s.Undo.Approve, u); err != nil {
			return err
		}
	}
	as := sops.Step{ID: s.ID, Uses: s.Undo.Uses, With: s.Undo.With, Timeout: s.Undo.Timeout, Retry: s.Undo.Retry}
	return r.uses(ctx, &as, u, f)
}

// mayUndo asks people first, because the undo would lose data. One who says no leaves it as it is; time never
// says yes.
func (r *run) mayUndo(ctx workflow.Context, a *sops.Approval, u *Step) error {
	q := r.lastQuestion(u.Path)
	if q != nil && q.State != Running {
		if approved, _ := q.Ask.decision(); approved {
			return nil
		}
		q = nil // nobody answered in time, and somebody has said to try again
	}
	if q == nil {
		q = r.undoQuestion(ctx, a, u)
	}
	if err := r.awaitQuestion(ctx, q); err != nil {
		return err
	}
	_, reason, err := q.Ask.verdict()
	if _, decided := q.Ask.decision(); decided && err != nil {
		return &skipped{cause(err)}
	}
	q.Reason = reason
	return err
}

// undoHeld asks the owners what is to become of an undo that failed, and says whether it is tried again.
func (r *run) undoHeld(ctx workflow.Context, u *Step) (bool, error) {
	decision, by, err := r.hold(ctx, u, u.Title, []string{decideRetry, decideSkip, decideAbort})
	switch {
	case err != nil:
		return false, err
	case decision == decideRetry:
		u.Error = ""
		u.Tries++
		r.event(ctx, Event{Kind: KindUndo, Step: u.Path, By: by.By.Name, Text: u.Title + ": tried again" + by.text()})
		return true, nil
	case decision == decideSkip:
		r.endUndo(ctx, u, &skipped{"left" + by.text()})
		return false, nil
	}
	now := workflow.Now(ctx).UTC()
	u.State, u.Ended = Failed, &now
	r.record.Rollback.Stopped = by
	r.event(ctx, Event{Kind: KindUndo, Step: u.Path, By: by.By.Name, Text: "nothing more is undone" + by.text()})
	return false, nil
}

// locate finds a step and what could be seen from where it stands.
func (r *run) locate(path string) (*sops.Step, *frame) {
	root := r.rootFrame()
	for i := range r.proc.Phases {
		if s, f := locate(r.proc.Phases[i].Steps, r.record.Phases[i].Steps, root, path); s != nil {
			return s, f
		}
	}
	return nil, root
}

func locate(steps []sops.Step, recs []*Step, f *frame, path string) (*sops.Step, *frame) {
	for i, rec := range recs {
		s := &steps[i]
		if rec.Path == path {
			return s, f
		}
		if s.Parallel != nil {
			if found, at := locate(s.Parallel, rec.Steps, f, path); found != nil {
				return found, at
			}
		}
		for j := range rec.Items {
			if strings.HasPrefix(path, roundPrefix(rec, j)) {
				return locate(s.Each.Steps, rec.Items[j].Steps, eachFrame(s, rec, j, f), path)
			}
		}
	}
	return nil, nil
}
