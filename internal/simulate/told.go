package simulate

import (
	"slices"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// Told is a message that asks nobody to acknowledge: to channels, groups or people.
type Told struct {
	At         time.Time `json:"at"`
	Run        string    `json:"run"`
	Kind       string    `json:"kind"`             // ask, reminder, check, notice, update, resolved, board
	Drill      bool      `json:"drill,omitempty"`  // it says that it is one
	To         []string  `json:"to"`               // entries of org.yaml, as the run named them
	Reached    []string  `json:"reached"`          // channels and people
	Missed     []string  `json:"missed,omitempty"` // entries of To behind whom nobody was reached
	Transports []string  `json:"transports"`
	Step       string    `json:"step,omitempty"`
	Text       string    `json:"text"`
	ID         string    `json:"id"` // of the message: one that is tried again has the same

	services []string // whose owners service.owner means
	partly   bool     // somebody was not reached: it is worth finding out who
}

// noteMessage keeps whom one of the engine's messages has reached.
func (w *world) noteMessage(q workflows.TellRequest, result workflows.PageResult) {
	told := Told{
		At: w.now(), Run: q.Message.Run, Kind: string(q.Message.Kind), Drill: q.Message.Drill, To: slices.Clone(q.To), Step: q.Step,
		Text: q.Message.Headline, ID: q.Message.ID, Reached: []string{}, Transports: []string{}, services: q.Services, partly: len(result.Nobody) > 0,
	}
	for _, p := range result.People {
		reached := false
		for _, o := range p.Outcomes {
			if o.State == notify.Sent {
				reached = true
				told.Transports = union(told.Transports, []string{o.Transport})
			}
		}
		if reached {
			told.Reached = union(told.Reached, []string{p.ID})
		}
		told.partly = told.partly || !reached
	}
	w.result.Told = append(w.result.Told, told)
}

// findMissed says of every message which of those it was for it has not reached: a message that has reached the
// one has not reached the other.
func (w *world) findMissed() {
	for i := range w.result.Told {
		t := &w.result.Told[i]
		if !t.partly {
			continue
		}
		org, err := w.people.Org()
		if err != nil {
			return // without it nobody was told anything
		}
		for _, entry := range t.To {
			if !slices.ContainsFunc(behind(org, t, entry), func(id string) bool { return slices.Contains(t.Reached, id) }) {
				t.Missed = append(t.Missed, entry)
			}
		}
	}
}

// behind are the channels and people that an entry means: a group means those in it.
func behind(org *sops.Org, t *Told, entry string) []string {
	var ids, others []string
	seen := map[string]bool{}
	var add func(entry string)
	add = func(entry string) {
		group, isGroup := org.Stakeholders[entry]
		_, isChannel := org.Channels[entry]
		switch {
		case seen[entry]:
		case isGroup:
			seen[entry] = true
			for _, member := range group {
				add(member)
			}
		case isChannel:
			ids = append(ids, entry)
		default:
			others = append(others, entry)
		}
	}
	add(entry)
	contacts, _ := org.OnCall(others, t.services, t.At)
	for _, c := range contacts {
		ids = append(ids, c.ID)
	}
	return ids
}

// names are whom a message was told to, as it names them and as people; nobody when it got through to nobody.
func (t Told) names() []string {
	if len(t.Reached) == 0 {
		return nil
	}
	names := slices.Clone(t.Reached)
	for _, entry := range t.To {
		if !slices.Contains(t.Missed, entry) {
			names = union(names, []string{entry})
		}
	}
	return names
}
