package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// ErrNothingOwed says that a run has nothing left to undo.
var ErrNothingOwed = errors.New("nothing is left to undo")

// CarryOn makes what another execution needs to go on from a record.
func CarryOn(pin Pinned, record *Record) (*Carried, error) {
	return pack(carriedState{Pin: pin, Record: record})
}

// Record is the account that is carried.
func (c *Carried) Record() (*Record, error) {
	state, err := unpack(c)
	return state.Record, err
}

// UndoOf prepares a run that has ended without undoing what it changed (it was terminated, say) to be gone on
// with for that only: start its workflow type again under its id, with the input it had and this as the second
// argument. by is a person of org.yaml; reason may be empty. The error is ErrNothingOwed when there is nothing
// to undo.
func UndoOf(c *Carried, by, reason string) (*Carried, error) {
	state, err := unpack(c)
	if err != nil {
		return nil, err
	}
	if len(state.Record.Owed()) == 0 {
		return nil, ErrNothingOwed
	}
	state.Undo = &Deed{By: Party{Name: shorten(oneLine(by), maxSummary)}, Text: shorten(oneLine(reason), maxText)}
	return pack(state)
}

// takeUp goes on with a run that has ended, to undo what it owes. Its last steps follow, unless they have run.
func (r *run) takeUp(ctx workflow.Context, asked *Deed) error {
	rec, now := r.record, workflow.Now(ctx).UTC()
	if len(rec.Owed()) == 0 {
		return permanent(ErrInput, "%s: %s", rec.WorkflowID, ErrNothingOwed)
	}
	ended := rec.State
	rec.State, rec.Ended, rec.Telling = Running, nil, nil
	for _, c := range rec.Clocks {
		if c.running() {
			c.Stopped = &now
		}
	}
	rb := &Rollback{
		State: Running, Started: now, Cancelled: rec.Failure == nil, Why: Failure{Phase: rec.phaseUnderWay(), Message: "it is undone" + asked.text()},
	}
	if before := rec.Rollback; before != nil {
		rb.Cancelled, rb.Why = before.Cancelled, before.Why // an undo may depend on what failed
	} else if rec.Failure != nil {
		rb.Why = *rec.Failure
	}
	if wait := r.cutOff(now); wait > 0 && ended == Running {
		until := now.Add(wait)
		rb.Wait = &until
	}
	if before := rec.Rollback; before != nil {
		rb.Then = before.Then
	} else if r.proc.Rollback != nil {
		rb.Then = newSteps(r.proc.Rollback.Then, "")
	}
	rb.After = r.outliving
	rec.Rollback = rb
	if inc := rec.Incident; inc != nil && !inc.State.Over() {
		inc.State, inc.Lease, inc.Checked, inc.Returns = IncidentAborted, nil, nil, nil
	}
	text := fmt.Sprintf("gone on with to undo what is left (%d steps)%s", len(rec.Owed()), asked.text())
	rec.addEvent(Event{At: now, Kind: "rollback", By: asked.By.Name, Text: text})
	return nil
}

// phaseUnderWay is the phase that was running when the run ended.
func (rec *Record) phaseUnderWay() string {
	for _, p := range rec.Phases {
		if p.State == Running {
			return p.ID
		}
	}
	return ""
}

// cutOff closes what was under way when the run was terminated, and says how long an action that was at work
// may take to notice it: it learns that at its next heartbeat, or at the latest when its time is over.
func (r *run) cutOff(now time.Time) (longest time.Duration) {
	for _, l := range r.record.Ladders {
		l.Closed, l.Owed = true, nil
	}
	for _, p := range r.record.Phases {
		if p.State == Running {
			p.State, p.Ended = Cancelled, &now
		}
	}
	for _, u := range r.record.Undo {
		if u.State == Running {
			longest = max(longest, r.noticed(u))
			u.Tries++ // the activity of that name was not seen to its end
		}
		if u.State == Running || u.State == Failed || u.State == Cancelled {
			u.State, u.Started, u.Error = Pending, nil, "" // it is tried before anybody is asked again
		}
	}
	r.record.walk(func(s *Step) bool {
		if s.State == Running && s.Kind == string(sops.KindRun) && s.Child != nil {
			r.outliving = append(r.outliving, *s.Child)
		}
		if s.State == Running {
			longest = max(longest, r.noticed(s))
			s.State, s.Ended, s.Error = Cancelled, &now, "the run ended while it was under way"
			if s.Ask.waits() {
				s.Ask.Closed = "the run ended"
			}
		}
		return true
	})
	for _, p := range r.record.Phases {
		for _, s := range p.Steps {
			s.closeRounds()
		}
	}
	return longest
}

// closeRounds closes the rounds of an `each` that was under way.
func (s *Step) closeRounds() {
	for _, item := range s.Items {
		if item.State == Running {
			item.State = Cancelled
		}
		for _, inner := range item.Steps {
			inner.closeRounds()
		}
	}
	for _, inner := range s.Steps {
		inner.closeRounds()
	}
}

// noticed is how long an action may take to notice that its run is no more.
func (r *run) noticed(s *Step) time.Duration {
	act, ok := r.engine.catalogue.Action(s.Action)
	if !ok || s.Ask != nil {
		return 0
	}
	if act.Heartbeat > 0 {
		return act.Heartbeat
	}
	timeout := sops.Duration(act.Timeout)
	if step := r.stepOf(s); step != nil {
		timeout = orElse(step.Timeout, timeout)
	}
	if path, ok := strings.CutPrefix(s.Path, prefixUndo); ok {
		if step, _ := r.locate(path); step != nil && step.Undo != nil {
			timeout = orElse(step.Undo.Timeout, timeout)
		}
	}
	return time.Duration(timeout)
}

// childPoll is how often a run is looked at that has to end before anything is undone.
const childPoll = 15 * time.Second

// awaitChildren waits for the runs that a terminated run had waited for. They were told to end then, and may have
// something to undo themselves.
func (r *run) awaitChildren(ctx workflow.Context) error {
	for _, child := range r.record.Rollback.After {
		for said := false; ; said = true {
			var state WindowState
			request := WindowRequest{WorkflowID: child.WorkflowID, RunID: child.RunID}
			err := workflow.ExecuteLocalActivity(local(ctx, "Has "+child.WorkflowID+" ended?", readAttempts), ActivityWindow, request).Get(ctx, &state)
			if err != nil {
				r.event(ctx, Event{Kind: "rollback", Text: "whether " + child.WorkflowID + " has ended can't be found out: " + cause(err)})
			}
			if err != nil || !state.Open {
				break
			}
			if !said {
				r.event(ctx, Event{Kind: "rollback", Text: "waits for " + child.WorkflowID + " to end"})
			}
			if _, err := r.awaitUntil(ctx, workflow.Now(ctx).Add(childPoll), child.WorkflowID+" has to end first", func() bool { return false }); err != nil {
				return err
			}
			if err := r.safePoint(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
