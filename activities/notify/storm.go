package notify

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Storm says from when on the messages to one recipient over one transport are gathered, on transports
// that people read. None is ever dropped.
type Storm struct {
	// First is how many messages within Window go out one by one. Default: 5.
	First int
	// Window is a minute unless set.
	Window time.Duration
	// Gather is how long messages are gathered at the longest. Default: 10 s.
	Gather time.Duration
	// Quiet is after how long without a new one they go out already. Default: 2 s.
	Quiet time.Duration
}

func (s Storm) withDefaults() Storm {
	return Storm{
		First:  cmp.Or(s.First, 5),
		Window: cmp.Or(s.Window, time.Minute),
		Gather: cmp.Or(s.Gather, 10*time.Second),
		Quiet:  cmp.Or(s.Quiet, 2*time.Second),
	}
}

// guard holds messages back when very many are on their way to the same recipient: the hundredth page of
// a minute tells nobody more than a list of them does, and media that limit how much may be sent would
// let them through one by one, the last of them much too late.
type guard struct {
	storm Storm
	flush func([]*flight) // sends what was gathered
	busy  *sync.WaitGroup // counts the lines on which something waits

	mu    sync.Mutex
	lines map[line]*queue
	shut  bool // nothing is held any more
}

// line is a recipient on a transport.
type line struct {
	recipient, transport string
	channel              bool
}

// queue is what went to a recipient lately, and what waits.
type queue struct {
	passed  []time.Time // those that went out one by one within the window
	waiting []*flight
	due     time.Time // when the waiting ones go out at the latest
	timer   *time.Timer
}

func newGuard(storm Storm, busy *sync.WaitGroup, flush func([]*flight)) *guard {
	return &guard{storm: storm.withDefaults(), busy: busy, flush: flush, lines: map[line]*queue{}}
}

// hold keeps a flight back when its recipient has had enough of them, and says so.
func (g *guard) hold(f *flight) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	key, now := line{f.To.ID, f.via.Name(), f.To.Channel}, time.Now()
	q := g.lines[key]
	if q == nil {
		q = &queue{}
		g.lines[key] = q
	}
	q.passed = slices.DeleteFunc(q.passed, func(at time.Time) bool { return now.Sub(at) >= g.storm.Window })
	if len(q.waiting) == 0 && len(q.passed) < g.storm.First {
		q.passed = append(q.passed, now)
		return false
	}
	g.gather(key, q, f)
	return true
}

// gather adds a flight to those that wait.
func (g *guard) gather(key line, q *queue, f *flight) {
	now := time.Now()
	if len(q.waiting) == 0 {
		g.busy.Add(1) // whoever launched this flight is counted too, so this can't be the first
		q.due = now.Add(g.storm.Gather)
		q.timer = time.AfterFunc(g.storm.Quiet, func() { g.release(key) })
	} else {
		q.timer.Reset(min(g.storm.Quiet, q.due.Sub(now)))
	}
	q.waiting = append(q.waiting, f)
	close(f.gathered)
}

// release sends what waits for a recipient.
func (g *guard) release(key line) {
	waiting := g.take(key)
	if len(waiting) == 0 {
		return // somebody else did
	}
	go func() {
		defer g.busy.Done()
		g.flush(waiting)
	}()
}

func (g *guard) take(key line) []*flight {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.lines[key]
	waiting := q.waiting
	q.waiting = nil
	return waiting
}

// flushAll sends everything that waits, and holds nothing from then on.
func (g *guard) flushAll() {
	g.mu.Lock()
	g.shut = true
	keys := make([]line, 0, len(g.lines))
	for key, q := range g.lines {
		if q.timer != nil {
			q.timer.Stop()
		}
		keys = append(keys, key)
	}
	g.mu.Unlock()
	for _, key := range keys {
		g.release(key)
	}
}
