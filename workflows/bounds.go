package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orderly-ops/orderly/sops"
)

// A run may go on for months and look every minute, and a record that Temporal does not take would hold
// it up for ever: a payload may have 2 MB. So everything that grows has a bound, and the record says how
// much was left out.
const (
	maxEvents   = 5000
	maxFindings = 1000
	maxClocks   = 1000
	maxSteps    = 20_000    // of all rounds together
	maxText     = 1000      // bytes of a line of the timeline or of a finding
	maxWith     = 1 << 20   // bytes of JSON that a step may give to an action or to another run
	maxListed   = 200       // findings and clocks of a summary
	maxShown    = 100       // pages, updates and alerts of an answer that has no room for more
	maxAnswer   = 1_500_000 // bytes of JSON of an answer to a query, or of a record given to an activity
)

// LeftOut counts what a record no longer has because there was too much of it.
type LeftOut struct {
	Events   int `json:"events,omitempty"`
	Findings int `json:"findings,omitempty"`
	Clocks   int `json:"clocks,omitempty"` // kept ones first
	// Promises are what became of the promises that these clocks were of.
	Promises []PastPromises `json:"promises,omitempty"`
	Pages    int            `json:"pages,omitempty"`
	Undo     int            `json:"undo,omitempty"` // entries that nobody has to look at: undone, or not begun
	// Outputs and Steps are left out of answers to queries only; the journal has them.
	Outputs int `json:"outputs,omitempty"`
	Steps   int `json:"steps,omitempty"` // of rounds
}

// addEvent writes a line of the timeline. When there are too many, some from after the beginning make way
// for a line that says so.
func (rec *Record) addEvent(e Event) {
	const first, drop = maxEvents / 5, maxEvents / 10
	e.Text = shorten(e.Text, maxText)
	rec.Timeline = append(rec.Timeline, e)
	if len(rec.Timeline) <= maxEvents {
		return
	}
	from := first
	if rec.LeftOut.Events > 0 {
		from++ // the line that says so
	}
	rec.LeftOut.Events += drop
	rec.Timeline = slices.Replace(rec.Timeline, first, from+drop, Event{
		At: rec.Timeline[first].At, Kind: "run",
		Text: fmt.Sprintf("%d lines are left out here: a record keeps %d", rec.LeftOut.Events, maxEvents),
	})
}

// addFinding keeps a finding and says whether it did. A critical one takes the place of one that is not.
func (rec *Record) addFinding(f Finding) bool {
	f.Severity, f.Check = shorten(f.Severity, maxText), shorten(f.Check, maxText)
	f.Text, f.Act = shorten(f.Text, maxText), shorten(f.Act, maxText)
	if len(rec.Findings) < maxFindings {
		rec.Findings = append(rec.Findings, f)
		return true
	}
	rec.LeftOut.Findings++
	if f.Severity != critical {
		return false
	}
	for i, other := range slices.Backward(rec.Findings) {
		if other.Severity != critical {
			rec.Findings = append(slices.Delete(rec.Findings, i, i+1), f)
			return true
		}
	}
	return false
}

const critical = "critical"

// addClock keeps a clock. When there are too many, the oldest that was kept in time goes, or the oldest that
// is over; those of which an incident has one each stay longest.
func (rec *Record) addClock(c *Clock) {
	if len(rec.Clocks) >= maxClocks {
		over := func(c *Clock) bool { return !c.running() }
		one := func(c *Clock) bool { return over(c) && (c.Kind == ClockWithin || c.Kind == clockUpdate) }
		kept := func(c *Clock) bool { return one(c) && c.Met != nil && c.Breached == nil }
		for _, goes := range []func(*Clock) bool{kept, one, over} {
			if i := slices.IndexFunc(rec.Clocks, goes); i >= 0 {
				rec.LeftOut.addPast(rec.Clocks[i])
				rec.Clocks = slices.Delete(rec.Clocks, i, i+1)
				break
			}
		}
	}
	rec.Clocks = append(rec.Clocks, c)
}

// room says whether an `each` may have so many more rounds of these steps.
func (rec *Record) room(rounds int, steps []sops.Step) error {
	have := countSteps(rec.Finally)
	for _, p := range rec.Phases {
		have += countSteps(p.Steps)
	}
	if want := have + rounds*countSteps(newSteps(steps, "")); want > maxSteps {
		return permanent(ErrInput, "each: %d steps are more than the %d that one run may have", want, maxSteps)
	}
	return nil
}

func countSteps(steps []*Step) int {
	n := len(steps)
	for _, s := range steps {
		n += countSteps(s.Steps)
		for _, item := range s.Items {
			n += countSteps(item.Steps)
		}
	}
	return n
}

// encodeWith is a `with` as it goes to Temporal.
func encodeWith(with map[string]any) (json.RawMessage, error) {
	data, err := json.Marshal(with)
	if err != nil {
		return nil, permanent(ErrInput, "with: %v", err)
	}
	if len(data) > maxWith {
		return nil, permanent(ErrInput, "with: it has %d KiB of JSON, more than the %d that a run keeps: "+
			"give less, or pass it on as an artifact", len(data)>>10, maxWith>>10)
	}
	return data, nil
}

