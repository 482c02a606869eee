package screen

import (
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// ClockOf finds a clock that still runs; nil when there is none.
func ClockOf(r *workflows.Record, id string) *workflows.Clock {
	for _, c := range r.Clocks {
		if c.ID == id && c.Met == nil && c.Stopped == nil {
			return c
		}
	}
	return nil
}

// DueIn writes when something is due: "4:12 left, due 02:19:00Z", "overdue by 0:30, due 02:19:00Z".
func DueIn(due, now time.Time) string {
	if now.After(due) {
		return "overdue by " + Took(now.Sub(due)) + ", " + dueAt(due, now)
	}
	return Took(due.Sub(now)) + " left, " + dueAt(due, now)
}

// dueAt leaves the day out when it is today.
func dueAt(due, now time.Time) string {
	if due.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return "due " + Clock(due)
	}
	return "due " + due.UTC().Format("01-02 15:04:05Z")
}
