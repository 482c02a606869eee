package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// simulation is a simulated run as text.
type simulation struct {
	*simulate.Result

	paint screen.Painter
	width int
	all   bool // every line of the timeline
	lines []string
}

// simulationText is a simulated run as an operator reads it, in lines of at most so many cells.
func simulationText(r *simulate.Result, wrong []simulate.Mismatch, attempts bool, paint screen.Painter, width int) []string {
	return (&simulation{Result: r, paint: paint, width: width}).text(wrong, attempts)
}

func (t *simulation) text(wrong []simulate.Mismatch, attempts bool) []string {
	t.head()
	t.timeline()
	t.children()
	t.refusals()
	t.paged()
	t.told()
	t.clocks()
	t.undone()
	t.startedRuns()
	if attempts {
		t.attempts()
	}
	t.ending()
	t.mismatches(wrong)
	t.assumed()
	return t.lines
}

func (t *simulation) add(lines ...string) { t.lines = append(t.lines, lines...) }

// section begins a part.
func (t *simulation) section(title string) {
	t.add("", t.paint.Tone(screen.Bold, title))
}

// item writes text behind a prefix; what does not fit goes on below it.
func (t *simulation) item(prefix, text string, tone screen.Tone) {
	for i, line := range screen.Wrap(screen.Clean(text), t.width-screen.Cells(prefix)) {
		if i > 0 {
			prefix = strings.Repeat(" ", screen.Cells(prefix))
		}
		t.add(prefix + t.paint.Tone(tone, line))
	}
}

func (t *simulation) head() {
	title := t.Record.Title
	if t.Record.Drill {
		title += " (drill)"
	}
	t.item("", title, screen.Bold)
	t.item("Run       ", t.Record.WorkflowID, screen.Plain)
	scenario := t.Scenario
	if t.Title != "" {
		scenario += ": " + t.Title
	}
	t.item("Scenario  ", scenario, screen.Plain)
	t.item("Starts    ", t.At.UTC().Format("Mon ")+screen.Stamp(t.At), screen.Plain)
}

func (t *simulation) timeline() {
	t.section("Timeline")
	t.events(t.Record)
}

// How much of a long timeline is shown: its beginning and its end.
const (
	firstLines = 60
	lastLines  = 20
)

func (t *simulation) events(rec *workflows.Record) {
	timeline := rec.Timeline
	left := len(timeline) - firstLines - lastLines
	day := rec.Started.UTC().Truncate(24 * time.Hour)
	for i, ev := range timeline {
		if !t.all && left > 0 && i >= firstLines && i < firstLines+left {
			if i == firstLines {
				t.add(t.paint.Tone(screen.Dim, fmt.Sprintf("          … %d lines, until %s; --all shows them", left, screen.Since(t.At, timeline[firstLines+left].At))))
			}
			continue
		}
		if d := ev.At.UTC().Truncate(24 * time.Hour); d.After(day) {
			day = d
			t.add(t.paint.Tone(screen.Dim, d.Format("Mon 2006-01-02")))
		}
		when := screen.Pad(screen.Clock(ev.At)+"  "+screen.Since(t.At, ev.At), 19) + " "
		text := screen.Clean(ev.Text)
		if ev.By != "" && !strings.Contains(text, ev.By) {
			text += " (" + ev.By + ")"
		}
		t.item(when, text, eventTone(ev))
	}
}

func eventTone(ev workflows.Event) screen.Tone {
	switch {
	case ev.Kind == "page":
		return screen.Bold
	case ev.Kind == "clock" && strings.Contains(ev.Text, "not done"), strings.Contains(ev.Text, ": failed"):
		return screen.Bad
	case ev.Kind == "message", ev.Kind == "note":
		return screen.Busy
	}
	return screen.Plain
}

// children are the runs that the run waits for: in a line each, or with all of their timelines.
func (t *simulation) children() {
	if len(t.Children) > 0 && !t.all {
		t.section("Runs inside it; --all shows what happens in them")
	}
	for _, rec := range t.Children {
		if t.all {
			t.section("Meanwhile, " + screen.Clean(rec.WorkflowID))
			t.events(rec)
			continue
		}
		text := rec.WorkflowID + ": " + string(rec.State)
		if rec.Ended != nil {
			text += " after " + screen.Took(rec.Ended.Sub(rec.Started))
		}
		if n := len(rec.Findings); n > 0 {
			text += ", " + plural(n, "finding")
		}
		t.item(t.when(rec.Started), text, screen.StateTone(rec.State))
	}
}

// refusals are deeds that the run did not take.
func (t *simulation) refusals() {
	var refused []simulate.DeedDone
	for _, d := range t.Deeds {
		if d.Refused != "" {
			refused = append(refused, d)
		}
	}
	if len(refused) == 0 {
		return
	}
	t.section("Refused")
	for _, d := range refused {
		t.item(t.when(d.At), fmt.Sprintf("%s: %s: %s", d.By, d.Message, d.Refused), screen.Bad)
	}
}

func (t *simulation) when(at time.Time) string {
	return screen.Pad("  "+screen.Since(t.At, at), 11) + " "
}

