package diagram

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/workflows"
)

// chart is a run as it is drawn: lanes of rows over its time.
type chart struct {
	title  string
	facts  []string
	lanes  []lane
	start  time.Time
	end    time.Time
	marked int // marks so far
}

// lane is rows of one sort.
type lane struct {
	title string
	rows  []row
	left  int // rows that are left out
}

// row is one thing over time.
type row struct {
	label string
	depth int
	state string // how it stands, in words
	bars  []bar
	marks []mark
}

// bar is a length of time. A bar may have a due time, beyond which it is late.
type bar struct {
	from, to time.Time
	due      time.Time // zero: none
	class    string    // good, bad, busy, dim, clock
	text     string
}

// mark is a moment.
type mark struct {
	at   time.Time
	kind markKind
	text string
}

// markKind is what a moment is.
type markKind int

const (
	markPage   markKind = iota // a page that reached somebody
	markFailed                 // a page that did not
	markDeed                   // something a person did
)

// What is drawn of a run at most: beyond this nobody sees anything any more.
const (
	mostRows  = 80   // of a lane
	mostMarks = 3000 // of all rows together
)

func chartOf(rec *workflows.Record) *chart {
	c := &chart{title: orElse(rec.Title, rec.Procedure), start: rec.Started.UTC(), end: rec.Updated().UTC()}
	if rec.Ended != nil {
		c.end = rec.Ended.UTC()
	}
	if c.end.Before(c.start) {
		c.end = c.start
	}
	c.facts = factsOfRun(rec, c)
	c.lane("Phases and steps", c.stepRows(rec))
	c.lane("People", c.peopleRows(rec))
	c.lane("Promises", c.clockRows(rec.Clocks))
	c.lane("Undone", c.undoRows(rec))
	return c
}

func (c *chart) lane(title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	l := lane{title: title, rows: rows}
	if left := len(rows) - mostRows; left > 0 {
		l.rows, l.left = rows[:mostRows], left
	}
	c.lanes = append(c.lanes, l)
}

func factsOfRun(rec *workflows.Record, c *chart) []string {
	how := fmt.Sprintf("%s, %s after %s", rec.WorkflowID, rec.State, span(c.end.Sub(c.start)))
	if !rec.State.Done() {
		how = fmt.Sprintf("%s, goes on; drawn up to %s", rec.WorkflowID, since(c.start, c.end))
	}
	if rec.Drill {
		how += ", a drill"
	}
	facts := []string{how, "began " + c.start.Format("Monday 2006-01-02 15:04:05") + " UTC"}
	if inc := rec.Incident; inc != nil {
		text := "incident " + string(inc.State)
		if inc.Severity != "" {
			text = inc.Severity + " " + text
		}
		if inc.Owner != nil {
			text += ", owned by " + inc.Owner.Name
		}
		facts = append(facts, text+", "+inc.Level+": "+inc.Summary)
	}
	if rec.Failure != nil {
		facts = append(facts, "failed: "+rec.Failure.String())
	}
	if left := rec.LeftOut; left.Pages+left.Events+left.Clocks > 0 {
		facts = append(facts, fmt.Sprintf("its record no longer has %d pages, %d lines and %d promises", left.Pages, left.Events, left.Clocks))
	}
	return facts
}

func (c *chart) stepRows(rec *workflows.Record) []row {
	var rows []row
	for _, p := range rec.Phases {
		if p.Started != nil {
			rows = append(rows, row{label: orElse(p.Title, p.ID), state: string(p.State), bars: []bar{c.bar(p.State, p.Started, p.Ended, p.Title)}})
		}
		rows = c.steps(rows, p.Steps, 1)
	}
	if slices.ContainsFunc(rec.Finally, func(s *workflows.Step) bool { return s.Started != nil }) {
		rows = append(rows, row{label: "Finally"})
		rows = c.steps(rows, rec.Finally, 1)
	}
	if slices.ContainsFunc(rec.Questions, func(s *workflows.Step) bool { return s.Started != nil }) {
		rows = append(rows, row{label: "Questions on what failed"})
		rows = c.steps(rows, rec.Questions, 1)
	}
	return rows
}

// deepest is how far inside each other steps are drawn.
const deepest = 4

