package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// view picks how a run is followed on this stdout.
func (a *app) view() view {
	switch {
	case a.json:
		return &jsonView{app: a}
	case a.live():
		return &liveView{app: a, out: a.stdout}
	default:
		return &plainView{app: a}
	}
}

// plainView prints one line for each event of the timeline, as it happens.
type plainView struct {
	app    *app
	seen   int
	silent bool // it has been said that no worker answers
}

func (v *plainView) update(r *workflows.Record, err error) {
	if err != nil {
		v.silent = sayTrouble(v.app, err, v.silent)
		return
	}
	v.silent = false
	if v.seen == 0 {
		v.app.print(screen.Head(r, screen.Painter{}, v.app.room(), now())...)
	}
	for _, ev := range news(r, &v.seen) {
		v.app.print(eventLine(r, ev, v.app.room())...)
	}
}

func (v *plainView) tick() {}
func (v *plainView) end()  {}

// jsonView prints each event of the timeline as a line of JSON.
type jsonView struct {
	app    *app
	seen   int
	silent bool
}

func (v *jsonView) update(r *workflows.Record, err error) {
	if err != nil {
		v.silent = sayTrouble(v.app, err, v.silent)
		return
	}
	v.silent = false
	for _, ev := range news(r, &v.seen) {
		_ = v.app.printJSONLine(map[string]workflows.Event{"event": ev})
	}
}

func (v *jsonView) tick() {}
func (v *jsonView) end()  {}

// news is the events that were not seen yet.
func news(r *workflows.Record, seen *int) []workflows.Event {
	if len(r.Timeline) <= *seen {
		return nil
	}
	fresh := r.Timeline[*seen:]
	*seen = len(r.Timeline)
	return fresh
}

// sayTrouble says once on stderr why the record can't be read. That a run has no record yet is no
// trouble: it has just been started.
func sayTrouble(a *app, err error, said bool) bool {
	if said || errors.Is(err, errNoRecord) {
		return said
	}
	a.say("%s", trouble(err))
	return true
}

func trouble(err error) string {
	switch {
	case errors.Is(err, errNoWorker):
		return err.Error() + " Still waiting"
	case comesBack(err):
		return fmt.Sprintf("Temporal does not answer: %s; still trying", screen.Clean(err.Error()))
	default:
		return fmt.Sprintf("can't read the run's state: %s; still trying", screen.Clean(err.Error()))
	}
}

// eventLine is a line of the timeline: when, how long after the start, what.
func eventLine(r *workflows.Record, ev workflows.Event, width int) []string {
	when := screen.Pad(screen.Clock(ev.At)+"  "+screen.Since(r.Started, ev.At), 20)
	text := screen.Clean(ev.Text)
	if ev.Kind == "note" || ev.Kind == "rollback" {
		text = ev.Kind + ": " + text
	}
	if ev.By != "" && !strings.Contains(text, ev.By) {
		text += " (" + screen.Clean(ev.By) + ")"
	}
	lines := screen.Wrap(text, width-20)
	for i, l := range lines {
		if i == 0 {
			lines[i] = when + l
			continue
		}
		lines[i] = strings.Repeat(" ", 20) + l
	}
	return lines
}

// liveView redraws the run's tree in place. It moves the cursor up over what it drew before and never
// clears the whole screen, so that what was there above stays.
type liveView struct {
	app    *app
	out    io.Writer
	record *workflows.Record
	err    error
	drawn  []string // lines on the screen, in cells without colour codes
}

func (v *liveView) update(r *workflows.Record, err error) {
	v.err = err
	if r != nil {
		v.record = r
	}
	v.draw()
}

func (v *liveView) tick() { v.draw() }

func (v *liveView) end() { v.replace(nil) }

func (v *liveView) draw() { v.replace(v.frame()) }

// frame is what there is to see now, at most as many lines as the terminal has.
func (v *liveView) frame() []string {
	width, rows := v.app.size()
	var lines []string
	if v.record != nil {
		at := now()
		tree := &screen.Tree{Width: width, Paint: v.app.paint(), Now: at, Brief: true}
		lines = append(lines, screen.Head(v.record, v.app.paint(), width, at)...)
		body := tree.Lines(v.record)
		lines = append(lines, incidentLines(v.record, v.app.paint(), width, at)...)
		tail := screen.Clocks(screen.ByDue(openClocks(v.record)), v.app.paint(), width, at)
		if rows > 0 {
			body = fit(body, max(rows-len(lines)-len(tail)-6, fewest))
		}
		lines = append(append(lines, ""), body...)
		if len(tail) > 0 {
			lines = append(append(lines, ""), tail...)
		}
		lines = fitHead(lines, rows-2)
	} else {
		lines = append(lines, "waiting for a worker to take the run up")
	}
	if v.err != nil && !errors.Is(v.err, errNoRecord) {
		lines = append(lines, screen.Wrap("! "+trouble(v.err), width)...)
	}
	return lines
}

// incidentLines is what whoever follows a run has to know first: what is being put back, how an incident stands,
// who is paged next, and what waits for whom.
func incidentLines(r *workflows.Record, p screen.Painter, width int, at time.Time) []string {
	var lines []string
	for _, part := range [][]string{
		screen.Rollback{Width: width, Paint: p, Now: at, Brief: true}.Lines(r),
		append(screen.Incident(r, p, width), screen.Paging(r, p, width, at)...),
		screen.Asks{Width: width, Paint: p, Now: at}.Lines(r),
	} {
		if len(part) > 0 {
			lines = append(append(lines, ""), part...)
		}
	}
	return lines
}

// fewest is how many lines of the steps are shown, however small the terminal.
const fewest = 4

// fitHead keeps the beginning of what is too long for the terminal: how an incident stands, and what waits.
func fitHead(lines []string, rows int) []string {
	if rows <= 0 || len(lines) <= rows {
		return lines
	}
	return append(lines[:rows-1:rows-1], fmt.Sprintf("… %d lines below; `orderly show` has all", len(lines)-rows+1))
}

// fit keeps the end of what is too long for the terminal: that is where things happen.
func fit(lines []string, rows int) []string {
	if rows <= 0 || len(lines) <= rows {
		return lines
	}
	cut := len(lines) - rows + 1
	return append([]string{fmt.Sprintf("… %d lines above", cut)}, lines[cut:]...)
}

// replace draws lines where the last ones were. Lines that a narrower terminal has folded meanwhile are
// counted by the rows they take now.
func (v *liveView) replace(lines []string) {
	width, _ := v.app.size()
	var b strings.Builder
	if up := rowsOf(v.drawn, width); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	b.WriteString("\r\x1b[J")
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	v.drawn = lines
	_, _ = io.WriteString(v.out, b.String())
}

func rowsOf(lines []string, width int) int {
	rows := 0
	for _, l := range lines {
		cells := screen.Cells(screen.Uncolored(l))
		rows += max(1, (cells+width-1)/width)
	}
	return rows
}

// openClocks leaves out the promises that were kept or put away: they are history.
func openClocks(r *workflows.Record) []*workflows.Clock {
	var open []*workflows.Clock
	for _, c := range r.Clocks {
		if c.Met == nil && c.Stopped == nil {
			open = append(open, c)
		}
	}
	return open
}
