package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// The ids of clocks. Those of updates are numbered: "update:3".
const (
	clockOfRun       = "run"
	clockAcknowledge = "acknowledge"
	clockRespond     = "respond"
	clockResolve     = "resolve"
)

func clockOfPhase(id string) string  { return "phase:" + id }
func clockOfStep(path string) string { return "step:" + path }

// ClockWithin is the kind of clock that a `within` starts. The other kinds are named like their clocks:
// acknowledge, respond, resolve, update.
const ClockWithin = "within"

// startClock begins a promise; no `within`, no clock.
func (r *run) startClock(ctx workflow.Context, id, title string, started time.Time, within sops.Duration) {
	if within != 0 && r.clock(id) == nil {
		r.start(ctx, &Clock{ID: id, Kind: ClockWithin, Title: title, Started: started, Due: started.Add(time.Duration(within))})
	}
}

// promise begins one of an incident's own clocks, of which there is one each.
func (r *run) promise(ctx workflow.Context, id, title string, started time.Time, within sops.Duration) {
	if within != 0 {
		r.promiseAt(ctx, id, title, started, started.Add(time.Duration(within)))
	}
}

func (r *run) promiseAt(ctx workflow.Context, id, title string, started, due time.Time) {
	if !due.IsZero() && r.clock(id) == nil {
		r.start(ctx, &Clock{ID: id, Kind: kindOfClock(id), Title: title, Started: started, Due: due})
	}
}

func (r *run) start(ctx workflow.Context, c *Clock) {
	r.record.addClock(c)
	r.arm(ctx, c)
}

// rearmClocks gives the clocks that an earlier execution left open their timers back.
func (r *run) rearmClocks(ctx workflow.Context) {
	for _, c := range r.record.Clocks {
		if c.running() && c.Breached == nil {
			r.arm(ctx, c)
		}
	}
}

// running says that the promise is neither kept nor put away. It may be breached.
func (c *Clock) running() bool { return c != nil && c.Met == nil && c.Stopped == nil }

// arm sets the timer, which dies with this execution; the clock itself is in the record and gets a new
// timer in the next. It runs on a context of its own: cancelling the run must not silence a promise.
func (r *run) arm(ctx workflow.Context, c *Clock) {
	if c.ID == clockAcknowledge {
		return // the ladder looks after it, see nextWake
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx, stop := workflow.WithCancel(ctx)
	r.clocks[c.ID] = stop
	workflow.GoNamed(ctx, "clock "+c.ID, func(ctx workflow.Context) {
		timer := workflow.NewTimerWithOptions(ctx, c.Due.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: summaryOf(c.Title) + " is due"})
		if err := timer.Get(ctx, nil); err != nil {
			return // stopped in time
		}
		delete(r.clocks, c.ID)
		// What was said by now was said in time: an answer of the last moment counts.
		r.takeMessages(ctx)
		yield(ctx)
		if !c.running() || c.Breached != nil || c.Due.After(workflow.Now(ctx)) {
			return
		}
		r.breach(ctx, c)
		r.broken(ctx, c)
		r.considerDraining(ctx)
	})
}

// disarm takes the timer away.
func (r *run) disarm(id string) {
	if stop, armed := r.clocks[id]; armed {
		delete(r.clocks, id)
		stop()
	}
}

// breach notes that a promise was not kept, and how late that was noticed.
func (r *run) breach(ctx workflow.Context, c *Clock) {
	now := workflow.Now(ctx).UTC()
	c.Breached, c.Lateness = &now, now.Sub(c.Due).String()
	r.timeLateness(ctx, now.Sub(c.Due))
	r.keeping.noteBroken(c)
	text := c.Title + ": not done within " + took(c.Due.Sub(c.Started))
	r.event(ctx, Event{Kind: "clock", Text: text})
	// It is a finding too, but the timeline has said it.
	r.record.addFinding(Finding{At: now, Severity: "warning", Check: "clock " + c.ID, Text: text,
		Act: "see what holds it up; it goes on meanwhile"})
	r.checklist()
}

// breachOverdue notices what a ladder's timer stands for besides its pages.
func (r *run) breachOverdue(ctx workflow.Context) {
	c := r.clock(clockAcknowledge)
	if c.running() && c.Breached == nil && !workflow.Now(ctx).Before(c.Due) {
		r.breach(ctx, c)
	}
}

// broken is what follows from a promise that was not kept.
func (r *run) broken(ctx workflow.Context, c *Clock) {
	if !c.running() {
		return
	}
	switch kindOfClock(c.ID) {
	case clockRespond, clockResolve:
		// One ladder a cause: if it is climbing already, that is enough.
		if l := r.ladder(incidentLadder); l != nil && !l.running() && r.incidentOpen() {
			r.event(ctx, Event{Kind: "page", Text: "paging goes on with " + r.tierName(l) + ": " + c.Title + " is overdue"})
			l.Cause = c.Title + " is overdue: " + r.record.Incident.Summary
			r.resumeLadder(ctx, l, false)
		}
	case clockUpdate:
		r.updateMissed(ctx, c)
	default:
		if r.expireStep(ctx, c) || r.halt(ctx, c) {
			return
		}
		r.alarm(ctx, c.Title+" was due "+r.record.dueTime(c.Due))
	}
}

// stopClock ends a promise: kept (perhaps late, in a later execution even), or put away because what it
// timed did not end well.
func (r *run) stopClock(ctx workflow.Context, id string, kept bool) {
	c := r.clock(id)
	if !c.running() {
		return
	}
	r.disarm(id)
	now := workflow.Now(ctx).UTC()
	if (kept || c.Kind != ClockWithin) && c.Breached == nil && now.After(c.Due) {
		r.breach(ctx, c) // its timer would have said so a moment later
	}
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

// moveClock gives a running clock another due time; one that has passed is a breach at once.
func (r *run) moveClock(ctx workflow.Context, c *Clock, due time.Time) {
	if !c.running() || c.Breached != nil || due.Equal(c.Due) {
		return
	}
	c.Due = due
	r.disarm(c.ID)
	r.arm(ctx, c)
}

func (r *run) clock(id string) *Clock {
	for _, c := range r.record.Clocks {
		if c.ID == id {
			return c
		}
	}
	return nil
}
