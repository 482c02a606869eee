package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
)

// acknowledge stops the paging. Whoever acknowledges an incident that nobody has owns it.
func (r *run) acknowledge(ctx workflow.Context, m Acknowledge) (Answer, error) {
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	inc := r.record.Incident
	climbing := r.climbing()
	if inc == nil && len(climbing) == 0 {
		return r.nothingToAcknowledge(by)
	}
	defer r.involve(ctx, by)
	if inc != nil && inc.State != IncidentOpen && len(climbing) == 0 {
		return r.acknowledgedBefore(ctx, by), nil
	}
	for _, l := range climbing {
		r.stopLadder(ctx, l, by.Name)
		r.lease(ctx, l)
	}
	text := "acknowledged by " + by.Name
	if inc != nil {
		text = r.takeOn(ctx, by)
	}
	r.showAttributes(ctx)
	if m.Note != "" {
		text += ": " + m.Note
	}
	r.event(ctx, Event{Kind: "message", By: by.Name, Text: text})
	r.checklist()
	now := fmt.Sprintf("acknowledged by %s %s; paging stopped", by.Name, clockTime(workflow.Now(ctx)))
	return Answer{Now: joinDue(now, r.stillDue()), Changed: true, By: by.Name}, nil
}

// takeOn gives the incident to whoever acknowledged it, unless somebody has it already.
func (r *run) takeOn(ctx workflow.Context, by Party) string {
	inc := r.record.Incident
	deed := Deed{At: workflow.Now(ctx).UTC(), By: by}
	if inc.Acknowledged == nil {
		inc.Acknowledged = &deed
		r.stopClock(ctx, clockAcknowledge, true)
	}
	text := "acknowledged by " + by.Name
	switch {
	case inc.Owner == nil || inc.State == IncidentOpen:
		r.own(ctx, by)
	case inc.Owner.ID != by.ID:
		text += ", who helps " + inc.Owner.Name
	default:
		r.renewLease(ctx)
	}
	if inc.State == IncidentOpen {
		inc.State = IncidentAcknowledged
		if inc.Mitigated != nil {
			inc.State = IncidentMitigated
		}
		r.renewLease(ctx)
	}
	r.showAttributes(ctx)
	return text
}

// own makes somebody the incident's owner: what is asked of the owner is asked of them.
func (r *run) own(ctx workflow.Context, by Party) {
	inc := r.record.Incident
	inc.Owner, inc.Returns = &by, nil // a hand-over for a time ends with whoever has taken it on since
	r.renewLease(ctx)
	r.showAttributes(ctx)
	for _, s := range r.waiting() {
		if s.Ask.ofOwner() {
			r.askAlso(ctx, s, by)
		}
	}
}

// acknowledgedBefore answers who had acknowledged already.
func (r *run) acknowledgedBefore(ctx workflow.Context, by Party) Answer {
	first := r.record.Incident.Acknowledged
	now := "already acknowledged"
	if first != nil {
		now += fmt.Sprintf(" by %s %s", first.By.Name, clockTime(first.At))
	}
	if owner := r.owner(); owner != nil && owner.ID == by.ID {
		r.renewLease(ctx)
	}
	return Answer{Now: joinDue(now, r.stillDue()), By: by.Name}
}

// nothingToAcknowledge answers for a run that pages nobody now. An acknowledgement that comes twice is not
// wrong.
func (r *run) nothingToAcknowledge(by Party) (Answer, error) {
	for _, l := range r.record.Ladders {
		if l.Stopped != nil {
			return Answer{Now: fmt.Sprintf("already acknowledged by %s %s", l.By, clockTime(*l.Stopped)), By: by.Name}, nil
		}
	}
	return Answer{}, refused("nobody is being paged by this run: there is nothing to acknowledge")
}

// climbing are the ladders that page people now.
func (r *run) climbing() (out []*Ladder) {
	for _, l := range r.record.Ladders {
		if l.running() {
			out = append(out, l)
		}
	}
	return out
}

// lease is when a step's ladder goes on although somebody acknowledged.
func (r *run) lease(ctx workflow.Context, l *Ladder) {
	if l.ID == incidentLadder {
		return
	}
	lease := time.Duration(orElse(r.rules().Policies[l.Policy].Lease, l.Wait))
	if lease > 0 {
		until := workflow.Now(ctx).UTC().Add(lease)
		l.Lease = &until
	}
}

// responder finds who acts on the run, as long as there is something to act on.
func (r *run) responder(ctx workflow.Context, by string) (Party, error) {
	if err := r.stillOpen(); err != nil {
		return Party{}, err
	}
	return r.who(ctx, by, r.responders())
}

