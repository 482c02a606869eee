package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Head is the first lines of a run: what it is, how it stands, who started it.
func Head(r *workflows.Record, p Painter, width int, now time.Time) []string {
	word := Glyph(r.State) + " " + StateWord(r)
	ended := now
	if r.Ended != nil {
		ended = *r.Ended
	}
	took := Took(max(0, ended.Sub(r.Started)))
	title := Cut(Clean(firstOf(r.Title, r.Procedure)), width-Cells(word)-Cells(took)-4)
	lines := []string{
		p.Tone(Bold, title) + "  " + p.Tone(runTone(r), word) + "  " + took,
		p.Tone(Dim, Cut(Clean(r.WorkflowID), width)),
	}
	about := []string{"started " + Stamp(r.Started)}
	if r.By != "" {
		about = append(about, "by "+Clean(r.By))
	}
	if r.Drill {
		about = append(about, "(a drill)")
	}
	return append(lines, p.Tone(Dim, Cut(strings.Join(about, " "), width)))
}

// clockCells is the room for how a clock stands.
const clockCells = 46

// Clocks is one line for each promise of the run: kept, broken, or how long is left.
func Clocks(clocks []*workflows.Clock, p Painter, width int, now time.Time) []string {
	lines := make([]string, 0, len(clocks))
	for _, c := range clocks {
		tone, text := clockText(c, now)
		name := Clean(firstOf(c.Title, c.ID))
		room := max(width-clockCells, 12)
		name = Pad(Cut(name, room), room)
		lines = append(lines, "◷ "+name+" "+p.Tone(tone, Cut(text, width-room-3)))
	}
	return lines
}

// ByDue puts the promises that still run first, the soonest due before others; then the rest in the order
// they were made.
func ByDue(clocks []*workflows.Clock) []*workflows.Clock {
	out := slices.Clone(clocks)
	slices.SortStableFunc(out, func(a, b *workflows.Clock) int {
		open := func(c *workflows.Clock) bool { return c.Met == nil && c.Stopped == nil }
		switch {
		case open(a) != open(b) && open(a):
			return -1
		case open(a) != open(b):
			return 1
		case open(a):
			return a.Due.Compare(b.Due)
		}
		return 0
	})
	return out
}

func clockText(c *workflows.Clock, now time.Time) (Tone, string) {
	due := dueAt(c.Due, now)
	switch {
	case c.Breached != nil && c.Met != nil:
		return Bad, fmt.Sprintf("breached, %s; kept %s late", due, Took(c.Met.Sub(c.Due)))
	case c.Breached != nil:
		return Bad, "breached, " + due
	case c.Stopped != nil:
		return Dim, fmt.Sprintf("put away after %s, %s", Took(c.Stopped.Sub(c.Started)), due)
	case c.Met != nil:
		return Good, fmt.Sprintf("kept, %s, after %s", due, Took(c.Met.Sub(c.Started)))
	case now.After(c.Due):
		return Bad, DueIn(c.Due, now)
	default:
		return Plain, DueIn(c.Due, now)
	}
}

// Findings is the table of what a person should know, the worst first.
func Findings(findings []workflows.Finding, p Painter, width int) []string {
	table := &Table{Header: []string{"SEVERITY", "CHECK", "FINDING"}, Wraps: 2, Paint: p}
	table.Style = func(column int, text string) Tone {
		if column == 0 {
			return SeverityTone(text)
		}
		return Plain
	}
	for _, f := range BySeverity(findings) {
		text := f.Text
		if f.Act != "" {
			text = strings.TrimRight(text, ". ") + ". → " + f.Act
		}
		table.Add(f.Severity, Cut(Clean(f.Check), 24), text)
	}
	return table.Lines(width)
}
