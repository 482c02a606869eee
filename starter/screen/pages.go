package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// Paging is how the ladders stand: who is paged next and when, or who stopped it.
func Paging(r *workflows.Record, p Painter, width int, now time.Time) []string {
	var lines []string
	for _, l := range r.Ladders {
		if l.Closed {
			continue
		}
		tone, text := ladderText(l, now)
		if l.ID != "incident" {
			text = l.Cause + ": " + text
		}
		for _, line := range wrapped(text, width) {
			lines = append(lines, p.Tone(tone, line))
		}
	}
	return lines
}

func ladderText(l *workflows.Ladder, now time.Time) (Tone, string) {
	switch {
	case l.Stopped != nil && l.Lease != nil:
		return Dim, fmt.Sprintf("paging stopped %s by %s, until %s", Clock(*l.Stopped), l.By, Clock(*l.Lease))
	case l.Stopped != nil:
		return Dim, fmt.Sprintf("paging stopped %s by %s", Clock(*l.Stopped), l.By)
	default:
		return Bad, fmt.Sprintf("%s is paged in %s, %s", nextTier(l), Took(max(0, l.Due.Sub(now))), Clock(l.Due))
	}
}

func nextTier(l *workflows.Ladder) string {
	if l.Policy == "" {
		return strings.Join(l.Page, ", ")
	}
	return fmt.Sprintf("%s tier %d", l.Policy, l.Tier+1)
}

// Pages is who was paged, when, over what, and what of it failed. Without all it is the last page of each
// tier.
func Pages(r *workflows.Record, all bool, p Painter, width int) []string {
	var lines []string
	for _, page := range shownPages(r.Pages, all) {
		text := tierText(page)
		if late := page.At.Sub(page.Due); late >= time.Second {
			text += ", " + Took(late) + " late"
		}
		prefix := Clock(page.At) + "  "
		lines = append(lines, hanging(prefix, text, width)...)
		for _, who := range page.People {
			for _, l := range wrapped(personText(who), width-4-Cells(prefix)) {
				lines = append(lines, strings.Repeat(" ", Cells(prefix)+2)+p.Tone(personTone(who), l))
			}
		}
		for _, problem := range page.Nobody {
			lines = append(lines, hanging(strings.Repeat(" ", Cells(prefix)+2), "nobody: "+problem, width)...)
		}
	}
	if hidden := len(r.Pages) - len(shownPages(r.Pages, all)); hidden > 0 {
		lines = append(lines, count(hidden, "page")+" before; --pages shows all")
	}
	return lines
}

// shownPages keeps the last page of each tier, in the order they went out.
func shownPages(pages []*workflows.Page, all bool) []*workflows.Page {
	if all {
		return pages
	}
	last := map[string]int{}
	for i, p := range pages {
		last[p.Ladder+" "+tierOf(p)] = i
	}
	var shown []*workflows.Page
	for i, p := range pages {
		if last[p.Ladder+" "+tierOf(p)] == i {
			shown = append(shown, p)
		}
	}
	return shown
}

func tierOf(p *workflows.Page) string {
	if p.Policy == "" {
		return "those who were asked"
	}
	return fmt.Sprintf("%s tier %d", p.Policy, p.Tier)
}

func tierText(p *workflows.Page) string {
	text := tierOf(p)
	if path, ok := strings.CutPrefix(p.Ladder, "step:"); ok {
		text += " for " + path
	}
	if p.Repeat > 0 {
		text += fmt.Sprintf(", again (%d)", p.Repeat)
	}
	if len(p.Skipped) > 0 {
		text += "; paged already: " + strings.Join(p.Skipped, ", ")
	}
	if !p.Reached {
		text += "; nobody was reached"
	}
	return text
}

// personText is "Ann: slack, email failed: connection refused".
func personText(p workflows.PagedPerson) string {
	name := firstOf(p.Name, p.ID)
	if p.Backup {
		name += " (backup)"
	}
	if len(p.Outcomes) == 0 {
		return name + ": nothing reaches them"
	}
	ways := make([]string, len(p.Outcomes))
	for i, o := range p.Outcomes {
		ways[i] = o.Transport
		switch o.State {
		case notify.Sending:
			ways[i] += " under way"
		case notify.Failed:
			ways[i] += " failed: " + o.Error
		}
	}
	return name + ": " + strings.Join(ways, ", ")
}

func personTone(p workflows.PagedPerson) Tone {
	for _, o := range p.Outcomes {
		if o.State != notify.Failed {
			return Plain
		}
	}
	return Bad
}
