package kpi

import (
	"cmp"
	"slices"
	"time"
)

// span is a time [from, to).
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

func (s span) length() time.Duration { return max(0, s.to.Sub(s.from)) }

// clip is the part of it that is inside another.
func (s span) clip(by span) span {
	if s.from.Before(by.from) {
		s.from = by.from
	}
	if s.to.After(by.to) {
		s.to = by.to
	}
	return s
}

// period is what counts in a time, of one group or of all.
type period struct {
	span
	all       []observation
	incidents []*incident // all that were open at some moment of it, sorted by start
}

// within leaves only what belongs to a time.
func (s observed) within(when span) period {
	p := period{span: when}
	for _, o := range s.all {
		if when.has(o.at) {
			p.all = append(p.all, o)
		}
	}
	for _, i := range s.incidents {
		if i.Opened.Before(when.to) && (i.Over == nil || !i.Over.Before(when.from)) {
			p.incidents = append(p.incidents, i)
		}
	}
	return p
}

// only leaves what a group takes.
func (p period) only(takes func(belongs) bool) period {
	out := period{span: p.span}
	for _, o := range p.all {
		if takes(o.belongs) {
			out.all = append(out.all, o)
		}
	}
	for _, i := range p.incidents {
		if takes(i.belongs) {
			out.incidents = append(out.incidents, i)
		}
	}
	return out
}

// counts are its incidents.
func (p period) counts() Counts {
	c := Counts{BySeverity: []SeverityCount{}}
	severities := map[SeverityCount]int{}
	for _, i := range p.incidents {
		if i.FalseAlarm {
			if p.has(i.Opened) {
				c.FalseAlarms++
			}
			continue
		}
		if p.has(i.Opened) {
			c.Opened++
			severities[SeverityCount{Scale: i.Scale, Severity: i.Severity}]++
		}
		switch over := i.end(); {
		case i.Over == nil || !over.Before(p.to):
			c.Open++
			if i.Acknowledged == nil || !i.Acknowledged.At.Before(p.to) {
				c.Unacknowledged++
			}
		case p.has(over) && i.Aborted():
			c.Aborted++
		case p.has(over) && i.Resolved():
			c.Resolved++
		case p.has(over):
			c.Unresolved++
		}
	}
	for s, n := range severities {
		s.Count = n
		c.BySeverity = append(c.BySeverity, s)
	}
	slices.SortFunc(c.BySeverity, func(a, b SeverityCount) int {
		return cmp.Or(cmp.Compare(a.Scale, b.Scale), cmp.Compare(a.Severity, b.Severity))
	})
	return c
}

// figures are all figures of it. looked is the part of it of which something is known, for the time between
// failures.
func (p period) figures(looked span) []Figure {
	num, den, n := map[ID]float64{}, map[ID]float64{}, map[ID]int{}
	for _, o := range p.all {
		num[o.id] += o.num
		den[o.id] += o.den
		n[o.id] += max(o.n, 1)
	}
	num[MTBF], n[MTBF] = p.uptime(looked).Seconds(), p.opened()
	den[MTBF] = float64(n[MTBF])
	defs := definitions()
	out := make([]Figure, len(defs))
	for i, d := range defs {
		out[i] = d.figure(num[d.id], den[d.id], n[d.id])
	}
	return out
}

func (p period) opened() (n int) {
	for _, i := range p.incidents {
		if p.has(i.Opened) && !i.FalseAlarm {
			n++
		}
	}
	return n
}

// uptime is the time of a span in which none of the incidents was open.
func (p period) uptime(of span) time.Duration {
	down := make([]span, 0, len(p.incidents))
	for _, i := range p.incidents {
		if i.FalseAlarm {
			continue
		}
		s := span{i.Opened, of.to}
		if i.Over != nil {
			s.to = i.end()
		}
		if s = s.clip(of); s.length() > 0 {
			down = append(down, s)
		}
	}
	slices.SortFunc(down, func(a, b span) int { return a.from.Compare(b.from) })
	up, at := time.Duration(0), of.from
	for _, d := range down {
		if d.from.After(at) {
			up += d.from.Sub(at)
		}
		if d.to.After(at) {
			at = d.to
		}
	}
	return up + span{at, of.to}.length()
}
