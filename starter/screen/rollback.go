package screen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// RollingBack says that what the run changed is being put back at this moment.
func RollingBack(r *workflows.Record) bool {
	return r.Rollback != nil && r.Rollback.Ended == nil && !r.State.Done()
}

// StateWord is how a run stands, in a word or two.
func StateWord(r *workflows.Record) string {
	if RollingBack(r) {
		return "rolling back"
	}
	return string(r.State)
}

// runTone is the tone of a run's state. One that is being rolled back is what an operator has to see first.
func runTone(r *workflows.Record) Tone {
	if RollingBack(r) {
		return Bad
	}
	return StateTone(r.State)
}

// Rollback is how it stands with what a run has to put back: why, what was undone, what is left, what follows.
type Rollback struct {
	Width int
	Paint Painter
	Now   time.Time
	// Brief leaves out what was undone without trouble: it is counted.
	Brief bool
}

// Lines is nothing for a run that has nothing to put back.
func (b Rollback) Lines(r *workflows.Record) []string {
	rb := r.Rollback
	if rb == nil {
		return b.owed(r)
	}
	tone, text := rollbackText(r, b.Now)
	lines := []string{b.Paint.Tone(tone, Cut(text, b.Width))}
	for _, l := range wrapped("because: "+rb.Why.String(), b.Width-2) {
		lines = append(lines, "  "+l)
	}
	if rb.Wait != nil && b.Now.Before(*rb.Wait) && RollingBack(r) {
		text := fmt.Sprintf("it begins %s, in %s: what was under way may be at work until then", Clock(*rb.Wait), Took(rb.Wait.Sub(b.Now)))
		lines = append(lines, hanging("  ", text, b.Width)...)
	}
	if rb.Stopped != nil {
		lines = append(lines, hanging("  ", "nothing more is undone: said "+deedText(rb.Stopped, rb.Started), b.Width)...)
	}
	lines = append(lines, b.entries(r)...)
	tree := &Tree{Width: b.Width, Paint: b.Paint, Now: b.Now, Brief: b.Brief}
	if len(rb.Then) > 0 {
		tree.phase(&workflows.Phase{Title: "After that", State: stateOf(rb.Then), Steps: rb.Then})
	}
	return append(append(lines, tree.lines...), b.command(r)...)
}

// rollbackText is the first line: that it goes on, or how it ended, and how much was undone.
func rollbackText(r *workflows.Record, now time.Time) (Tone, string) {
	rb, sum := r.Rollback, r.Summary()
	switch {
	case RollingBack(r):
		return Bad, fmt.Sprintf("%s Rolling back for %s: %d of %d undone", Glyph(workflows.Running), Took(max(0, now.Sub(rb.Started))), sum.Undone, len(r.Undo))
	case rb.Ended == nil:
		return Bad, fmt.Sprintf("%s The rollback was cut off: %d of %d undone", Glyph(workflows.Failed), sum.Undone, len(r.Undo))
	case len(sum.Left) > 0:
		return Bad, fmt.Sprintf("%s Rolled back in %s, but not everything: %d undone, %d left", Glyph(workflows.Failed), Took(rb.Ended.Sub(rb.Started)), sum.Undone, len(sum.Left))
	default:
		return Good, fmt.Sprintf("%s Rolled back in %s: %d undone", Glyph(workflows.Succeeded), Took(rb.Ended.Sub(rb.Started)), sum.Undone)
	}
}

// entries are the undo entries in the order in which they are carried out: the last first.
func (b Rollback) entries(r *workflows.Record) []string {
	tree := &Tree{Width: b.Width, Paint: b.Paint, Now: b.Now}
	for _, u := range slices.Backward(r.Undo) {
		if b.Brief && u.State == workflows.Succeeded {
			continue
		}
		tree.undo(u, undoWord(r, u))
	}
	return tree.lines
}

// undo is a row in words of undoing, with why it was not done.
func (t *Tree) undo(u *workflows.Step, word string) {
	t.rowAs(1, u.State, word, undoTitle(u), Plain, elapsed(t.Now, u.Started, u.Ended))
	if u.Reason != "" {
		t.text(1, Dim, u.Reason)
	}
	if u.Error != "" {
		t.text(1, Bad, u.Error)
	}
}

// undoTitle is what is undone; that it is, the lines around it say.
func undoTitle(u *workflows.Step) string {
	return strings.TrimPrefix(firstOf(u.Title, u.Path), "Undo: ")
}

// undoWord is how an entry stands. It has ten cells at most.
func undoWord(r *workflows.Record, u *workflows.Step) string {
	switch {
	case u.State == workflows.Succeeded:
		return "undone"
	case u.NotNeeded():
		return "not needed"
	case u.State == workflows.Running && r.State.Done():
		return "cut off"
	case u.State == workflows.Running && asksFirst(r, u):
		return "asks first"
	case u.State == workflows.Running && u.Error != "":
		return "held" // until somebody says what is to become of it
	case u.State == workflows.Running:
		return "under way"
	case u.State == workflows.Skipped:
		return "left"
	case u.State == workflows.Failed:
		return "not undone"
	default:
		return "owed"
	}
}

// asksFirst says that people are asked whether it may be undone.
func asksFirst(r *workflows.Record, u *workflows.Step) bool {
	return slices.ContainsFunc(r.Waiting(), func(s *workflows.Step) bool {
		return s.Path == u.Path || strings.HasPrefix(s.Path, u.Path+"#")
	})
}

// owed is what a run that has ended without a rollback has left behind.
func (b Rollback) owed(r *workflows.Record) []string {
	owed := Owed(r)
	if len(owed) == 0 {
		return nil
	}
	lines := []string{b.Paint.Tone(Bad, "Nothing was put back: what these have done is still there")}
	return append(append(lines, b.entries(r)...), b.command(r)...)
}

// Owed are the entries that a run which has not ended well could still undo, in the order in which that is done.
func Owed(r *workflows.Record) []*workflows.Step {
	if !r.State.Done() || r.State == workflows.Succeeded {
		return nil
	}
	return r.Owed()
}

// command is what to type when something is still owed.
func (b Rollback) command(r *workflows.Record) []string {
	if len(Owed(r)) == 0 {
		return nil
	}
	return []string{"  " + b.Paint.Tone(Busy, Command("orderly", "undo", r.WorkflowID))}
}

// UndoTable lists what is owed, in the order in which it is undone.
func UndoTable(owed []*workflows.Step, p Painter, width int) []string {
	table := &Table{Header: []string{"", "UNDO OF", "WITH", ""}, Wraps: 1, Paint: p}
	for i, u := range owed {
		note := ""
		switch u.State {
		case workflows.Running:
			note = "was under way"
		case workflows.Failed:
			note = "had failed"
		}
		table.Add(strconv.Itoa(i+1), undoTitle(u), u.Action, note)
	}
	return table.Lines(width)
}