// listed are the findings of a summary, critical ones first when there are too many, and how many it has
// not.
func (rec *Record) listed() ([]Finding, int) {
	if len(rec.Findings) <= maxListed {
		return rec.Findings, rec.LeftOut.Findings
	}
	sorted := slices.Clone(rec.Findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int { return rank(a) - rank(b) })
	return sorted[:maxListed], len(sorted) - maxListed + rec.LeftOut.Findings
}

func rank(f Finding) int { return slices.Index([]string{"info", "warning", critical}, f.Severity) * -1 }

// errTooLarge can't be: what is left by then has bounds of its own.
var errTooLarge = errors.New("the record is too large to be shown")

// fitting is the record if it is small enough for one payload, else a copy with less in it, whose LeftOut
// says what is missing: large outputs first, then all, then the steps of rounds, then most of the timeline.
func (rec *Record) fitting() (json.RawMessage, error) {
	less := []func(*Record){
		func(*Record) {},
		func(r *Record) { r.eachStep(func(s *Step) { r.dropOutputs(s, 4<<10) }) },
		func(r *Record) { r.eachStep(func(s *Step) { r.dropOutputs(s, 0) }) },
		func(r *Record) { r.eachStep(r.dropRounds) },
		func(r *Record) {
			last := max(0, len(r.Timeline)-maxListed)
			r.Timeline, r.LeftOut.Events = r.Timeline[last:], r.LeftOut.Events+last
			r.Findings, r.LeftOut.Findings = r.listed()
			r.Inputs = nil
			r.LeftOut.Pages += max(0, len(r.Pages)-maxShown)
			r.Pages = slices.Clone(r.Pages[max(0, len(r.Pages)-maxShown):])
			r.trimOutcomes(maxOutcomes / 10)
			r.dropUndone(maxShown)
			if r.Incident != nil {
				inc := *r.Incident
				inc.Updates = inc.Updates[max(0, len(inc.Updates)-maxShown):]
				inc.Alerts = inc.Alerts[max(0, len(inc.Alerts)-maxShown):]
				r.Incident = &inc
			}
		},
	}
	view := *rec
	if rec.outputSize() > maxAnswer {
		less = less[1:] // writing all of it first would only take time
	}
	var before [2]int
	for i, reduce := range less {
		reduce(&view)
		now := [2]int{view.LeftOut.Outputs, view.LeftOut.Steps}
		if i > 0 && i < len(less)-1 && now == before {
			continue // it had no such thing
		}
		before = now
		data, err := json.Marshal(&view)
		if err != nil || len(data) <= maxAnswer {
			return data, err
		}
	}
	return nil, errTooLarge
}

// outputSize is how many bytes the outputs of all steps have.
func (rec *Record) outputSize() int {
	n := sizeOfOutputs(rec.Finally) + sizeOfOutputs(rec.Undo)
	for _, p := range rec.Phases {
		n += sizeOfOutputs(p.Steps)
	}
	return n
}

func sizeOfOutputs(steps []*Step) int {
	n := 0
	for _, s := range steps {
		n += len(s.Outputs) + sizeOfOutputs(s.Steps)
		for _, item := range s.Items {
			n += sizeOfOutputs(item.Steps)
		}
	}
	return n
}

// eachStep replaces every step by a copy that f may change.
func (rec *Record) eachStep(f func(*Step)) {
	phases := make([]*Phase, len(rec.Phases))
	for i, p := range rec.Phases {
		phase := *p
		phase.Steps = copySteps(p.Steps, f)
		phases[i] = &phase
	}
	rec.Phases, rec.Finally = phases, copySteps(rec.Finally, f)
	rec.Undo, rec.Questions = copySteps(rec.Undo, f), copySteps(rec.Questions, f)
	if rec.Rollback != nil {
		rb := *rec.Rollback
		rb.Then = copySteps(rb.Then, f)
		rec.Rollback = &rb
	}
}

func copySteps(steps []*Step, f func(*Step)) []*Step {
	out := make([]*Step, len(steps))
	for i, s := range steps {
		step := *s
		step.Steps = copySteps(s.Steps, f)
		step.Items = make([]*Item, len(s.Items))
		for j, item := range s.Items {
			step.Items[j] = &Item{Item: item.Item, State: item.State, Steps: copySteps(item.Steps, f)}
		}
		f(&step)
		out[i] = &step
	}
	return out
}

// dropUndone leaves out undo entries, and questions that were answered, when there are more than so many: those that
// went as they should first.
func (rec *Record) dropUndone(most int) {
	before := len(rec.Undo)
	for _, plain := range []State{Succeeded, Pending, Skipped} {
		if len(rec.Undo) > most {
			rec.Undo = slices.DeleteFunc(slices.Clone(rec.Undo), func(u *Step) bool { return u.State == plain })
		}
	}
	rec.LeftOut.Undo += before - len(rec.Undo)
	if len(rec.Questions) > most {
		rec.Questions = slices.DeleteFunc(slices.Clone(rec.Questions), func(q *Step) bool { return q.State != Running })
	}
}

func (rec *Record) dropOutputs(s *Step, above int) {
	if len(s.Outputs) > above {
		s.Outputs = nil
		rec.LeftOut.Outputs++
	}
}

func (rec *Record) dropRounds(s *Step) {
	rec.LeftOut.Steps += len(s.Earlier)
	s.Earlier = nil
	for _, item := range s.Items {
		rec.LeftOut.Steps += countSteps(item.Steps)
		item.Steps, item.Item = nil, nil
	}
}