// stillOpen refuses what comes too late. An incident that is over may leave steps for people to do.
func (r *run) stillOpen() error {
	if r.record.State.Done() {
		return refused("too late: the run has %s", r.record.State)
	}
	if len(r.waiting()) > 0 || len(r.climbing()) > 0 {
		return nil
	}
	return r.goesOn()
}

// goesOn refuses what an incident that is over has no use for.
func (r *run) goesOn() error {
	inc := r.record.Incident
	if inc == nil || !inc.State.Over() {
		return nil
	}
	how := "the incident was " + string(inc.State)
	if inc.Resolved != nil {
		how += fmt.Sprintf(" by %s %s", inc.Resolved.By.Name, clockTime(inc.Resolved.At))
	}
	return refused("too late: %s", how)
}

func joinDue(now, due string) string {
	if due == "" {
		return now
	}
	return now + "; " + due
}

// escalate pages the next tier now, whoever has acknowledged.
func (r *run) escalate(ctx workflow.Context, m Escalate) (Answer, error) {
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	if r.heldBack() {
		return r.letGo(ctx, by, m.Reason), nil
	}
	ladders := r.climbing()
	if l := r.ladder(incidentLadder); l != nil && !l.Closed {
		ladders = []*Ladder{l}
	}
	if len(ladders) == 0 {
		for _, s := range r.waiting() {
			ladders = append(ladders, r.stepLadder(ctx, s))
		}
	}
	if len(ladders) == 0 {
		return Answer{}, refused("nobody is asked or paged by this run: there is nothing to escalate")
	}
	text := "escalated by " + by.Name
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	r.event(ctx, Event{Kind: "message", By: by.Name, Text: text})
	var tiers []string
	for _, l := range ladders {
		if m.Reason != "" {
			l.Cause = shorten(oneLine(m.Reason), maxSummary) + ": " + r.record.about()
		}
		r.resumeLadder(ctx, l, false)
		tiers = append(tiers, r.tierName(l))
	}
	return Answer{Now: "paging " + strings.Join(tiers, ", ") + " now", Changed: true, By: by.Name}, nil
}

// note writes to the timeline. The same words twice within a minute are one note.
func (r *run) note(ctx workflow.Context, m Note) (Answer, error) {
	by, err := r.who(ctx, m.By, nil)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	now := workflow.Now(ctx)
	for i := len(r.record.Timeline) - 1; i >= 0 && now.Sub(r.record.Timeline[i].At) < time.Minute; i-- {
		if e := r.record.Timeline[i]; e.Kind == eventNote && e.By == by.Name && e.Text == shorten(m.Text, maxText) {
			return Answer{Now: "already noted " + clockTime(e.At), By: by.Name}, nil
		}
	}
	r.event(ctx, Event{Kind: eventNote, By: by.Name, Text: m.Text})
	return Answer{Now: "noted " + clockTime(now), Changed: true, By: by.Name}, nil
}

const eventNote = "note"

// update tells the stakeholders how things stand and keeps the promise to do so.
func (r *run) update(ctx workflow.Context, m Update) (Answer, error) {
	if r.record.Incident == nil {
		return Answer{}, refused("this run is not an incident: it has no stakeholders; use note")
	}
	if err := r.goesOn(); err != nil {
		return Answer{}, err
	}
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	now := workflow.Now(ctx).UTC()
	if n := len(r.record.Incident.Updates); n > 0 {
		last := r.record.Incident.Updates[n-1]
		if last.By == by.Name && last.Text == shorten(m.Text, maxText) && now.Sub(last.At) < time.Minute {
			return Answer{Now: "already sent " + clockTime(last.At), By: by.Name}, nil
		}
	}
	if c := r.updateClock(); c.running() {
		r.stopClock(ctx, c.ID, true)
	}
	r.postUpdate(ctx, StatusUpdate{At: now, By: by.Name, Text: m.Text})
	r.nextUpdateClock(ctx, now)
	return Answer{Now: joinDue("the stakeholders are being told", r.stillDue()), Changed: true, By: by.Name}, nil
}

