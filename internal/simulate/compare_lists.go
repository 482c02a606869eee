package simulate

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/workflows"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sent is a page as expectations name it.
type sent struct {
	when, who string // "+5m", "ben"; when is empty of a page that may come at any time
	via       []string
}

func (s sent) String() string { return strings.TrimSpace(s.when + " " + s.who) }

// sentPages are the pages that reached somebody, in order; those of the same second by person.
func (j *judge) sentPages() []sent {
	var out []sent
	for _, p := range j.r.Pages {
		if p.Reached {
			out = append(out, sent{relative(j.r.At, p.At), p.Person, p.Transports})
		}
	}
	return bySecond(out)
}

// bySecond sorts what stands at the same time: who of a tier is named first means nothing.
func bySecond(pages []sent) []sent {
	for group := range seconds(pages) {
		if group[0].when != "" {
			slices.SortStableFunc(group, func(a, b sent) int { return cmp.Compare(a.who, b.who) })
		}
	}
	return pages
}

// seconds are the pages of one time after the other.
func seconds(pages []sent) iter.Seq[[]sent] {
	return func(yield func([]sent) bool) {
		for i := 0; i < len(pages); {
			n := i
			for n < len(pages) && pages[n].when == pages[i].when {
				n++
			}
			if !yield(pages[i:n]) {
				return
			}
			i = n
		}
	}
}

func (j *judge) wanted(list []PageWant) []sent {
	out := make([]sent, len(list))
	for i, p := range list {
		out[i] = sent{who: p.To}
		if p.At.given {
			out[i].when = relative(j.r.At, p.At.In(j.r.At))
		}
		if p.Via != "" {
			out[i].via = []string{p.Via}
		}
	}
	return bySecond(out)
}

// is says whether a page is the one that is wanted.
func (s sent) is(want sent) bool {
	return s.who == want.who && (want.when == "" || s.when == want.when) && (len(want.via) == 0 || slices.Contains(s.via, want.via[0]))
}

// come gives the pages that the wanted ones are, one after the other up to the first that does not come; those of
// the same second in any order.
func come(want, got []sent) []sent {
	var came []sent
	for group := range seconds(got) {
		left := slices.Clone(group)
		for len(came) < len(want) {
			n := slices.IndexFunc(left, func(s sent) bool { return s.is(want[len(came)]) })
			if n < 0 {
				break
			}
			came = append(came, left[n])
			left = slices.Delete(left, n, n+1)
		}
	}
	return came
}

func (j *judge) pages(e *Expect) {
	got := j.sentPages()
	if j.s.places.Has(e, "pages") {
		want := j.wanted(e.Pages)
		if len(got) != len(want) || len(come(want, got)) < len(want) {
			j.differ(j.s.places.Key(e, "pages"), "pages", texts(want, want), texts(got, want))
		}
	}
	want := j.wanted(e.Paged)
	came := come(want, got)
	if i := len(came); i < len(want) {
		m := Mismatch{
			Pos: j.s.places.Item(e, "paged", i), What: "paged", Expected: want[i].String() + after(want, i),
			Actual: "it does not come", Want: texts(append(came, want[i:]...), want), Got: texts(got, want),
		}
		j.out = append(j.out, m)
	}
}

func after(want []sent, i int) string {
	if i == 0 {
		return ""
	}
	return ", after " + want[i-1].String()
}

// texts are pages as they are shown, with their transports where one is wanted.
func texts(pages, want []sent) []string {
	via := slices.ContainsFunc(want, func(s sent) bool { return s.via != nil })
	out := make([]string, len(pages))
	for i, p := range pages {
		out[i] = p.String()
		if via && len(p.via) > 0 {
			out[i] += " via " + strings.Join(p.via, " and ")
		}
	}
	return out
}

func (j *judge) clocks(e *Expect) {
	for _, id := range sortedKeys(e.Clocks) {
		want := e.Clocks[id]
		pos := j.s.places.Value(e, "clocks", id)
		clocks := j.clocksNamed(id)
		if len(clocks) == 0 {
			j.wrong(pos, "clocks."+id, want.text(j), "there is no such clock; there are "+listed(j.clockIDs()))
		}
		for _, c := range clocks {
			if !j.clockIs(c, want) {
				j.wrong(pos, "clocks."+id, want.text(j), j.clockText(c))
				break
			}
		}
	}
}

