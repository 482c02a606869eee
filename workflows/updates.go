package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// clockUpdate is the kind of the clocks of status updates, one after the other: "update:1", "update:2".
const clockUpdate = "update"

func (r *run) updateID() string {
	return fmt.Sprintf("%s:%d", clockUpdate, r.record.Incident.UpdateCount)
}

// updateClock is the clock of the status update that is due next, nil for none.
func (r *run) updateClock() *Clock {
	if r.record.Incident == nil || r.record.Incident.UpdateCount == 0 {
		return nil
	}
	id := r.updateID()
	for _, c := range slices.Backward(r.record.Clocks) { // it is among the last of perhaps a thousand
		if c.ID == id {
			return c
		}
	}
	return nil
}

// nextUpdateClock starts the clock of the next status update. Missed ones do not pile up: after an outage
// the next is due in the future.
func (r *run) nextUpdateClock(ctx workflow.Context, from time.Time) {
	every := r.cadence()
	if every == 0 || !r.incidentOpen() || r.heldBack() {
		return
	}
	due := from.Add(every)
	if now := workflow.Now(ctx).UTC(); !due.After(now) {
		due = nextRepeat(from, every, now)
	}
	inc := r.record.Incident
	inc.UpdateCount, inc.UpdateAsked = inc.UpdateCount+1, false
	r.promiseAt(ctx, r.updateID(), "status update", from, due)
	r.askForUpdate(ctx, r.updateID())
}

// askAhead is how long before it is due the owner is asked for the text of an update.
func askAhead(c *Clock) time.Duration { return min(c.Due.Sub(c.Started)/6, 10*time.Minute) }

// askForUpdate asks the owner for the text in time, once.
func (r *run) askForUpdate(ctx workflow.Context, id string) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "ask for "+id, func(ctx workflow.Context) {
		for {
			c := r.clock(id)
			if !c.running() || c.Breached != nil || r.record.Incident.UpdateAsked {
				return
			}
			at := c.Due.Add(-askAhead(c))
			moved, err := r.awaitUntil(ctx, at, "ask for the status update", func() bool { return !c.running() || c.Breached != nil || !c.Due.Add(-askAhead(c)).Equal(at) })
			switch {
			case err != nil:
				return
			case moved:
				continue
			}
			if r.stay(ctx) != nil {
				return
			}
			if owner := r.owner(); owner != nil && c.running() {
				r.record.Incident.UpdateAsked = true
				r.notice(ctx, []string{owner.ID}, notify.KindReminder, "A status update is due "+r.record.dueTime(c.Due),
					"What would be sent: "+r.draft(ctx), r.command("update", "…"))
			}
			return
		}
	})
}

// awaitUntil sleeps until a time and says whether something came first. What it sleeps for is shown beside
// the timer, which is gone when something came first: people look at timers to see what will happen.
func (r *run) awaitUntil(ctx workflow.Context, at time.Time, what string, first func() bool) (bool, error) {
	left := at.Sub(workflow.Now(ctx))
	if left <= 0 {
		return first(), ctx.Err()
	}
	timing, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(timing, left, workflow.TimerOptions{Summary: summaryOf(what)})
	if err := workflow.Await(ctx, func() bool { return timer.IsReady() || first() }); err != nil {
		return false, err
	}
	return first(), nil
}

// updateMissed is what happens when nobody wrote a status update in time: the promise is broken, but the
// stakeholders are not left without one.
func (r *run) updateMissed(ctx workflow.Context, c *Clock) {
	if !r.incidentOpen() {
		return
	}
	r.postUpdate(ctx, StatusUpdate{At: workflow.Now(ctx).UTC(), Drafted: true, Text: r.draft(ctx)})
	now := workflow.Now(ctx).UTC()
	c.Stopped = &now // this one is over: the next has begun
	r.nextUpdateClock(ctx, c.Due)
}

// postUpdate keeps a status update and sends it out.
func (r *run) postUpdate(ctx workflow.Context, u StatusUpdate) {
	inc := r.record.Incident
	inc.addUpdate(u)
	inc.UpdatesSent++
	text := "status update by " + u.By + ": " + u.Text
	if u.Drafted {
		text = "status update, drafted from the record: " + u.Text
	}
	r.event(ctx, Event{Kind: "update", By: u.By, Text: text})
	message := r.newMessage(ctx, notify.KindUpdate, fmt.Sprintf("update:%d", inc.UpdatesSent), "Status update: "+inc.Summary)
	message.Body = u.Text
	r.tell(ctx, r.stakeholders(), message)
	r.checklist()
}

// maxUpdates bounds the status updates that a record keeps: a month of them, each half hour.
const maxUpdates = 1500

func (inc *Incident) addUpdate(u StatusUpdate) {
	u.Text = shorten(u.Text, maxText)
	inc.Updates = append(inc.Updates, u)
	if n := len(inc.Updates); n > maxUpdates {
		inc.Updates = append(inc.Updates[:1], inc.Updates[2:]...)
	}
}

// retimeUpdate gives the update that is due next the cadence of a new severity.
func (r *run) retimeUpdate(ctx workflow.Context, graver bool) {
	every, c := r.cadence(), r.updateClock()
	switch {
	case every == 0:
	case !c.running():
		r.nextUpdateClock(ctx, workflow.Now(ctx).UTC())
	default:
		if due := c.Started.Add(every); graver == due.Before(c.Due) {
			r.moveClock(ctx, c, due)
		}
	}
}

// draft is a status update from what the record knows, for when nobody writes one.
func (r *run) draft(ctx workflow.Context) string {
	inc := r.record.Incident
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Open for %s", strings.TrimSuffix(inc.Summary, "."), took(workflow.Now(ctx).Sub(inc.Since).Truncate(time.Minute)))
	if inc.Severity != "" {
		fmt.Fprintf(&b, ", severity %s", inc.Severity)
	}
	switch {
	case inc.Mitigated != nil:
		fmt.Fprintf(&b, "; a first mitigation is in place since %s", clockTime(inc.Mitigated.At))
	case inc.Owner != nil:
		fmt.Fprintf(&b, "; %s is working on it", inc.Owner.Name)
	default:
		b.WriteString("; nobody has taken it on yet, people are being paged")
	}
	for _, p := range r.record.Phases {
		if p.State == Running {
			fmt.Fprintf(&b, "; now: %s", p.Title)
		}
	}
	b.WriteString(".")
	return b.String()
}

// stakeholders are who is kept informed: whoever was told at one level is told to the end.
func (r *run) stakeholders() []string {
	return r.ofLevels(func(p sops.Policy) []string { return slices.Concat(p.Stakeholders, p.Channels) })
}

// ofLevels gathers something of every policy that the incident has been at.
func (r *run) ofLevels(what func(sops.Policy) []string) []string {
	levels := []string{r.record.Incident.Level}
	for _, p := range r.record.Pages { // there may be hundreds, of a few policies
		if !slices.Contains(levels, p.Policy) {
			levels = append(levels, p.Policy)
		}
	}
	var all []string
	for _, level := range levels {
		for _, entry := range what(r.rules().Policies[level]) {
			if !slices.Contains(all, entry) {
				all = append(all, entry)
			}
		}
	}
	slices.Sort(all)
	return all
}
