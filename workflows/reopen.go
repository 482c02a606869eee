package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// awaitResolved keeps an incident open until somebody says that it is over, whatever became of its steps:
// an automated step that failed must not end the paging.
func (r *run) awaitResolved(ctx workflow.Context, phases error) error {
	if !r.incidentOpen() || ctx.Err() != nil {
		return phases
	}
	if phases != nil && r.record.Failure == nil {
		r.record.Failure = failureOf(phases)
		r.event(ctx, Event{Kind: "incident", Text: "the procedure stopped: " + r.record.Failure.String() + "; the incident stays open until somebody resolves it"})
		r.alarm(ctx, "the procedure's steps stopped: "+r.record.Failure.String())
	}
	if err := r.await(ctx, func() bool { return !r.incidentOpen() }); err != nil {
		return err
	}
	return phases
}

// fireAgain is what an alert does after the resolution: it must not be swallowed because the run still has
// something to do. The incident opens again, or, when the run is ending, another one follows it.
func (r *run) fireAgain(ctx workflow.Context, m Alert) Answer {
	if r.last || r.record.Aborted != nil || r.steps.Err() != nil {
		if r.next == nil {
			r.next = &m
			r.event(ctx, Event{Kind: "alert", Text: "alert after the end: " + shorten(oneLine(orElse(m.Summary, m.Key)), maxSummary) + "; another incident follows"})
		}
		return Answer{Now: "the incident before is ending; another one follows", Changed: true}
	}
	r.reopen(ctx, m)
	return Answer{Now: "the incident was over and is open again", Changed: true}
}

// reopen begins the paging and the promises of an incident again that was over.
func (r *run) reopen(ctx workflow.Context, m Alert) {
	inc := r.record.Incident
	now := workflow.Now(ctx).UTC()
	r.event(ctx, Event{Kind: "incident", Text: "open again: " + shorten(oneLine(orElse(m.Summary, m.Key)), maxSummary)})
	inc.State, inc.Reopened = IncidentOpen, append(inc.Reopened, now)
	inc.Acknowledged, inc.Mitigated, inc.Resolved = nil, nil, nil
	for _, id := range []string{clockAcknowledge, clockRespond, clockResolve} {
		if c := r.clock(id); c != nil {
			c.ID = fmt.Sprintf("%s:%d", id, len(inc.Reopened)) // those of the round before keep their account
		}
	}
	pages := 0
	if l := r.ladder(incidentLadder); l != nil {
		l.ID, pages = fmt.Sprintf("%s:%d", incidentLadder, len(inc.Reopened)), l.Pages
	}
	r.watchLease(ctx)
	r.watchReturn(ctx)
	r.keepRoom(ctx)
	r.openPromises(ctx, now)
	if l := r.ladder(incidentLadder); l != nil {
		l.Pages = pages // a page is told from those of the round before by its number
	}
	inc.Told = nil
	r.tellLevel(ctx)
	if a := inc.alert(m.Key); a != nil {
		a.Status, a.Last, a.Count, a.Resolved = AlertFiring, now, a.Count+1, nil
	} else {
		r.newAlert(ctx, m)
	}
	r.checklist()
}
