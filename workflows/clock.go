package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// The ids of clocks.
const clockOfRun = "run"

func clockOfPhase(id string) string  { return "phase:" + id }
func clockOfStep(path string) string { return "step:" + path }

// startClock begins a promise; no `within`, no clock.
func (r *run) startClock(ctx workflow.Context, id, title string, started time.Time, within sops.Duration) error {
	if within == 0 || r.clock(id) != nil {
		return nil
	}
	c := &Clock{ID: id, Kind: "within", Title: title, Started: started, Due: started.Add(time.Duration(within))}
	r.record.addClock(c)
	r.arm(ctx, c)
	return nil
}

// rearmClocks gives the clocks that an earlier execution left open their timers back.
func (r *run) rearmClocks(ctx workflow.Context) {
	for _, c := range r.record.Clocks {
		if c.Met == nil && c.Stopped == nil && c.Breached == nil {
			r.arm(ctx, c)
		}
	}
}

// arm sets the timer, which dies with this execution; the clock itself is in the record and gets a new
// timer in the next. It runs on a context of its own: cancelling the run must not silence a promise.
func (r *run) arm(ctx workflow.Context, c *Clock) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx, stop := workflow.WithCancel(ctx)
	r.clocks[c.ID] = stop
	workflow.GoNamed(ctx, "clock "+c.ID, func(ctx workflow.Context) {
		timer := workflow.NewTimerWithOptions(ctx, c.Due.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: summaryOf(c.Title) + " is due"})
		if err := timer.Get(ctx, nil); err != nil {
			return // stopped in time
		}
		r.breach(ctx, c)
	})
}

// breach notes that a promise was not kept, and how late that was noticed.
func (r *run) breach(ctx workflow.Context, c *Clock) {
	now := workflow.Now(ctx).UTC()
	c.Breached, c.Lateness = &now, now.Sub(c.Due).String()
	r.timeLateness(ctx, now.Sub(c.Due))
	text := c.Title + ": not done within " + took(c.Due.Sub(c.Started))
	r.event(ctx, Event{Kind: "clock", Text: text})
	r.find(ctx, Finding{At: now, Severity: "warning", Check: "clock " + c.ID, Text: text,
		Act: "see what holds it up; it goes on meanwhile"})
	r.checklist()
}

// stopClock ends a promise: kept (perhaps late, in a later execution even), or put away because what it
// timed did not end well.
func (r *run) stopClock(ctx workflow.Context, id string, kept bool) {
	c := r.clock(id)
	if c == nil || c.Met != nil || c.Stopped != nil {
		return
	}
	if stop, running := r.clocks[id]; running {
		delete(r.clocks, id)
		stop()
	}
	now := workflow.Now(ctx).UTC()
	switch {
	case kept:
		c.Met = &now
	case c.Breached == nil:
		c.Stopped = &now
	}
}

func (r *run) stopAllClocks(ctx workflow.Context, kept bool) {
	for _, c := range r.record.Clocks {
		r.stopClock(ctx, c.ID, kept && c.ID == clockOfRun)
	}
}

func (r *run) clock(id string) *Clock {
	for _, c := range r.record.Clocks {
		if c.ID == id {
			return c
		}
	}
	return nil
}
