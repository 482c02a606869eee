package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
)

// renewLease notes a sign of life of whoever has the incident.
func (r *run) renewLease(ctx workflow.Context) {
	inc := r.record.Incident
	lease := time.Duration(r.rules().Policies[inc.Level].Lease)
	inc.Lease, inc.Checked = nil, nil
	if lease > 0 && inc.Owner != nil && inc.State != IncidentOpen && !inc.State.Over() {
		until := workflow.Now(ctx).UTC().Add(lease)
		inc.Lease = &until
	}
}

// watchLease keeps an acknowledgement from being forgotten: when the owner has been silent for the length
// of the lease they are asked whether they are still on it, and when they stay silent for as long as the
// first tier has, paging begins again.
func (r *run) watchLease(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	inc := r.record.Incident
	workflow.GoNamed(ctx, "lease", func(ctx workflow.Context) {
		for {
			err := workflow.Await(ctx, func() bool { return inc.Lease != nil || inc.State.Over() })
			if err != nil || inc.State.Over() {
				return
			}
			lease := inc.Lease
			moved, err := r.awaitUntil(ctx, *lease, "still on it?", func() bool { return inc.Lease != lease || inc.State.Over() })
			switch {
			case err != nil:
				return
			case moved:
				continue
			}
			if r.stay(ctx) != nil {
				return
			}
			r.takeMessages(ctx) // one that has arrived by now is a sign of life
			if inc.Lease == lease && !inc.State.Over() {
				r.leaseOver(ctx)
			}
		}
	})
}

// leaseOver asks the first time and pages again the second.
func (r *run) leaseOver(ctx workflow.Context) {
	inc := r.record.Incident
	name := "nobody"
	if inc.Owner != nil {
		name = inc.Owner.Name
	}
	if inc.Checked == nil && inc.Owner != nil {
		now := workflow.Now(ctx).UTC()
		until := now.Add(r.leaseGrace())
		inc.Checked, inc.Lease = &now, &until
		r.event(ctx, Event{Kind: "page", Text: fmt.Sprintf("no sign of life from %s: asked whether they are still on it; paging begins again %s", name, clockTime(until))})
		r.notice(ctx, []string{inc.Owner.ID}, notify.KindCheck, "Still on it? "+inc.Summary,
			"If nothing is heard from you, paging begins again "+clockTime(until)+".", r.command("ack"), r.command("note", "…"))
		return
	}
	inc.Lease, inc.Checked = nil, nil
	inc.State = IncidentOpen
	r.event(ctx, Event{Kind: "page", Text: "no sign of life from " + name + ": paging begins again"})
	l := r.ladder(incidentLadder)
	if l.running() {
		return
	}
	l.Cause = "no sign of life from " + name + ": " + inc.Summary
	r.resumeLadder(ctx, l, true)
	r.showAttributes(ctx)
	r.checklist()
}

// leaseGrace is how long the owner has to answer "still on it?": what the first tier has.
func (r *run) leaseGrace() time.Duration {
	if tiers := r.rules().Policies[r.record.Incident.Level].Tiers; len(tiers) > 0 {
		return time.Duration(tiers[0].Wait)
	}
	return 5 * time.Minute
}
