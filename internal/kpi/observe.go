package kpi

import (
	"time"

	"github.com/orderly-ops/orderly/internal/facts"
	"github.com/orderly-ops/orderly/internal/journal"
)

// observation is one thing that counts for one figure. A figure is the sum of num over the sum of den.
type observation struct {
	id       ID
	at       time.Time // when it was decided
	num, den float64
	n        int // how many things it stands for; 0 means one
	belongs
}

// belongs is to what a thing belongs, for grouping.
type belongs struct {
	procedure string
	services  []string
	person    string
	// nowhere says that it belongs to no service or person at all: it is about everything.
	nowhere bool
}

// incident is one that counts, with the run that it is.
type incident struct {
	*facts.Incident
	run journal.Run
	belongs
}

// end is when it was over; zero while it goes on.
func (i *incident) end() time.Time {
	if i.Over == nil {
		return time.Time{}
	}
	return *i.Over
}

// observed is all that there is to count.
type observed struct {
	all       []observation
	incidents []*incident
}

// observe finds in the accounts what counts. They are sorted by start.
func observe(o Options, accounts []journal.Account) observed {
	var seen observed
	for _, a := range accounts {
		inc := a.Facts.Incident
		if inc == nil || inc.Quiet || o.Procedure != "" && a.Run.Procedure != o.Procedure {
			continue
		}
		if ended := a.Run.Ended; inc.Over == nil && !ended.IsZero() { // it could not say so itself: it was terminated
			lost := *inc
			lost.Over, inc = &ended, &lost
		}
		one := &incident{Incident: inc, run: a.Run, belongs: belongs{procedure: a.Run.Procedure, services: inc.Services, person: inc.Owner}}
		seen.incidents = append(seen.incidents, one)
		seen.response(one)
		seen.promises(one, a.Facts.Promises)
	}
	seen.recurrence()
	seen.documentation(o, accounts)
	for _, a := range accounts {
		if o.Procedure == "" || a.Run.Procedure == o.Procedure {
			seen.reviews(a.Run.Procedure, a.Facts.Reviews...)
		}
	}
	if o.Review != nil {
		last := o.Until.Add(-time.Nanosecond)
		seen.reviews("", o.Review.facts(last))
	}
	return seen
}

func (s *observed) add(o observation) { s.all = append(s.all, o) }

// share adds a thing that is or is not as it should be.
func (s *observed) share(id ID, at time.Time, yes bool, of belongs) {
	o := observation{id: id, at: at, den: 1, belongs: of}
	if yes {
		o.num = 1
	}
	s.add(o)
}

// response is how fast people were, and whether the right ones were called.
func (s *observed) response(i *incident) {
	if d := i.Acknowledged; d != nil && !d.At.Before(i.Opened) {
		s.add(observation{id: MTTA, at: d.At, num: d.At.Sub(i.Opened).Seconds(), den: 1, belongs: i.acknowledger()})
	}
	if !i.Resolved() || i.FalseAlarm {
		return
	}
	s.add(observation{id: MTTR, at: i.end(), num: max(0, i.end().Sub(i.Opened).Seconds()), den: 1, belongs: i.belongs})
	if i.FirstLevel != "" && i.Level != "" {
		s.share(Escalation, i.end(), i.FirstLevel == i.Level, i.belongs)
	}
}

// acknowledger gives what the acknowledgement decides to who gave it.
func (i *incident) acknowledger() belongs {
	b := i.belongs
	if i.Acknowledged != nil {
		b.person = i.Acknowledged.By
	}
	return b
}

func (s *observed) promises(i *incident, all []facts.Promise) {
	for _, p := range all {
		whose := i.belongs
		if p.Kind == "acknowledge" {
			whose = i.acknowledger()
		}
		o := observation{id: SLA, at: p.At, den: float64(p.Count()), n: p.Count(), belongs: whose}
		if p.Kept {
			o.num = o.den
		}
		s.add(o)
	}
}

func (s *observed) reviews(procedure string, all ...facts.Review) {
	of := belongs{procedure: procedure, nowhere: true}
	for _, r := range all {
		if r.Satisfaction != nil {
			s.add(observation{id: Satisfaction, at: r.At, num: *r.Satisfaction, den: 1, belongs: of})
		}
		if r.Invited > 0 {
			s.add(observation{id: Participation, at: r.At, num: r.Present, den: r.Invited, belongs: of})
		}
	}
}
