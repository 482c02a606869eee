package kpi

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// groups are the figures by what was asked for: weeks in their order, all since the journal begins; anything else
// sorted, where there is something to count.
func groups(o Options, looked span, seen observed) []Group {
	switch o.By {
	case ByNothing:
		return nil
	case ByWeek:
		return weeks(o, looked, seen)
	}
	whole := seen.within(span{o.Since, o.Until})
	out := []Group{}
	for _, key := range whole.keys(o.By) {
		mine := whole.only(func(b belongs) bool { return slices.Contains(b.keys(o.By), key) })
		g := Group{Key: key, Incidents: mine.counts()}
		if o.By == ByPerson {
			mine.incidents = nil // a person is not what fails
		}
		g.Figures = mine.figures(looked)
		out = append(out, g)
	}
	return out
}

// keys are the groups that a thing counts for. What belongs to no service or person is of the group "".
func (b belongs) keys(by By) []string {
	switch {
	case by == ByProcedure && b.procedure == "", by != ByProcedure && b.nowhere:
		return nil
	case by == ByProcedure:
		return []string{b.procedure}
	case by == ByPerson:
		return []string{b.person}
	case len(b.services) == 0:
		return []string{""}
	default:
		return b.services
	}
}

// keys are all groups that something counts for.
func (p period) keys(by By) []string {
	all := map[string]bool{}
	for _, o := range p.all {
		for _, k := range o.keys(by) {
			all[k] = true
		}
	}
	for _, i := range p.incidents {
		for _, k := range i.keys(by) {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func weeks(o Options, looked span, seen observed) []Group {
	out := []Group{}
	whole := span{o.Since, o.Until}
	for monday := mondayOf(looked.from, o.Location); monday.Before(o.Until); monday = monday.AddDate(0, 0, 7) {
		week := span{monday, monday.AddDate(0, 0, 7)}.clip(whole)
		p := seen.within(week)
		year, n := monday.ISOWeek()
		out = append(out, Group{
			Key: fmt.Sprintf("%d-W%02d", year, n), Incidents: p.counts(),
			Figures: p.figures(week.clip(looked)),
		})
	}
	return out
}

// mondayOf is the first moment of the week that a time is in.
func mondayOf(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	back := (int(t.Weekday()) + 6) % 7 // Monday is the first day
	return time.Date(t.Year(), t.Month(), t.Day()-back, 0, 0, 0, 0, zone)
}
