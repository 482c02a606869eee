package simulate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/workflows"
)

// planDeeds lays out what people do, and the end of it all. What falls into a time without a worker waits for the
// next one, as an Update does on a server.
func (w *world) planDeeds() {
	for i := range w.scenario.People {
		d := &w.scenario.People[i]
		due := d.When.In(w.start)
		w.happen(event{at: due, rank: rankDeed, deed: d, fire: func() { w.send(d, due) }})
	}
	w.happen(event{at: w.horizon, rank: rankEnd, fire: w.stop})
}

// stop ends all runs that are open at the horizon, the inner ones first.
func (w *world) stop() {
	w.over = true
	for _, run := range slices.Backward(w.runs) {
		if run.open {
			_ = w.env.SignalWorkflowByID(run.id, tickSignal, nil) // one that has just ended needs no task
		}
	}
}

// later has something done in the run's future.
func (w *world) after(at time.Time, do func()) {
	w.happen(event{at: at, rank: rankDeed, fire: do})
}

// send sends what somebody does to the run that it is for, as an Update, and keeps what is answered.
func (w *world) send(d *Deed, due time.Time) {
	payload := clone(d.Payload)
	if payload == nil {
		payload = map[string]any{}
	}
	if d.By != alertBy {
		payload["by"] = d.By
	}
	w.update(w.target(payload), DeedDone{By: d.By, Message: d.Message, Payload: payload}, due)
}

// update sends a message.
func (w *world) update(run *live, done DeedDone, due time.Time) {
	done.At = w.now()
	if held := done.At.Sub(due); held > 0 {
		done.Held = held.String()
	}
	if run == nil || !run.open {
		done.Refused = "the run was over"
		w.result.Deeds = append(w.result.Deeds, done)
		return
	}
	done.Run = run.id
	w.count(messageEvents)
	w.result.Deeds = append(w.result.Deeds, done)
	reply := &reply{w: w, of: len(w.result.Deeds) - 1}
	id := fmt.Sprintf("deed-%d", reply.of)
	if err := w.env.UpdateWorkflowByID(run.id, done.Message, id, reply, done.Payload); err != nil {
		reply.Reject(err)
	}
}

// target is the run that a message is for: the scenario's own, or the one it waits for that has the step, or an
// incident, where the own one has none.
func (w *world) target(payload map[string]any) *live {
	if len(w.runs) == 0 {
		return nil
	}
	own := w.runs[0]
	inner := w.runs[1:]
	if len(inner) == 0 {
		return own
	}
	step, _ := payload["step"].(string)
	rec := own.ask()
	for _, run := range inner {
		if !run.open || rec == nil {
			continue
		}
		switch theirs := run.ask(); {
		case theirs == nil:
		case step != "" && stepIn(rec, step) == nil && stepIn(theirs, step) != nil,
			step == "" && rec.Incident == nil && theirs.Incident != nil:
			return run
		}
	}
	return own
}

// reply takes the answer to an Update.
type reply struct {
	w  *world
	of int // index in the result's deeds
}

// Accept implements testsuite.UpdateCallbacks.
func (r *reply) Accept() {}

// Reject implements testsuite.UpdateCallbacks.
func (r *reply) Reject(err error) {
	r.w.result.Deeds[r.of].Refused = refusal(err)
}

// Complete implements testsuite.UpdateCallbacks.
func (r *reply) Complete(success any, err error) {
	if err != nil {
		r.Reject(err)
		return
	}
	if answer, ok := success.(workflows.Answer); ok {
		r.w.result.Deeds[r.of].Answer = answer.Now
	}
}

func refusal(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}

// tooLate notes what was still to be done when the run was over.
func (w *world) tooLate() {
	for _, p := range w.queue.events {
		if p.deed == nil {
			continue
		}
		why := "the run was over"
		if w.runs[0].cut {
			why = "it is after the horizon"
		}
		w.result.Deeds = append(w.result.Deeds, DeedDone{
			At: p.due, Run: w.id, By: p.deed.By, Message: p.deed.Message, Payload: p.deed.Payload, Refused: why,
		})
	}
}

// stepIn finds a step of a record, a question of the engine's included, by path or else by id.
func stepIn(rec *workflows.Record, name string) *workflows.Step {
	var found *workflows.Step
	for _, byPath := range []bool{true, false} {
		eachStep(rec, func(s *workflows.Step) {
			if found == nil && (s.Path == name || !byPath && s.ID == name) {
				found = s
			}
		})
	}
	return found
}

// eachStep visits every step of a record.
func eachStep(rec *workflows.Record, visit func(*workflows.Step)) {
	var walk func(steps []*workflows.Step)
	walk = func(steps []*workflows.Step) {
		for _, s := range steps {
			visit(s)
			walk(s.Steps)
			for _, item := range s.Items {
				walk(item.Steps)
			}
		}
	}
	for _, p := range rec.Phases {
		walk(p.Steps)
	}
	walk(rec.Questions)
	if rec.Rollback != nil {
		walk(rec.Rollback.Then)
	}
	walk(rec.Finally)
}