// resolve ends the incident and closes what is open.
func (r *run) resolve(ctx workflow.Context, m Resolve) (Answer, error) {
	inc := r.record.Incident
	if inc == nil {
		return Answer{}, refused("this run is not an incident: there is nothing to resolve")
	}
	by, err := r.who(ctx, m.By, r.responders())
	if err != nil {
		return Answer{}, err
	}
	if inc.State == IncidentResolved {
		return Answer{Now: fmt.Sprintf("already resolved by %s %s", inc.Resolved.By.Name, clockTime(inc.Resolved.At)), By: by.Name}, nil
	}
	if err := r.goesOn(); err != nil {
		return Answer{}, err
	}
	deed := Deed{At: workflow.Now(ctx).UTC(), By: by, Text: shorten(m.Resolution, maxText)}
	r.involve(ctx, by)
	if inc.Acknowledged == nil {
		inc.Acknowledged = &Deed{At: deed.At, By: by}
		r.stopClock(ctx, clockAcknowledge, true)
	}
	if inc.Owner == nil {
		inc.Owner = &by
	}
	r.mitigated(ctx, by, "resolved")
	r.stopClock(ctx, clockResolve, true)
	inc.Resolved = &deed
	r.closeIncident(ctx, IncidentResolved)
	r.event(ctx, Event{Kind: "incident", By: by.Name, Text: "resolved by " + by.Name + ": " + m.Resolution})
	message := r.newMessage(ctx, notify.KindResolved, fmt.Sprintf("resolved:%d", len(inc.Reopened)), "Resolved: "+inc.Summary)
	message.Body = m.Resolution
	r.tell(ctx, r.stakeholders(), message)
	return Answer{Now: fmt.Sprintf("resolved by %s %s after %s", by.Name, clockTime(deed.At), took(deed.At.Sub(inc.Since))), Changed: true, By: by.Name}, nil
}

// closeIncident stops all paging and puts away what still waits.
func (r *run) closeIncident(ctx workflow.Context, state IncidentState) {
	inc := r.record.Incident
	inc.State, inc.Lease, inc.Checked, inc.Returns = state, nil, nil, nil
	r.closeLadder(ctx, incidentLadder)
	for _, id := range []string{clockAcknowledge, clockRespond, clockResolve} {
		r.stopClock(ctx, id, false)
	}
	if c := r.updateClock(); c.running() {
		r.stopClock(ctx, c.ID, false)
	}
	if r.belongsToResponse() || state == IncidentAborted {
		for _, s := range r.waiting() {
			if r.ofRollback(s) {
				continue // it is about what was changed, whatever becomes of the incident
			}
			s.Ask.Closed = "the incident was " + string(state)
			r.closeLadder(ctx, clockOfStep(s.Path))
		}
	}
	r.showAttributes(ctx)
	r.checklist()
}

// mitigated notes the first mitigation.
func (r *run) mitigated(ctx workflow.Context, by Party, how string) {
	inc := r.record.Incident
	if inc == nil || inc.Mitigated != nil || inc.State.Over() {
		return
	}
	inc.Mitigated = &Deed{At: workflow.Now(ctx).UTC(), By: by, Text: how}
	if inc.State == IncidentAcknowledged {
		inc.State = IncidentMitigated
	}
	r.stopClock(ctx, clockRespond, true)
	r.event(ctx, Event{Kind: "incident", By: by.Name, Text: "first mitigation: " + how})
	r.checklist()
}

// closedByAbort is why nobody is asked any more.
const closedByAbort = "the run was aborted"

// abort ends the run. What is under way is told to stop.
func (r *run) abort(ctx workflow.Context, m Abort) (Answer, error) {
	if r.record.Aborted != nil && r.ceasing == nil {
		d := r.record.Aborted
		return Answer{Now: fmt.Sprintf("already aborted by %s %s", d.By.Name, clockTime(d.At)), By: d.By.Name}, nil
	}
	if r.record.State.Done() {
		return Answer{}, refused("too late: the run has %s", r.record.State)
	}
	by, err := r.who(ctx, m.By, r.responders())
	if err != nil {
		return Answer{}, err
	}
	r.involve(ctx, by)
	if r.record.Aborted == nil {
		r.record.Aborted = &Deed{At: workflow.Now(ctx).UTC(), By: by, Text: m.Reason}
	}
	r.event(ctx, Event{Kind: "message", By: by.Name, Text: "aborted by " + by.Name + ": " + m.Reason})
	if r.incidentOpen() {
		r.closeIncident(ctx, IncidentAborted)
	}
	r.cancel()
	if now := r.stillToDo(); now != "" {
		if r.ceasing != nil {
			r.ceasing()
		}
		return Answer{Now: "the run is being ended; " + now, Changed: true, By: by.Name}, nil
	}
	r.quit = true
	for _, s := range r.waiting() {
		s.Ask.Closed = closedByAbort
	}
	return Answer{Now: "the run is being ended; nobody is asked any more", Changed: true, By: by.Name}, nil
}
