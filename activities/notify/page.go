package notify

import (
	"context"
)

// DeliveryID names the delivery of a message to somebody over a transport.
func DeliveryID(m Message, to Recipient, transport string) string {
	id := to.ID
	if to.Channel {
		id = "#" + id // a person may have the same id
	}
	return m.ID + "/" + id + "/" + transport
}

// Page hands out a message to everybody at once, over the transports of via, or, where none of these
// reaches somebody or via is empty, over all that do. It answers within its budget and before ctx ends,
// an outcome for every delivery, in the order of to: what has not gone out by then goes on by itself and
// is reported as Sending, and so is at once what was gathered for a digest. Somebody whom no transport
// reaches has no outcome. Paging the same message again sends nothing twice: it answers how it went.
func (h *Hub) Page(ctx context.Context, to []Recipient, via []string, m Message) [][]Outcome {
	flights, fresh := make([][]*flight, len(to)), []*flight(nil)
	for i, person := range to {
		for _, medium := range h.ways(person, via) {
			f, mine := h.table.join(delivery(m, person, medium), medium, false)
			flights[i] = append(flights[i], f)
			if mine {
				fresh = append(fresh, f)
			}
		}
	}
	h.launch(fresh) //nolint:contextcheck // a delivery outlives whoever asked for it
	ctx, cancel := context.WithTimeout(ctx, h.budget)
	defer cancel()
	outcomes := make([][]Outcome, len(to))
	for i := range flights {
		outcomes[i] = await(ctx, flights[i])
	}
	return outcomes
}

func delivery(m Message, to Recipient, via *medium) Delivery {
	return Delivery{ID: DeliveryID(m, to, via.Name()), To: to, Message: m}
}

// await waits until every flight has landed or waits for a digest, or ctx ends.
func await(ctx context.Context, flights []*flight) []Outcome {
	var outcomes []Outcome
	for _, f := range flights {
		select {
		case <-f.landed:
		case <-f.gathered:
		case <-ctx.Done():
		}
		outcomes = append(outcomes, f.state())
	}
	return outcomes
}

// launch sends fresh flights on their way, or lands them as failed in a hub that is closed.
func (h *Hub) launch(fresh []*flight) {
	if len(fresh) == 0 {
		return
	}
	if h.spawn(func() { h.begin(fresh) }) {
		return
	}
	for _, f := range fresh {
		h.land(f, Outcome{State: Failed, Error: "this worker is stopping"}, retry{})
	}
}

// begin keeps back what has to wait for a digest and sends the rest.
func (h *Hub) begin(fresh []*flight) {
	var now []*flight
	for _, f := range fresh {
		if !f.via.digests || !h.guard.hold(f) {
			now = append(now, f)
		}
	}
	for _, f := range h.unsent(now) {
		h.busy.Go(func() { h.handOut([]*flight{f}) })
	}
}

// unsent asks the ledger, lands what it knows as sent, and gives the others. Those that it knows as begun
// may have arrived.
func (h *Hub) unsent(flights []*flight) []*flight {
	if h.book == nil || len(flights) == 0 {
		return flights
	}
	ids := make([]string, len(flights))
	for i, f := range flights {
		ids[i] = f.ID
	}
	known := h.book.begin(ids)
	var left []*flight
	for _, f := range flights {
		entry, ok := known[f.ID]
		if ok && entry.State == Sent {
			h.land(f, Outcome{State: Sent, Ref: entry.Ref, At: entry.At}, retry{})
			continue
		}
		f.Again = f.Again || ok && entry.State == Sending
		left = append(left, f)
	}
	return left
}

// land ends a flight. Outcome needs only say what the flight does not.
func (h *Hub) land(f *flight, o Outcome, r retry) {
	o.Recipient, o.Name, o.Transport = f.To.ID, f.To.Name, f.via.Name()
	o.Error, o.Ref = h.redact(o.Error), h.redact(o.Ref)
	f.outcome, f.retry = o, r
	close(f.landed)
}

// settle lands flights that went the same way and tells the ledger.
func (h *Hub) settle(flights []*flight, o Outcome, r retry) {
	if h.book != nil {
		h.book.end(entries(flights, o, r))
	}
	for _, f := range flights {
		h.land(f, o, r)
	}
}
