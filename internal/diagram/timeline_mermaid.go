package diagram

import (
	"fmt"
	"time"
)

// mostTasks is how many marks of one row Mermaid gets: each takes a line of the picture.
const mostTasks = 12

// ganttTime is how the chart writes a moment. Mermaid reads and shows it as it stands, wherever its reader is.
const ganttTime = "2006-01-02 15:04:05"

// gantt is a chart as Mermaid's Gantt chart.
type gantt struct {
	sheet
	tasks int
}

// Mermaid is the chart as a Gantt chart. Its times are UTC.
func (c *chart) Mermaid() string {
	g := &gantt{}
	g.line("gantt")
	g.line("  title %s", escape(cut(c.title+" (UTC)", 200)))
	g.line("  accTitle: %s", escape(cut(c.title, 200)))
	g.line("  accDescr: %s", escape(cut(c.spoken(), 1000)))
	g.line("  dateFormat YYYY-MM-DD HH:mm:ss")
	axis := "%H:%M:%S"
	if c.end.Sub(c.start) > 24*time.Hour {
		axis = "%b %d %H:%M"
	}
	g.line("  axisFormat %s", axis)
	for _, l := range c.lanes {
		if l.title == "People" {
			g.people(l)
			continue
		}
		g.section(l.title, l.left)
		for _, r := range l.rows {
			for _, b := range r.bars[:min(len(r.bars), mostTasks)] {
				g.task(sign(b.class)+" "+r.label+", "+r.state, tag(b), b.from, b.to)
			}
		}
	}
	if g.left > 0 {
		fmt.Fprintf(&g.b, "  section %s\n", escape(fmt.Sprintf("%d more lines do not fit into a Mermaid picture, the SVG has all", g.left)))
		fmt.Fprintf(&g.b, "  … :milestone, rest, %s, 0s\n", c.end.Format(ganttTime))
	}
	return g.b.String()
}

// people has a section for everybody: a moment has no length, so it gets a line of its own.
func (g *gantt) people(l lane) {
	for _, r := range l.rows {
		marks := r.marks
		left := max(0, len(marks)-mostTasks)
		g.section(r.label, left)
		for _, m := range marks[:len(marks)-left] {
			tags := "milestone"
			if m.kind == markFailed {
				tags = "crit, milestone"
			}
			g.tasks++
			g.line("  %s %s :%s, t%d, %s, 0s", markSign(m.kind), escape(cut(m.text, 80)), tags, g.tasks, m.at.Format(ganttTime))
		}
	}
}

func (g *gantt) section(title string, left int) {
	title = cut(title, 60)
	if left > 0 {
		title += fmt.Sprintf(" (%d more)", left)
	}
	g.line("  section %s", escape("– "+title))
}

func (g *gantt) task(text, tags string, from, to time.Time) {
	if !to.After(from.Add(time.Second)) {
		to = from.Add(time.Second) // shorter bars are not seen
	}
	g.tasks++
	g.line("  %s :%s, t%d, %s, %s", escape(cut(text, 100)), tags, g.tasks, from.Format(ganttTime), to.Format(ganttTime))
}

// tag is how Mermaid colours a bar.
func tag(b bar) string {
	switch b.class {
	case "good", "dim":
		return "done"
	case "bad":
		return "crit"
	case "clock":
		if late(b) {
			return "crit"
		}
		return "done"
	default:
		return "active"
	}
}

// late says that a bar went on beyond its due time.
func late(b bar) bool { return !b.due.IsZero() && b.to.After(b.due) }

// sign begins every task: none of Mermaid's words begins with it.
func sign(class string) string {
	switch class {
	case "good":
		return "✓"
	case "bad":
		return "✗"
	case "clock", "dim":
		return "○"
	default:
		return "●"
	}
}

func markSign(kind markKind) string {
	switch kind {
	case markPage:
		return "☎"
	case markFailed:
		return "✗"
	default:
		return "✓"
	}
}
