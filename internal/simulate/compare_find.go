package simulate

import (
	"strings"

	"github.com/orderly-ops/orderly/workflows"
)

// records are the run's own and those of the runs that it waited for.
func (j *judge) records() []*workflows.Record {
	return append([]*workflows.Record{j.r.Record}, j.r.Children...)
}

// stepsNamed finds the step with a path, or else all with an id: one in an each is there once an item. A step of
// the run itself comes before those of the runs that it waited for.
func (j *judge) stepsNamed(name string) []*workflows.Step {
	var inner []*workflows.Step
	for i, rec := range j.records() {
		found := stepsIn(rec, name)
		if i == 0 && len(found) > 0 {
			return found
		}
		inner = append(inner, found...)
	}
	return inner
}

func stepsIn(rec *workflows.Record, name string) []*workflows.Step {
	if s := stepIn(rec, name); s != nil && s.Path == name {
		return []*workflows.Step{s}
	}
	var found []*workflows.Step
	eachStep(rec, func(s *workflows.Step) {
		if s.ID == name {
			found = append(found, s)
		}
	})
	for _, u := range rec.Undo {
		if len(found) == 0 && (u.Path == name || u.ID == name) {
			found = append(found, u)
		}
	}
	return found
}

// ran is the first step of a name that ran; nil when none did.
func (j *judge) ran(name string) *workflows.Step {
	for _, s := range j.stepsNamed(name) {
		if s.State != workflows.Pending && s.State != workflows.Skipped {
			return s
		}
	}
	return nil
}

// clocksNamed finds the clock with an id, or else all those of phases and steps of that name. A clock of the run
// itself comes before those of the runs that it waited for.
func (j *judge) clocksNamed(name string) []*workflows.Clock {
	var inner []*workflows.Clock
	for i, rec := range j.records() {
		found := clocksIn(rec, name)
		if i == 0 && len(found) > 0 {
			return found
		}
		inner = append(inner, found...)
	}
	return inner
}

func clocksIn(rec *workflows.Record, name string) []*workflows.Clock {
	var found []*workflows.Clock
	for _, c := range rec.Clocks {
		if c.ID == name {
			return []*workflows.Clock{c}
		}
		kind, bare, _ := strings.Cut(c.ID, ":")
		question := strings.HasPrefix(bare, "hold:") || strings.HasPrefix(bare, "undo:") // it has a clock of its own
		if (kind == "step" || kind == "phase") && (bare == name || !question && stepID(bare) == strings.TrimPrefix(name, "step:")) {
			found = append(found, c)
		}
	}
	return found
}
