package kpi

import (
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/facts"
	"github.com/orderly-ops/orderly/internal/journal"
)

// written is how far an incident was written up, by all the runs that were about it.
type written struct {
	at                time.Time // the first of them began
	complete, overdue bool
	belongs
}

// documentation counts each incident that is to be written up once.
func (s *observed) documentation(o Options, accounts []journal.Account) {
	about, order := map[string]*written{}, []string{}
	known := map[string][]*incident{}
	for _, i := range s.incidents {
		known[i.run.WorkflowID] = append(known[i.run.WorkflowID], i)
	}
	for _, a := range accounts {
		pm := a.Facts.PostMortem
		if pm == nil {
			continue
		}
		subject, key := subject(pm, a.Run.Started, known[pm.Of])
		if o.Procedure != "" && subject.procedure != o.Procedure {
			continue
		}
		w := about[key]
		if w == nil {
			w = &written{at: a.Run.Started, belongs: subject}
			about[key], order = w, append(order, key)
		}
		w.complete, w.overdue = w.complete || pm.Complete, w.overdue || pm.Overdue
	}
	for _, key := range order {
		if w := about[key]; w.complete || w.overdue {
			s.share(Documentation, w.at, w.complete, w.belongs)
		}
	}
	for _, i := range s.incidents {
		if i.Unwritten && i.Over != nil && about[i.key()] == nil {
			s.share(Documentation, i.end(), false, i.belongs)
		}
	}
}

// key tells the incident from others that had the same workflow id.
func (i *incident) key() string { return i.run.WorkflowID + "\x00" + began(i.run.Started) }

// began is a start in the words of a post-mortem's input: to the second.
func began(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// subject is what a post-mortem is about: the incident that began when it says, else the last of that id that
// began before it. Of an incident that is not looked at, the id tells the procedure.
func subject(pm *facts.PostMortem, started time.Time, known []*incident) (of belongs, key string) {
	var last *incident
	for _, i := range known {
		if i.run.Started.After(started) {
			break
		}
		if last = i; began(i.run.Started) == pm.Began {
			break
		}
	}
	if last != nil {
		return last.belongs, last.key()
	}
	procedure, _, _ := strings.Cut(pm.Of, "/")
	return belongs{procedure: procedure}, pm.Of + "\x00" + pm.Began
}