func (t *simulation) paged() {
	title := "Paged"
	if t.Record.Drill {
		title += "; every message says that it is a drill"
	}
	t.section(title)
	people := simulate.PagedPeople(t.Result)
	if len(people) == 0 {
		t.add("  nobody")
		return
	}
	for _, p := range people {
		head := fmt.Sprintf("%s, %s", p.Name, strings.Join(p.As, ", "))
		if p.As == nil {
			head = p.Name
		}
		t.item("  ", head, screen.Bold)
		t.item("    ", pagedWhen(t.At, p), screen.Plain)
		if p.Until != "" {
			t.item("    until ", p.Until, screen.Plain)
		}
		if len(p.Failed) > 0 {
			t.item("    failed: ", strings.Join(p.Failed, "; "), screen.Bad)
		}
	}
}

func (t *simulation) clocks() {
	if len(t.Record.Clocks) == 0 {
		return
	}
	t.section("Promises")
	updates := 0
	for _, c := range t.Record.Clocks {
		if c.Kind == "update" && !t.all {
			if updates++; updates > mostUpdates {
				continue
			}
		}
		tone, text := clockText(t.At, c)
		t.item("  "+screen.Pad(strings.Fields(text)[0], 10), screen.Clean(c.ID)+": "+strings.Join(strings.Fields(text)[1:], " "), tone)
	}
	if updates > mostUpdates {
		t.updates()
	}
}

// mostUpdates is how many promises of status updates are shown one by one.
const mostUpdates = 4

// updates sums up the promises of status updates.
func (t *simulation) updates() {
	breached, met := 0, 0
	for _, c := range t.Record.Clocks {
		switch {
		case c.Kind != "update":
		case c.Breached != nil:
			breached++
		case c.Met != nil:
			met++
		}
	}
	t.item("  ", fmt.Sprintf("of all status updates %d were in time, %d were not; --all shows them", met, breached), screen.Plain)
}

func clockText(start time.Time, c *workflows.Clock) (screen.Tone, string) {
	due := "due " + screen.Since(start, c.Due)
	switch {
	case c.Breached != nil:
		text := "breached at " + screen.Since(start, *c.Breached) + ", " + due
		if late := c.Breached.Sub(c.Due); late >= time.Second {
			text += ", noticed " + screen.Took(late) + " late"
		}
		if c.Met != nil {
			text += "; met at " + screen.Since(start, *c.Met)
		}
		return screen.Bad, text
	case c.Met != nil:
		return screen.Good, "met at " + screen.Since(start, *c.Met) + ", " + due
	case c.Stopped != nil:
		return screen.Dim, "stopped at " + screen.Since(start, *c.Stopped) + ", " + due
	}
	return screen.Busy, "running, " + due
}

func (t *simulation) undone() {
	if len(t.Record.Undo) == 0 || t.Record.Rollback == nil {
		return
	}
	t.section("Undo")
	for _, u := range slices.Backward(t.Record.Undo) {
		parts := slices.DeleteFunc([]string{string(u.State), u.Title, u.Error, u.Reason}, func(part string) bool { return part == "" })
		t.item("  ", strings.Join(parts, ": "), screen.StateTone(u.State))
	}
}

func (t *simulation) startedRuns() {
	if len(t.Started) == 0 {
		return
	}
	t.section("Runs started, which are not simulated")
	for _, s := range t.Started {
		text := s.ID
		if s.Joined {
			text += " (open already: joined)"
		}
		t.item(t.when(s.At), text, screen.Plain)
	}
}

func (t *simulation) attempts() {
	t.section("Attempts at actions")
	for _, a := range t.Attempts {
		text := fmt.Sprintf("%s: %s, attempt %d, %s", a.Step, a.Action, a.N, screen.Took(a.Ended.Sub(a.At)))
		switch {
		case a.Lost:
			text += ": its worker died"
		case a.Error != "":
			text += ": " + a.Error
		}
		if a.Dry {
			text += " (dry run)"
		}
		t.item(t.when(a.At), text, screen.Plain)
	}
}

func (t *simulation) ending() {
	t.section("Result")
	if t.Horizon {
		t.item("  ", "still open at the horizon of "+screen.Since(t.At, t.Ended)[1:], screen.Bad)
		for _, w := range t.Waits {
			t.item("    waits for ", w, screen.Plain)
		}
	} else {
		text := fmt.Sprintf("%s after %s, at %s", t.Record.State, screen.Took(t.Ended.Sub(t.At)), screen.Stamp(t.Ended))
		t.item("  ", text, screen.StateTone(t.Record.State))
		if f := t.Record.Failure; f != nil {
			t.item("  ", f.String(), screen.Bad)
		}
	}
	for _, n := range t.Notes {
		t.item("  ", n, screen.Plain)
	}
}

// mismatches are what the scenario expects and has not come.
func (t *simulation) mismatches(wrong []simulate.Mismatch) {
	if len(wrong) == 0 {
		return
	}
	t.section("Not as the scenario expects")
	for _, m := range wrong {
		t.item("  ", fmt.Sprintf("%s: %s", m.Pos, m.What), screen.Bad)
		t.item("    expected  ", m.Expected, screen.Plain)
		t.item("    actual    ", m.Actual, screen.Plain)
	}
}

func (t *simulation) assumed() {
	if len(t.Assumed) == 0 {
		return
	}
	t.section("Assumed, because no scenario says it")
	for _, a := range t.Assumed {
		t.item("  ", a, screen.Dim)
	}
}