func (w ClockWant) text(j *judge) string {
	if !w.At.given {
		return w.State
	}
	return w.State + " " + relative(j.r.At, w.At.In(j.r.At))
}

func (j *judge) clockIDs() (ids []string) {
	for _, c := range j.r.Record.Clocks {
		ids = append(ids, c.ID)
	}
	return ids
}

func (j *judge) clockIs(c *workflows.Clock, want ClockWant) bool {
	at := c.Met
	var is bool
	switch want.State {
	case "met":
		is = c.Met != nil && c.Breached == nil
	case "breached":
		at, is = c.Breached, c.Breached != nil
	case "stopped":
		at, is = c.Stopped, c.Stopped != nil && c.Breached == nil && c.Met == nil
	case "running":
		at, is = &c.Due, c.Met == nil && c.Breached == nil && c.Stopped == nil
	}
	return is && (!want.At.given || sameSecond(*at, want.At.In(j.r.At)))
}

func (j *judge) clockText(c *workflows.Clock) string {
	var parts []string
	if c.Breached != nil {
		parts = append(parts, "breached "+relative(j.r.At, *c.Breached))
	}
	if c.Met != nil {
		parts = append(parts, "met "+relative(j.r.At, *c.Met))
	}
	if c.Stopped != nil {
		parts = append(parts, "stopped "+relative(j.r.At, *c.Stopped))
	}
	if parts == nil {
		parts = []string{"running, due " + relative(j.r.At, c.Due)}
	}
	return strings.Join(parts, ", ")
}

// lists compares started runs, findings and the timeline.
func (j *judge) lists(e *Expect) {
	if j.s.places.Has(e, "started") {
		var got []string
		for i, s := range j.r.Started {
			name := s.Procedure
			if i < len(e.Started) && e.Started[i] == s.ID {
				name = s.ID
			}
			got = append(got, name)
		}
		if !slices.Equal(e.Started, got) {
			j.differ(j.s.places.Key(e, "started"), "started", e.Started, got)
		}
	}
	var findings []string
	for _, rec := range j.records() {
		for _, f := range rec.Findings {
			findings = append(findings, f.Check+": "+f.Text)
		}
	}
	if len(e.Findings) == 0 && len(findings) > 0 && j.s.places.Has(e, "findings") {
		j.differ(j.s.places.Key(e, "findings"), "findings", nil, findings)
	}
	for i, part := range e.Findings {
		if !slices.ContainsFunc(findings, func(f string) bool { return has(f, part) }) {
			j.out = append(j.out, Mismatch{
				Pos: j.s.places.Item(e, "findings", i), What: "findings", Expected: part, Actual: "no finding says it",
				Want: []string{part}, Got: findings,
			})
		}
	}
	j.timeline(e)
}

func (j *judge) timeline(e *Expect) {
	i := 0
	var lines, found []string
	for _, ev := range j.r.Record.Timeline {
		lines = append(lines, fmt.Sprintf("%s %s", relative(j.r.At, ev.At), ev.Text))
		if i < len(e.Timeline) && has(ev.Text, e.Timeline[i]) {
			found = append(found, lines[len(lines)-1])
			i++
		}
	}
	if i < len(e.Timeline) {
		j.out = append(j.out, Mismatch{
			Pos: j.s.places.Item(e, "timeline", i), What: "timeline", Expected: e.Timeline[i],
			Actual: "no line says it, or not in this order", Want: append(found, e.Timeline[i:]...), Got: lines,
		})
	}
}

// has says whether a text holds a part; "…" or "..." in it stands for anything.
func has(text, part string) bool {
	for piece := range strings.SplitSeq(strings.ReplaceAll(part, "...", "…"), "…") {
		_, rest, ok := strings.Cut(text, strings.TrimSpace(piece))
		if !ok {
			return false
		}
		text = rest
	}
	return true
}
