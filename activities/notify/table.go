package notify

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// kept is how long the outcome of a delivery is remembered in the process.
	kept = time.Hour
	// maxKept bounds how many are.
	maxKept = 50_000
)

// flight is one attempt at a delivery.
type flight struct {
	Delivery
	via   *medium
	began time.Time

	landed   chan struct{} // closed when the outcome is there
	gathered chan struct{} // closed when it waits to go out with others
	off      atomic.Bool   // it is not wanted any more
	outcome  Outcome       // read once landed
	retry    retry         // read once landed
}

// retry is what is known of a failed attempt for the next one.
type retry struct {
	at      time.Time // when the medium said to come back; zero: it did not say
	unclear bool      // the message may have arrived all the same
}

func newFlight(d Delivery, via *medium) *flight {
	return &flight{
		Delivery: d, via: via, began: time.Now(),
		landed: make(chan struct{}), gathered: make(chan struct{}),
	}
}

// over says whether the attempt is.
func (f *flight) over() bool { return closed(f.landed) }

// state is the outcome so far.
func (f *flight) state() Outcome {
	if f.over() {
		return f.outcome
	}
	return Outcome{
		Recipient: f.To.ID, Name: f.To.Name, Transport: f.via.Name(),
		State: Sending, Digest: closed(f.gathered),
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// table is the deliveries of this process by id: a second call for one joins the first.
type table struct {
	mu      sync.Mutex
	flights map[string]*flight
	ages    []*flight // oldest first, those replaced by a later attempt included
}

func newTable() *table { return &table{flights: map[string]*flight{}} }

// join gives the attempt at a delivery that is under way or over, or begins one, which the caller then
// has to make. With again a failed one is followed by another, unless it failed for good.
func (t *table) join(d Delivery, via *medium, again bool) (f *flight, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.flights[d.ID]
	switch {
	case known == nil:
	case !again || !known.over() || known.outcome.State == Sent || known.outcome.Permanent:
		return known, false
	default:
		d.Again = d.Again || known.retry.unclear
	}
	f = newFlight(d, via)
	t.flights[d.ID] = f
	t.ages = append(t.ages, f)
	t.forget(f.began)
	return f, true
}

// find gives the last attempt at a delivery, or nil.
func (t *table) find(id string) *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flights[id]
}

// forget drops what is old or too much. An attempt under way is never dropped: it ends soon.
func (t *table) forget(now time.Time) {
	for len(t.ages) > 0 {
		oldest := t.ages[0]
		if len(t.ages) <= maxKept && now.Sub(oldest.began) < kept || !oldest.over() {
			return
		}
		t.ages[0] = nil
		t.ages = t.ages[1:]
		if t.flights[oldest.ID] == oldest {
			delete(t.flights, oldest.ID)
		}
	}
}
