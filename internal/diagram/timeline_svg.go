package diagram

import (
	"fmt"
	"strings"
	"time"
)

// Measures of a chart, in pixels: names on the left, time in the middle, how it ended on the right.
const (
	chartWidth = 1120
	names      = 310
	states     = 190
	rowHigh    = 21
	timeLeft   = margin + names
	timeWide   = chartWidth - 2*margin - names - states - 24
)

// SVG is the chart over an axis of time.
func (c *chart) SVG() string {
	out := &canvas{}
	y := margin + 22
	for _, l := range fold(c.title, boldRoom(chartWidth-2*margin)*12/20, 2) {
		out.text(margin, y, "h1", l)
		y += 26
	}
	for _, fact := range c.facts {
		for _, l := range fold(fact, chartWidth-2*margin, mostLines) {
			out.text(margin, y, "s", l)
			y += lineHigh
		}
	}
	s := c.scale(timeWide)
	y += 2 * lineHigh
	c.axis(out, s, y, c.high())
	y += 10
	for _, l := range c.lanes {
		y = c.drawLane(out, s, l, y)
	}
	y = c.legend(out, y+margin+4)
	return out.file(chartWidth, y+margin, c.title, c.spoken())
}

// high is how high all lanes are together.
func (c *chart) high() int {
	h := 0
	for _, l := range c.lanes {
		h += rowHigh + 6 + len(l.rows)*rowHigh + 8
		if l.left > 0 {
			h += rowHigh
		}
	}
	return h
}

// axis writes moments by their distance from the start and as time of day, with a line down the picture.
func (c *chart) axis(out *canvas, s *scale, y, high int) {
	layout := "15:04:05"
	if c.end.Sub(c.start) >= 24*time.Hour {
		layout = "Jan 2 15:04"
	}
	out.text(margin, y-lineHigh, "s", "from the start")
	out.text(margin, y, "s", "UTC")
	for _, t := range s.ticks(78) {
		x := timeLeft + s.x(t)
		out.text(x, y-lineHigh, "s mid", tickText(c.start, t))
		out.text(x, y, "s mid", t.Format(layout))
		out.rule(x, y+6, x, y+10+high, "grid")
	}
}

func (c *chart) drawLane(out *canvas, s *scale, l lane, y int) int {
	out.text(margin, y+rowHigh-4, "h2", l.title)
	y += rowHigh + 6
	for _, r := range l.rows {
		c.drawRow(out, s, r, y)
		y += rowHigh
	}
	if l.left > 0 {
		out.text(margin, y+rowHigh-7, "s", fmt.Sprintf("%d more are left out", l.left))
		y += rowHigh
	}
	return y + 8
}

func (c *chart) drawRow(out *canvas, s *scale, r row, y int) {
	indent := r.depth * 14
	class := ""
	if r.depth == 0 {
		class = "b"
	}
	out.text(margin+indent, y+14, class, fit(r.label, boldRoom(names-indent-8)))
	for _, b := range r.bars {
		out.told(b.text, func() { drawBar(out, s, b, y+3) })
	}
	for _, m := range r.marks {
		out.told(m.text, func() { drawMark(out, timeLeft+s.x(m.at), y+rowHigh/2, m.kind) })
	}
	out.text(chartWidth-margin-states, y+14, "s", fit(r.state, states))
}

func drawBar(out *canvas, s *scale, b bar, y int) {
	from, to := timeLeft+s.x(b.from), timeLeft+s.x(b.to)
	const high = rowHigh - 8
	if b.class != "clock" {
		out.rect(from, y, max(to-from, 3), high, b.class)
		return
	}
	due := to
	if late(b) {
		due = timeLeft + s.x(b.due)
		out.rect(due, y+2, max(to-due, 3), high-4, "bad")
	}
	out.rect(from, y+2, max(due-from, 3), high-4, "clock soft")
	if !b.due.IsZero() {
		x := timeLeft + s.x(b.due)
		out.rule(x, y-1, x, y+high+1, "due")
	}
}

func drawMark(out *canvas, x, y int, kind markKind) {
	switch kind {
	case markPage:
		fmt.Fprintf(&out.b, `<circle cx="%d" cy="%d" r="5" class="person"/>`, x, y)
	case markFailed:
		fmt.Fprintf(&out.b, `<path d="M%d %dl8 8m0 -8l-8 8" class="hollow"/>`, x-4, y-4)
	default:
		fmt.Fprintf(&out.b, `<path d="M%d %dl6 6l-6 6l-6 -6z" class="good"/>`, x, y-6)
	}
}

func (c *chart) legend(out *canvas, y int) int {
	x := margin
	word := func(text string, draw func(x int)) {
		draw(x)
		out.text(x+20, y, "s", text)
		x += 44 + breadth(text)
	}
	box := func(class string) func(int) { return func(x int) { out.rect(x, y-9, 14, 10, class) } }
	word("went well", box("good"))
	word("failed or late", box("bad"))
	word("goes on", box("busy"))
	word("promised time, | when it is due", box("clock soft"))
	word("paged", func(x int) { drawMark(out, x+7, y-4, markPage) })
	word("not reached", func(x int) { drawMark(out, x+7, y-4, markFailed) })
	word("did something", func(x int) { drawMark(out, x+7, y-4, markDeed) })
	y += lineHigh + 3
	out.text(margin, y, "s", "Where little happens, time is drawn shorter.")
	if left := c.marked - mostMarks; left > 0 {
		out.text(margin+300, y, "s", fmt.Sprintf("%d later marks are left out.", left))
	}
	return y
}

// spoken is the chart in words.
func (c *chart) spoken() string {
	var b strings.Builder
	b.WriteString("Timeline of a run. " + strings.Join(c.facts, ". "))
	for _, l := range c.lanes {
		b.WriteString(". " + l.title + ": ")
		for i, r := range l.rows {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(r.label)
			if r.state != "" {
				b.WriteString(" " + r.state)
			}
		}
	}
	return cut(b.String(), mostSpoken)
}
