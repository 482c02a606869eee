package notify

import (
	"context"
	"slices"
	"sync"
)

// Owed is somebody to whom a message was sent, and how that went so far.
type Owed struct {
	To       Recipient
	Outcomes []Outcome
}

// Deliver brings to an end what is still under way, tries again what failed unless that is in vain, and
// tries every other transport for those whom nothing has reached. It answers how each one's deliveries
// went, those that were given first. When ctx ends it answers how things stand then; when it was cancelled,
// what no transport has got by then is not sent.
func (h *Hub) Deliver(ctx context.Context, m Message, owed []Owed) [][]Outcome {
	outcomes := make([][]Outcome, len(owed))
	var all sync.WaitGroup
	for i, o := range owed {
		all.Go(func() {
			c := chase{hub: h, message: m, to: o.To, outcomes: slices.Clone(o.Outcomes), news: make(chan news)}
			outcomes[i] = c.run(ctx)
		})
	}
	all.Wait()
	return outcomes
}

// Tell sends a message as Page does, and then does what Deliver does.
func (h *Hub) Tell(ctx context.Context, to []Recipient, via []string, m Message) [][]Outcome {
	outcomes := h.Page(ctx, to, via, m)
	owed := make([]Owed, len(to))
	for i := range to {
		owed[i] = Owed{to[i], outcomes[i]}
	}
	return h.Deliver(ctx, m, owed)
}
