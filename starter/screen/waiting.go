package screen

import (
	"slices"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Waiting are the steps that wait for people, in the order of the procedure.
func Waiting(r *workflows.Record) []*workflows.Step {
	var out []*workflows.Step
	Walk(r, func(s *workflows.Step) {
		if s.State == workflows.Running && waits(s.Ask) {
			out = append(out, s)
		}
	})
	return out
}

// Walk visits every step of a record, outer before inner.
func Walk(r *workflows.Record, visit func(*workflows.Step)) {
	for _, p := range r.Phases {
		walk(p.Steps, visit)
	}
	walk(r.Finally, visit)
}

func walk(steps []*workflows.Step, visit func(*workflows.Step)) {
	for _, s := range steps {
		visit(s)
		walk(s.Steps, visit)
		for _, it := range s.Items {
			walk(it.Steps, visit)
		}
	}
}

// waits says whether an answer can still be given.
func waits(a *workflows.Ask) bool {
	if a == nil || a.Done != nil || a.Closed != "" || a.Expired != nil && a.OnExpire != "hold" {
		return false
	}
	rejected := slices.ContainsFunc(a.Decisions, func(d workflows.Decision) bool { return !d.Approve })
	return a.Quorum == 0 || !rejected && len(a.Decisions) < a.Quorum
}

// AnswerCommand is what to type to answer a step that waits.
func AnswerCommand(r *workflows.Record, s *workflows.Step) string { return r.AnswerCommand(s) }

// ClockOf finds a clock that still runs; nil when there is none.
func ClockOf(r *workflows.Record, id string) *workflows.Clock {
	for _, c := range r.Clocks {
		if c.ID == id && c.Met == nil && c.Stopped == nil {
			return c
		}
	}
	return nil
}

// DueIn writes when something is due: "4:12 left, due 02:19:00Z", "overdue by 0:30, due 02:19:00Z".
func DueIn(due, now time.Time) string {
	if now.After(due) {
		return "overdue by " + Took(now.Sub(due)) + ", " + dueAt(due, now)
	}
	return Took(due.Sub(now)) + " left, " + dueAt(due, now)
}

// dueAt leaves the day out when it is today.
func dueAt(due, now time.Time) string {
	if due.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return "due " + Clock(due)
	}
	return "due " + due.UTC().Format("01-02 15:04:05Z")
}