// steps adds those that have begun.
func (c *chart) steps(rows []row, steps []*workflows.Step, depth int) []row {
	for _, s := range steps {
		if s.Started == nil || depth > deepest {
			continue
		}
		text := s.Title
		if s.Error != "" {
			text += ": " + s.Error
		}
		rows = append(rows, row{
			label: orElse(s.Title, s.ID), depth: depth, state: string(s.State),
			bars: []bar{c.bar(s.State, s.Started, s.Ended, text)},
		})
		rows = c.steps(rows, s.Steps, depth+1)
		for _, item := range s.Items {
			rows = c.steps(rows, item.Steps, depth+1)
		}
	}
	return rows
}

// bar is a length of time that ended in a state; one that goes on ends where the picture does.
func (c *chart) bar(state workflows.State, started, ended *time.Time, text string) bar {
	b := bar{from: c.clamp(*started), to: c.end, class: "busy"}
	if ended != nil {
		b.to = c.clamp(*ended)
	}
	switch state {
	case workflows.Succeeded:
		b.class = "good"
	case workflows.Failed, workflows.Cancelled:
		b.class = "bad"
	case workflows.Skipped:
		b.class = "dim"
	}
	b.text = fmt.Sprintf("%s: %s, %s to %s", text, state, since(c.start, b.from), since(c.start, b.to))
	return b
}

// clamp keeps a moment within the picture.
func (c *chart) clamp(t time.Time) time.Time {
	t = t.UTC()
	if t.Before(c.start) {
		return c.start
	}
	if t.After(c.end) {
		return c.end
	}
	return t
}

func (c *chart) clockRows(clocks []*workflows.Clock) []row {
	var rows []row
	updates, kept, broken := -1, 0, 0 // all updates share a row
	for _, k := range clocks {
		b, state := c.promise(k)
		if k.Kind != "update" && !strings.HasPrefix(k.ID, "update:") {
			rows = append(rows, row{label: clockName(k), state: state, bars: []bar{b}})
			continue
		}
		if updates < 0 {
			updates = len(rows)
			rows = append(rows, row{label: "status updates"})
		}
		switch {
		case k.Breached != nil: // the engine has sent one itself then
			broken++
			b.to, b.class = c.clamp(*k.Breached), "bad"
		case k.Met != nil:
			kept++
		}
		r := &rows[updates]
		r.state = fmt.Sprintf("in time %d×, late %d×", kept, broken)
		if c.marked++; c.marked <= mostMarks {
			r.bars = append(r.bars, b)
		}
	}
	return rows
}

// promise draws a clock and says in words what became of it.
func (c *chart) promise(k *workflows.Clock) (bar, string) {
	b := bar{from: c.clamp(k.Started), to: c.end, class: "clock"}
	state := "runs"
	switch {
	case k.Met != nil:
		b.to, state = c.clamp(*k.Met), "met "+since(c.start, *k.Met)
	case k.Stopped != nil:
		b.to, state = c.clamp(*k.Stopped), "put away "+since(c.start, *k.Stopped)
	}
	if k.Breached != nil {
		state = "broken " + since(c.start, k.Due)
		if k.Met != nil {
			state += ", met " + since(c.start, *k.Met)
		}
	}
	if due := k.Due.UTC(); !due.After(c.end) && !due.Before(c.start) {
		b.due = due
	}
	b.text = fmt.Sprintf("%s: due %s, %s", orElse(k.Title, k.ID), since(c.start, k.Due), state)
	return b, state
}

// clockName says what a clock promises.
func clockName(k *workflows.Clock) string {
	_, what, found := strings.Cut(k.ID, ":")
	if !found {
		return k.ID
	}
	return orElse(k.Title, what)
}

func (c *chart) undoRows(rec *workflows.Record) []row {
	if rec.Rollback == nil {
		return nil
	}
	rb := rec.Rollback
	rows := []row{{label: "Roll back", state: string(rb.State), bars: []bar{c.bar(rb.State, &rb.Started, rb.Ended, "Roll back")}}}
	undone := slices.Clone(rec.Undo)
	slices.Reverse(undone)
	rows = c.steps(rows, undone, 1)
	return c.steps(rows, rb.Then, 1)
}

// span is a length of time for people: "7m", "1h30m", "1d".
func span(d time.Duration) string { return yamldoc.FormatDuration(d.Truncate(time.Second)) }

// since is a moment by its distance from the start: "+7m".
func since(start, t time.Time) string {
	if d := t.Sub(start); d < 0 {
		return "-" + span(-d)
	}
	return "+" + span(t.Sub(start))
}
