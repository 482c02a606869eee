package simulate

import (
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// PagedPerson is everything that paged one person.
type PagedPerson struct {
	Person string      `json:"person"`
	Name   string      `json:"name"`
	As     []string    `json:"as,omitempty"` // the roles they were found by
	Times  int         `json:"times"`        // that something got through
	First  time.Time   `json:"first"`
	Last   time.Time   `json:"last"`
	At     []time.Time `json:"at"` // of each of them
	Over   []string    `json:"over"`
	Failed []string    `json:"failed,omitempty"`
	Until  string      `json:"until,omitempty"` // what ended the paging
}

// PagedPeople sums the pages of a result up by person, in the order in which they were paged first.
func PagedPeople(r *Result) []PagedPerson {
	var people []PagedPerson
	for _, p := range r.Pages {
		i := slices.IndexFunc(people, func(o PagedPerson) bool { return o.Person == p.Person })
		if i < 0 {
			i = len(people)
			people = append(people, PagedPerson{Person: p.Person, Name: p.Name, First: p.At})
		}
		people[i].add(p)
	}
	for i := range people {
		if people[i].Times > 0 {
			people[i].Until = until(r, people[i].Last)
		}
	}
	return people
}

func (p *PagedPerson) add(page Page) {
	if page.As != "" {
		p.As = union(p.As, []string{page.As})
	}
	p.Failed = union(p.Failed, page.Failed)
	p.Over = union(p.Over, page.Transports)
	if page.Reached {
		p.Times++
		p.Last = page.At
		p.At = append(p.At, page.At)
	}
}

// until says what came after the last page: somebody acknowledged, it was resolved, or nothing.
func until(r *Result, last time.Time) string {
	for _, ev := range r.Record.Timeline {
		if ev.At.Before(last) {
			continue
		}
		for _, how := range []string{"acknowledged by", "resolved by", "aborted by"} {
			if (ev.Kind == "message" || ev.Kind == "incident" || ev.Kind == "run") && strings.HasPrefix(ev.Text, how) {
				return relative(r.At, ev.At) + ": " + ev.Text
			}
		}
	}
	if r.Horizon && r.Record.State == workflows.Running {
		return "the horizon: nobody has acknowledged"
	}
	return ""
}
