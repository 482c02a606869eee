package diagram

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// crowd collects what was sent to people and what they did, by person, in the order of their first moment.
type crowd struct {
	chart *chart
	order []string // keys
	rows  map[string]*row
	count map[string]*tally
	ids   map[string]string // of a name
}

// tally counts a person's moments.
type tally struct{ pages, failed, deeds int }

func (c *chart) peopleRows(rec *workflows.Record) []row {
	g := &crowd{chart: c, rows: map[string]*row{}, count: map[string]*tally{}, ids: map[string]string{}}
	for _, p := range rec.Pages {
		for _, who := range p.People {
			g.page(p, who)
		}
	}
	for _, e := range rec.Timeline {
		if e.By != "" && e.Kind != "run" && (e.By != rec.By || !e.At.Equal(rec.Started)) {
			g.deed(e)
		}
	}
	return g.sorted()
}

// of is the row of a person.
func (g *crowd) of(key, name string) (*row, *tally) {
	if g.rows[key] == nil {
		g.order = append(g.order, key)
		g.rows[key], g.count[key] = &row{label: name}, &tally{}
	}
	return g.rows[key], g.count[key]
}

func (g *crowd) page(p *workflows.Page, who workflows.PagedPerson) {
	name := cmp.Or(who.Name, who.ID)
	if _, known := g.ids[name]; !known {
		g.ids[name] = who.ID
	}
	r, n := g.of(who.ID, name)
	kind := markPage
	n.pages++
	if !arrived(p, who) {
		kind = markFailed
		n.failed++
	}
	text := fmt.Sprintf("%s paged %s: %s", since(g.chart.start, p.At), pageName(p), ways(who))
	if p.Kind != "" && p.Kind != notify.KindPage {
		text = fmt.Sprintf("%s %s: %s", since(g.chart.start, p.At), p.Kind, ways(who))
	}
	g.add(r, p.At, kind, text)
}

// deed is something somebody did. Events know people by their names.
func (g *crowd) deed(e workflows.Event) {
	key := cmp.Or(g.ids[e.By], "name:"+e.By)
	r, n := g.of(key, e.By)
	n.deeds++
	g.add(r, e.At, markDeed, since(g.chart.start, e.At)+" "+e.Text)
}

func (g *crowd) add(r *row, at time.Time, kind markKind, text string) {
	if g.chart.marked++; g.chart.marked <= mostMarks {
		r.marks = append(r.marks, mark{at: g.chart.clamp(at), kind: kind, text: text})
	}
}

func (g *crowd) sorted() []row {
	rows := make([]row, 0, len(g.order))
	for _, key := range g.order {
		r, n := g.rows[key], g.count[key]
		var parts []string
		for _, part := range []struct {
			n    int
			text string
		}{{n.pages, "paged"}, {n.failed, "not reached"}, {n.deeds, "acted"}} {
			if part.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d×", part.text, part.n))
			}
		}
		r.state = strings.Join(parts, ", ")
		rows = append(rows, *r)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return first(a).Compare(first(b)) })
	return rows
}

// first is a row's first moment.
func first(r row) time.Time {
	if len(r.marks) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(r.marks, func(a, b mark) int { return a.at.Compare(b.at) }).at
}

// arrived says whether something went out to the person, or is on its way. Of a page of long ago only the tier
// is known.
func arrived(page *workflows.Page, p workflows.PagedPerson) bool {
	if page.Trimmed {
		return page.Reached
	}
	return !p.Silent && slices.ContainsFunc(p.Outcomes, func(o notify.Outcome) bool { return o.State != notify.Failed })
}

// pageName is "tier 2 of level-1, again (3)".
func pageName(p *workflows.Page) string {
	if p.Policy == "" {
		return "as asked"
	}
	text := fmt.Sprintf("as tier %d of %s", p.Tier, p.Policy)
	if p.Repeat > 0 {
		text += fmt.Sprintf(", again (%d)", p.Repeat)
	}
	return text
}

func ways(p workflows.PagedPerson) string {
	if len(p.Outcomes) == 0 {
		return "no way to reach them is known"
	}
	out := make([]string, len(p.Outcomes))
	for i, o := range p.Outcomes {
		out[i] = o.Transport
		if o.State == notify.Failed {
			out[i] += " failed"
			if o.Error != "" {
				out[i] += ": " + o.Error
			}
		}
	}
	return strings.Join(out, ", ")
}
