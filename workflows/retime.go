package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// kindOfClock is what sort of promise a clock of that id is.
func kindOfClock(id string) string {
	kind, _, _ := strings.Cut(id, ":")
	switch kind {
	case clockAcknowledge, clockRespond, clockResolve, clockUpdate:
		return kind
	default:
		return ClockWithin
	}
}

// Extension is a clock being given more time.
type Extension struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // name
	For    string    `json:"for"`
	Reason string    `json:"reason"`
}

// retime gives the incident's open promises the times of a new severity. A graver one never gives more
// time than there was, and a milder one never less.
func (r *run) retime(ctx workflow.Context, graver bool) {
	if r.heldBack() {
		return // its promises begin when it may page
	}
	respond, resolve := r.dueTimes(r.record.Incident.Since)
	var acknowledge time.Time
	if within := r.acknowledgeWithin(); within > 0 {
		acknowledge = r.record.Incident.Since.Add(time.Duration(within))
	}
	for _, p := range []struct {
		id, title string
		due       time.Time
	}{{clockAcknowledge, "acknowledgement", acknowledge}, {clockRespond, "first mitigation", respond}, {clockResolve, "resolution", resolve}} {
		c := r.clock(p.id)
		switch {
		case c == nil:
			if p.id == clockResolve || p.id == clockRespond && r.record.Incident.Mitigated == nil {
				r.promiseAt(ctx, p.id, p.title, r.record.Incident.Since, p.due)
			}
		case p.due.IsZero() || graver == p.due.After(c.Due):
		default:
			r.moveClock(ctx, c, p.due)
		}
	}
	r.retimeUpdate(ctx, graver)
}

// stillDue names the promises that are open, soonest first in the order they were made.
func (r *run) stillDue() string {
	var parts []string
	for _, id := range []string{clockRespond, clockResolve} {
		if c := r.clock(id); c.running() {
			word := " due "
			if c.Breached != nil {
				word = " was due "
			}
			parts = append(parts, fmt.Sprintf("%s%s%s", c.Title, word, r.record.dueTime(c.Due)))
		}
	}
	if c := r.updateClock(); c.running() {
		parts = append(parts, "status update due "+r.record.dueTime(c.Due))
	}
	return strings.Join(parts, "; ")
}
