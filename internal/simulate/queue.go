package simulate

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// What comes first of what happens at the same moment: whoever acts in the last moment is in time.
type rank int

const (
	rankDeed  rank = iota // something that people do
	rankTimer             // a timer of a run
	rankEnd               // the horizon
)

// event is something that happens at a time.
type event struct {
	at   time.Time
	rank rank
	fire func()
	run  *live // whose task follows; nil of a deed, which is a message
	// execution is that of the environment it belongs to; 0 of what outlives environments.
	execution int
	void      func() bool // nothing comes of it any more
	deed      *Deed       // what of a scenario it is, if it is
	due       time.Time
}

// queue is everything that is to happen, in order. The test environment's own clock only says when it has
// nothing left to do; then the next of our events happens.
type queue struct {
	events []event
	open   bool // the execution has begun
	armed  bool // the environment calls tick when it is idle
}

// add puts something in its place, behind what has the same time and rank.
func (q *queue) add(e event) {
	i, _ := slices.BinarySearchFunc(q.events, e, func(a, b event) int {
		if a.before(b) || !b.before(a) {
			return -1
		}
		return 1
	})
	q.events = slices.Insert(q.events, i, e)
}

// clear drops what nothing comes of from the front.
func (q *queue) clear() {
	for len(q.events) > 0 && q.events[0].void != nil && q.events[0].void() {
		q.events = q.events[1:]
	}
}

func (e event) before(o event) bool {
	if !e.at.Equal(o.at) {
		return e.at.Before(o.at)
	}
	return e.rank < o.rank
}

// happen adds an event, not before the run's present and not while no worker lives.
func (w *world) happen(e event) {
	e.due = e.at
	if e.rank != rankEnd {
		e.at = w.alive(later(e.at, w.clock))
	}
	w.queue.add(e)
	w.arm()
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// arm has the environment call tick when it has nothing left to do: time stands still as long as it has.
func (w *world) arm() {
	if !w.queue.open || w.queue.armed || w.starting || len(w.queue.events) == 0 {
		return
	}
	w.queue.armed = true
	env := w.env
	env.RegisterDelayedCallback(func() {
		if w.env == env {
			w.queue.armed = false
			w.tick()
		}
	}, time.Nanosecond)
}

// tick lets the next thing happen, and with it all timers of that moment. Its own workflow task is that of the
// outermost run; the others are woken.
func (w *world) tick() {
	if w.ctx.Err() != nil && !w.over {
		w.stop()
		return
	}
	w.queue.clear()
	if w.starting || len(w.queue.events) == 0 {
		return // whoever has started arms it again
	}
	first := w.queue.events[0]
	w.clock = later(first.at, w.clock)
	if first.rank == rankTimer {
		w.fireTimers()
	} else {
		w.queue.events = w.queue.events[1:]
		first.fire()
	}
	w.arm()
}

func (w *world) fireTimers() {
	var woken []*live
	for ; len(w.queue.events) > 0; w.queue.clear() {
		e := w.queue.events[0]
		if e.rank != rankTimer || e.at.After(w.clock) {
			break
		}
		w.queue.events = w.queue.events[1:]
		e.fire()
		if e.run.depth > 0 && !slices.Contains(woken, e.run) {
			woken = append(woken, e.run)
		}
	}
	for _, run := range woken {
		_ = w.env.SignalWorkflowByID(run.id, tickSignal, nil) // one that has just ended needs no task
	}
}

// tickSignal has a run look at its timers. Only the watcher sees it.
const tickSignal = "simulate:tick"

// timer is a timer of a run.
type timer struct {
	out   *outbound
	ctx   workflow.Context
	fired bool
}

// newTimer sets a timer. One whose context is cancelled stays in the queue, and nothing comes of it.
func (o *outbound) newTimer(ctx workflow.Context, d time.Duration) *timer {
	t := &timer{out: o, ctx: ctx}
	if d <= 0 {
		t.fired = true
		return t
	}
	o.w.count(timerEvents)
	e := event{at: workflow.Now(ctx).Add(d), rank: rankTimer, run: o.run, execution: o.w.execution}
	e.fire = func() { t.fired = true }
	e.void = func() bool { return ctx.Err() != nil }
	o.w.happen(e)
	return t
}

// IsReady implements workflow.Future.
func (t *timer) IsReady() bool { return t.fired || t.ctx.Err() != nil }

// Get implements workflow.Future. Whoever waits with another context than the timer's hears of the cancellation
// of either.
func (t *timer) Get(ctx workflow.Context, _ any) error {
	err := t.out.Await(ctx, t.IsReady)
	if err == nil && !t.fired {
		return temporal.NewCanceledError()
	}
	return err
}

// await waits until something holds, or for so long, and says whether it held.
func (o *outbound) await(ctx workflow.Context, d time.Duration, holds func() bool) (bool, error) {
	if holds() {
		return true, nil
	}
	timing, stop := workflow.WithCancel(ctx)
	defer stop()
	t := o.newTimer(timing, d)
	err := o.Await(ctx, func() bool { return t.fired || holds() })
	return holds(), err
}
