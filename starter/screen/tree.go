package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Tree draws a run's phases and steps.
type Tree struct {
	Width int
	Paint Painter
	Now   time.Time
	// Brief leaves out the steps of phases that are pending or went well: what is left is what an
	// operator looks for while the run goes on.
	Brief bool
	// Items shows every round of an `each`; otherwise those that went well are only counted.
	Items bool
	// Outputs adds a line that sums up what each step brought.
	Outputs bool

	lines []string
}

// rightCells is the room for "succeeded  1:02:03" at the end of a line.
const rightCells = 20

// Lines draws the record.
func (t *Tree) Lines(r *workflows.Record) []string {
	t.lines = nil
	for _, p := range r.Phases {
		t.phase(p)
	}
	if len(r.Finally) > 0 {
		t.phase(finallyPhase(r.Finally))
	}
	return t.lines
}

func (t *Tree) phase(p *workflows.Phase) {
	title := firstOf(p.Title, p.ID)
	hide := t.Brief && (p.State == workflows.Pending || p.State == workflows.Succeeded || p.State == workflows.Skipped)
	if hide && len(p.Steps) > 0 {
		title += fmt.Sprintf(" (%s)", count(len(p.Steps), "step"))
	}
	t.row(0, p.State, title, Bold, p.Started, p.Ended)
	if hide {
		return
	}
	for _, s := range p.Steps {
		t.step(1, s)
	}
}

func (t *Tree) step(depth int, s *workflows.Step) {
	t.row(depth, s.State, firstOf(s.Title, s.ID), Plain, s.Started, s.Ended)
	if note := t.note(s); note != "" {
		t.text(depth, Dim, note)
	}
	if s.Error != "" {
		t.text(depth, Bad, s.Error)
	}
	if t.Outputs && s.State.Done() {
		if sum := Outputs(s.Outputs); sum != "" {
			t.text(depth, Dim, sum)
		}
	}
	for _, sub := range s.Steps {
		t.step(depth+1, sub)
	}
	t.items(depth+1, s.Items)
}

func (t *Tree) items(depth int, items []*workflows.Item) {
	well := 0
	for _, it := range items {
		if !t.Items && it.State == workflows.Succeeded && !anyFailed(it.Steps) {
			well++
			continue
		}
		started, ended := span(it.Steps)
		t.row(depth, it.State, Value(it.Item), Plain, started, ended)
		for _, s := range it.Steps {
			t.step(depth+1, s)
		}
	}
	if well > 0 {
		t.text(depth-1, Dim, fmt.Sprintf("%d of %d went well", well, len(items)))
	}
}

// anyFailed says whether a step failed, one that its round was allowed to go on after included.
func anyFailed(steps []*workflows.Step) bool {
	return slices.ContainsFunc(steps, func(s *workflows.Step) bool {
		return s.State == workflows.Failed || anyFailed(s.Steps) ||
			slices.ContainsFunc(s.Items, func(it *workflows.Item) bool { return anyFailed(it.Steps) })
	})
}

// note is what a step waits for, or why it did nothing.
func (t *Tree) note(s *workflows.Step) string {
	var notes []string
	if s.Count > 0 {
		notes = append(notes, count(s.Count, "round")+" done")
	}
	if s.State == workflows.Running && s.Until != nil {
		notes = append(notes, fmt.Sprintf("until %s, %s left", Clock(*s.Until), Took(max(0, s.Until.Sub(t.Now)))))
	}
	if s.Reason != "" {
		notes = append(notes, s.Reason)
	}
	if s.Child != nil {
		verb := "started"
		if s.Child.Joined {
			verb = "joined"
		}
		notes = append(notes, verb+" "+s.Child.WorkflowID)
	}
	return strings.Join(notes, "; ")
}

func (t *Tree) row(depth int, state workflows.State, title string, tone Tone, started, ended *time.Time) {
	if state == "" {
		state = workflows.Pending
	}
	t.rowAs(depth, state, string(state), title, tone, elapsed(t.Now, started, ended))
}

// rowAs is row with another word for the state.
func (t *Tree) rowAs(depth int, state workflows.State, said, title string, tone Tone, took string) {
	indent := strings.Repeat("  ", depth)
	left := max(t.Width-rightCells-3-2*depth, 8)
	glyph := t.Paint.Tone(StateTone(state), Glyph(state))
	name := t.Paint.Tone(tone, Pad(Cut(Clean(title), left), left))
	word := t.Paint.Tone(StateTone(state), Pad(said, 10))
	line := indent + glyph + " " + name + " " + word + took
	t.lines = append(t.lines, strings.TrimRight(line, " "))
}

// maxText is how many lines of an error or a summary are shown; `show --json` has it whole.
const maxText = 6

func (t *Tree) text(depth int, tone Tone, text string) {
	indent := strings.Repeat("  ", depth+1)
	folded := Wrap(Clean(text), t.Width-len(indent))
	if len(folded) > maxText {
		folded = append(folded[:maxText-1:maxText-1], folded[maxText-1]+" …")
	}
	for _, l := range folded {
		t.lines = append(t.lines, indent+t.Paint.Tone(tone, l))
	}
}

func elapsed(now time.Time, started, ended *time.Time) string {
	switch {
	case started == nil:
		return ""
	case ended != nil:
		return fmt.Sprintf("%9s", Took(ended.Sub(*started)))
	default:
		return fmt.Sprintf("%9s", Took(max(0, now.Sub(*started))))
	}
}

// finallyPhase shows the steps of `finally` as one more phase.
func finallyPhase(steps []*workflows.Step) *workflows.Phase {
	started, ended := span(steps)
	return &workflows.Phase{ID: "finally", Title: "Finally", State: stateOf(steps), Started: started, Ended: ended, Steps: steps}
}

// stateOf sums up steps that have no state of their own.
func stateOf(steps []*workflows.Step) workflows.State {
	seen := map[workflows.State]int{}
	for _, s := range steps {
		seen[s.State]++
	}
	switch {
	case seen[workflows.Running] > 0:
		return workflows.Running
	case seen[workflows.Failed] > 0:
		return workflows.Failed
	case seen[workflows.Cancelled] > 0:
		return workflows.Cancelled
	case seen[workflows.Succeeded] > 0 && seen[workflows.Pending] > 0:
		return workflows.Running
	case seen[workflows.Succeeded] > 0:
		return workflows.Succeeded
	case seen[workflows.Skipped] == len(steps):
		return workflows.Skipped
	default:
		return workflows.Pending
	}
}

// span is the time that the steps took together; ended is nil while one has not ended.
func span(steps []*workflows.Step) (started, ended *time.Time) {
	open := false
	for _, s := range steps {
		if s.Started != nil && (started == nil || s.Started.Before(*started)) {
			started = s.Started
		}
		if s.Ended != nil && (ended == nil || s.Ended.After(*ended)) {
			ended = s.Ended
		}
		open = open || !s.State.Done()
	}
	if open {
		ended = nil
	}
	return started, ended
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
