package simulate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// hub stands for the transports of a worker, all three of which are configured: what it is given to send is
// only noted. It is a notify.Hub in that a message goes out over every transport asked for that reaches
// somebody, is tried three times, and over the others where nobody is reached.
type hub struct {
	w     *world
	media []*medium
	// mu guards all below: a board is shown in all its channels at once.
	mu     sync.Mutex
	sent   map[string]notify.Outcome // by delivery: nobody gets a message twice
	boards map[string]bool           // that were shown
	took   time.Duration             // what the current activity waited for
	asked  bool                      // the current activity notes by itself whom it tells
}

// medium is one transport.
type medium struct {
	w       *world
	name    string
	address func(notify.Recipient) string
	down    span
}

// pauses are before the second and third attempt at a delivery.
var pauses = []time.Duration{2 * time.Second, 8 * time.Second}

func newHub(w *world) *hub {
	h := &hub{w: w, sent: map[string]notify.Outcome{}, boards: map[string]bool{}}
	for name, address := range addresses {
		m := &medium{w: w, name: name, address: address}
		if t, ok := w.scenario.Transports[name]; ok {
			m.down = span{t.Down.From.In(w.start), t.Down.Until.In(w.start)}
			if !t.Down.Until.Given() {
				m.down.until = w.start.Add(maxHorizon)
			}
		}
		h.media = append(h.media, m)
	}
	slices.SortFunc(h.media, func(a, b *medium) int {
		return slices.Index(transportNames, a.name) - slices.Index(transportNames, b.name)
	})
	return h
}

// transportNames are the transports, in the order of orderly.yaml.
var transportNames = []string{"slack", "email", "webhook"}

var addresses = map[string]func(notify.Recipient) string{
	"slack":   func(r notify.Recipient) string { return r.Slack },
	"email":   func(r notify.Recipient) string { return r.Email },
	"webhook": func(r notify.Recipient) string { return r.Webhook },
}

// Name implements notify.Transport.
func (m *medium) Name() string { return m.name }

// Reaches implements notify.Transport.
func (m *medium) Reaches(to notify.Recipient) bool { return m.address(to) != "" }

// Send implements notify.Transport. Messages go through the hub, which calls try.
func (m *medium) Send(context.Context, notify.Delivery) (notify.Receipt, error) {
	return notify.Receipt{}, action.Permanent(action.ErrNotConfigured, "%s is simulated", m.name)
}

// try is one attempt at a delivery.
func (m *medium) try(to notify.Recipient, t time.Time) notify.Outcome {
	out := notify.Outcome{Recipient: to.ID, Name: to.Name, Transport: m.name, State: notify.Sent, At: t}
	switch {
	case !to.Channel && slices.Contains(m.w.scenario.Unreachable, to.ID):
		out.State, out.Permanent, out.Error, out.At = notify.Failed, true, "unreachable in this scenario", time.Time{}
	case m.isDown(t):
		out.State, out.Error, out.At = notify.Failed, m.name+" is down in this scenario", time.Time{}
	}
	return out
}

func (m *medium) isDown(t time.Time) bool { return !t.Before(m.down.from) && t.Before(m.down.until) }

// Transports are those of the hub.
func (h *hub) Transports() []notify.Transport {
	all := make([]notify.Transport, len(h.media))
	for i, m := range h.media {
		if all[i] = m; m.name == "slack" {
			all[i] = &slackMedium{medium: m, hub: h}
		}
	}
	return all
}

// Reached says whether one of the outcomes got to somebody.
func (h *hub) Reached(outcomes []notify.Outcome, states ...notify.State) bool {
	return slices.ContainsFunc(outcomes, func(o notify.Outcome) bool { return slices.Contains(states, o.State) })
}

// Page makes the first attempt at every delivery.
func (h *hub) Page(_ context.Context, to []notify.Recipient, via []string, m notify.Message) [][]notify.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.page(to, via, m)
}

func (h *hub) page(to []notify.Recipient, via []string, m notify.Message) [][]notify.Outcome {
	outcomes := make([][]notify.Outcome, len(to))
	for i, person := range to {
		for _, medium := range h.ways(person, via) {
			outcomes[i] = append(outcomes[i], h.deliver(medium, person, m, h.w.now()))
		}
	}
	return outcomes
}

