package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/kpi"
	"github.com/orderly-ops/orderly/starter/screen"
)

// printFigures writes the figures, and those of groups below them.
func (a *app) printFigures(set *kpi.Set) {
	a.print(screen.Wrap(periodText(set), a.width())...)
	if set.Observed.After(set.Since) {
		a.print("The journal begins at " + set.Observed.Format("2006-01-02 15:04Z") + ".")
	}
	a.print("")
	a.print(figuresTable(set.Figures, a.paint()).Lines(a.width())...)
	if set.By == kpi.ByNothing {
		return
	}
	a.print("")
	if len(set.Groups) == 0 {
		a.print("Nothing to show by " + string(set.By) + ".")
		return
	}
	a.print(groupsTable(set, a.paint()).Lines(a.width())...)
	if set.By == kpi.ByService {
		a.print("", "An incident of two services counts for both.")
	}
}

// periodText says what was looked at and what happened in it.
func periodText(set *kpi.Set) string {
	c := set.Incidents
	text := fmt.Sprintf("%s to %s", set.Since.Format("2006-01-02 15:04"), set.Until.Format("2006-01-02 15:04Z"))
	if set.Procedure != "" {
		text += ", " + screen.Clean(set.Procedure)
	}
	text += fmt.Sprintf(": %s opened, %d resolved", plural(c.Opened, "incident"), c.Resolved)
	for _, more := range []struct {
		n    int
		text string
	}{{c.Aborted, "aborted"}, {c.Unresolved, "ended unresolved"}, {c.Open, "open"}, {c.Unacknowledged, "of them not acknowledged"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.text)
		}
	}
	if c.FalseAlarms > 0 {
		text += "; " + plural(c.FalseAlarms, "false alarm")
	}
	return text + "."
}

func figuresTable(figures []kpi.Figure, p screen.Painter) *screen.Table {
	table := &screen.Table{Header: []string{"FIGURE", "VALUE", "TARGET", "MET", "MADE OF"}, Wraps: 4, Paint: p}
	table.Style = func(column int, text string) screen.Tone {
		if column == 3 {
			return metTone(text)
		}
		return screen.Plain
	}
	for _, f := range figures {
		met := "–"
		if f.Met != nil {
			met = metGlyph(*f.Met) + " " + map[bool]string{true: "yes", false: "no"}[*f.Met]
		}
		table.Add(f.Title, f.Text, f.TargetText, met, f.Counted())
	}
	return table
}

func metGlyph(met bool) string {
	if met {
		return "✓"
	}
	return "✗"
}

func metTone(text string) screen.Tone {
	switch {
	case strings.Contains(text, "✓"):
		return screen.Good
	case strings.Contains(text, "✗"):
		return screen.Bad
	default:
		return screen.Dim
	}
}

// groupsTable has a line for each group. The figures that only reviews tell are not of groups.
func groupsTable(set *kpi.Set, p screen.Painter) *screen.Table {
	table := &screen.Table{
		Header: []string{strings.ToUpper(string(set.By)), "NEW", "MTTA", "MTTR", "MTBF", "BACK", "LEVEL", "SLA", "DOCS"}, Wraps: 0, Paint: p,
	}
	table.Style = func(column int, text string) screen.Tone {
		if column < 2 {
			return screen.Plain
		}
		return metTone(text)
	}
	for _, g := range set.Groups {
		cells := []string{groupName(set.By, g.Key), strconv.Itoa(g.Incidents.Opened)}
		for _, id := range []kpi.ID{kpi.MTTA, kpi.MTTR, kpi.MTBF, kpi.Recurrence, kpi.Escalation, kpi.SLA, kpi.Documentation} {
			cells = append(cells, cell(g.Figure(id)))
		}
		table.Add(cells...)
	}
	return table
}

// groupName calls the group of what belongs to none.
func groupName(by kpi.By, key string) string {
	switch {
	case key != "":
		return key
	case by == kpi.ByPerson:
		return "(nobody)"
	default:
		return "(none named)"
	}
}

// cell is a figure in few characters, with its sign: 4m12s✓. Shares lose their decimals, downwards.
func cell(f kpi.Figure) string {
	if f.Value == nil {
		return "–"
	}
	text := f.Text
	if f.Unit == kpi.Ratio {
		whole, _, _ := strings.Cut(strings.TrimSuffix(text, " %"), ".")
		text = whole + "%"
	}
	return text + metGlyph(*f.Met)
}

// age is how long ago something was, in one unit: 5m, 3h, 40d.
func age(at, now time.Time) string {
	switch d := now.Sub(at); {
	case d < time.Hour:
		return strconv.Itoa(max(0, int(d.Minutes()))) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	default:
		return strconv.Itoa(int(d.Hours()/24)) + "d"
	}
}