// Tell is Page, and then Deliver.
func (h *hub) Tell(_ context.Context, to []notify.Recipient, via []string, m notify.Message) [][]notify.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcomes := h.page(to, via, m)
	for i := range to {
		outcomes[i] = h.chase(m, notify.Owed{To: to[i], Outcomes: outcomes[i]})
		if !h.asked { // a mailing list that is told beside a board
			people := []workflows.PagedPerson{{ID: to[i].ID, Name: to[i].Name, Outcomes: outcomes[i]}}
			h.w.noteMessage(workflows.TellRequest{To: []string{to[i].ID}, Message: m}, workflows.PageResult{People: people})
		}
	}
	return outcomes
}

// Deliver tries again what failed, and other transports for those whom nothing has reached.
func (h *hub) Deliver(_ context.Context, m notify.Message, owed []notify.Owed) [][]notify.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcomes := make([][]notify.Outcome, len(owed))
	for i, o := range owed {
		outcomes[i] = h.chase(m, o)
	}
	return outcomes
}

func (h *hub) chase(m notify.Message, owed notify.Owed) []notify.Outcome {
	outcomes := slices.Clone(owed.Outcomes)
	for i := range outcomes {
		outcomes[i] = h.persist(m, owed.To, outcomes[i])
	}
	if h.Reached(outcomes, notify.Sent) {
		return outcomes
	}
	for _, medium := range h.media {
		used := slices.ContainsFunc(outcomes, func(o notify.Outcome) bool { return o.Transport == medium.name })
		if !used && medium.Reaches(owed.To) {
			outcomes = append(outcomes, h.persist(m, owed.To, notify.Outcome{Transport: medium.name}))
		}
	}
	return outcomes
}

// persist tries a delivery three times, unless that is in vain.
func (h *hub) persist(m notify.Message, to notify.Recipient, o notify.Outcome) notify.Outcome {
	i := slices.IndexFunc(h.media, func(m *medium) bool { return m.name == o.Transport })
	if i < 0 || o.State == notify.Sent || o.Permanent {
		return o
	}
	t := h.w.now()
	for n := 0; ; n++ {
		o = h.deliver(h.media[i], to, m, t)
		if o.State == notify.Sent || o.Permanent || n == len(pauses) {
			h.took = max(h.took, t.Sub(h.w.now()))
			return o
		}
		t = t.Add(pauses[n])
	}
}

// deliver makes one attempt and notes a page that got through.
func (h *hub) deliver(via *medium, to notify.Recipient, m notify.Message, t time.Time) notify.Outcome {
	id := notify.DeliveryID(m, to, via.name)
	if done, ok := h.sent[id]; ok {
		return done
	}
	o := via.try(to, t)
	if o.State == notify.Sent {
		h.sent[id] = o
	}
	return o
}

func (h *hub) ways(to notify.Recipient, via []string) []*medium {
	var all, chosen []*medium
	for _, m := range h.media {
		if !m.Reaches(to) {
			continue
		}
		all = append(all, m)
		if slices.Contains(via, m.name) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) > 0 {
		return chosen
	}
	return all
}

// noteTold keeps who was paged and told by one of the engine's own activities.
func (w *world) noteTold(request, answer any) {
	result, ok := answer.(workflows.PageResult)
	if !ok {
		return
	}
	switch q := request.(type) {
	case workflows.PageRequest:
		w.notePages(q.Message, result.People, nil)
	case workflows.DeliverRequest:
		w.notePages(q.Message, result.People, q.Owed)
	case workflows.TellRequest:
		w.noteMessage(q, result)
		w.plan(q, result.People)
	}
}

// notePages keeps what is new of some deliveries; before is how they stood.
func (w *world) notePages(m notify.Message, people, before []workflows.PagedPerson) {
	for _, p := range people {
		page := Page{At: w.now(), Run: m.Run, Person: p.ID, Name: p.Name, As: p.As, Backup: p.Backup, Drill: m.Drill, Text: m.Headline, ID: m.ID, Transports: []string{}}
		var was []notify.Outcome
		for _, b := range before {
			if b.ID == p.ID {
				was = b.Outcomes
			}
		}
		for _, o := range p.Outcomes {
			sentBefore := slices.ContainsFunc(was, func(b notify.Outcome) bool { return b.Transport == o.Transport && b.State == notify.Sent })
			switch {
			case sentBefore:
			case o.State == notify.Sent:
				page.Transports = append(page.Transports, o.Transport)
				page.At = o.At
			default:
				page.Failed = append(page.Failed, o.Transport+": "+o.Error)
			}
		}
		page.Reached = len(page.Transports) > 0
		if page.Reached || before == nil {
			w.result.Pages = append(w.result.Pages, page)
		}
	}
	w.lookForQuestions(m)
}
