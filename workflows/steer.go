package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
)

// extend gives a running clock more time.
func (r *run) extend(ctx workflow.Context, m Extend) (Answer, error) {
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	c, err := r.extensible(m.Clock)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	if n := len(c.Extended); n > 0 {
		last := c.Extended[n-1]
		if last.By == by.Name && last.For == m.For.String() && last.Reason == m.Reason && workflow.Now(ctx).Sub(last.At) < time.Minute {
			return Answer{Now: fmt.Sprintf("%s is due %s already", c.Title, r.record.dueTime(c.Due)), By: by.Name}, nil
		}
	}
	c.Extended = append(c.Extended, Extension{At: workflow.Now(ctx).UTC(), By: by.Name, For: m.For.String(), Reason: m.Reason})
	r.moveClock(ctx, c, c.Due.Add(time.Duration(m.For)))
	r.moveWindow(ctx, c)
	now := fmt.Sprintf("%s is due %s", c.Title, r.record.dueTime(c.Due))
	r.event(ctx, Event{Kind: "clock", By: by.Name, Text: fmt.Sprintf("%s, %s later, by %s: %s", now, m.For, by.Name, m.Reason)})
	r.checklist()
	return Answer{Now: now, Changed: true, By: by.Name}, nil
}

// maxExtensions bounds how often one clock is moved.
const maxExtensions = 50

// extensible finds a clock that may be moved.
func (r *run) extensible(id string) (*Clock, error) {
	if id == clockUpdate && r.updateClock() != nil {
		id = r.updateID()
	}
	c := r.clock(id)
	if c == nil {
		c = r.clock(clockOfStep(id))
	}
	switch {
	case c == nil:
		return nil, refused("there is no clock %q; running are %s", id, r.runningClocks())
	case c.ID == clockAcknowledge:
		return nil, refused("the time to acknowledge is not extended: acknowledge, and the paging stops")
	case c.Breached != nil:
		return nil, refused("too late: %s was due %s", c.Title, r.record.dueTime(c.Due))
	case !c.running():
		return nil, refused("%s is not running any more", c.Title)
	case len(c.Extended) >= maxExtensions:
		return nil, refused("%s has been extended %d times; that is enough", c.Title, maxExtensions)
	}
	return c, nil
}

func (r *run) runningClocks() string {
	var ids []string
	for _, c := range r.record.Clocks {
		if c.running() && c.Breached == nil && c.ID != clockAcknowledge {
			ids = append(ids, c.ID)
		}
	}
	return orElse(strings.Join(ids, ", "), "none")
}

// changeSeverity re-times what is open. A graver severity never gives more time, and pages the people of
// its own policy at once; a milder one calls nobody.
func (r *run) changeSeverity(ctx workflow.Context, m ChangeSeverity) (Answer, error) {
	if r.record.Incident == nil {
		return Answer{}, refused("this run is not an incident: it has no severity")
	}
	if err := r.goesOn(); err != nil {
		return Answer{}, err
	}
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	return r.regrade(ctx, by, m.Severity, m.Reason)
}

func (r *run) regrade(ctx workflow.Context, by Party, severity, reason string) (Answer, error) {
	inc := r.record.Incident
	grade, err := r.severity(inc.Scale, severity)
	if err != nil {
		return Answer{}, refusal(err)
	}
	if grade.ID == inc.Severity {
		return Answer{Now: joinDue("the severity is "+grade.ID+" already", r.stillDue()), By: by.Name}, nil
	}
	before := orElse(inc.Severity, "none")
	graver := r.rank(inc.Scale, grade.ID) < r.rank(inc.Scale, inc.Severity)
	inc.Severity = grade.ID
	r.event(ctx, Event{Kind: "incident", By: by.Name, Text: fmt.Sprintf("severity %s → %s by %s: %s", before, grade.ID, by.Name, reason)})
	if grade.Policy != "" && r.proc.Incident.Policy == "" {
		r.changePolicy(ctx, grade.Policy, graver)
	}
	r.retime(ctx, graver)
	r.showAttributes(ctx)
	r.checklist()
	return Answer{Now: joinDue("the severity is "+grade.ID+", level "+r.policyTitle(inc.Level), r.stillDue()), Changed: true, By: by.Name}, nil
}

// changePolicy puts the ladder on another policy. Upwards, its first tier is paged at once; a tier that is
// being paged at this moment is seen to its end first. Downwards nobody is called that was not going to be.
func (r *run) changePolicy(ctx workflow.Context, policy string, graver bool) {
	inc, l := r.record.Incident, r.ladder(incidentLadder)
	if r.heldBack() {
		inc.Level = policy // it pages with that as soon as it may
		return
	}
	if policy == inc.Level || l == nil || l.Closed {
		return
	}
	if graver && r.above(inc.Level, policy) {
		return // the ladder has climbed higher by itself
	}
	inc.Level, l.Policy, l.Tier, l.Repeats = policy, policy, 0, 0
	r.nameNext(l)
	r.tellLevel(ctx)
	if graver {
		r.resumeLadder(ctx, l, true)
	}
}

// above says whether a policy is one that follows another.
func (r *run) above(policy, other string) bool {
	return policy != other && slices.Contains(r.chain(other), policy)
}

// handover gives incident and open asks to somebody else.
func (r *run) handover(ctx workflow.Context, m Handover) (Answer, error) {
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	to, err := r.who(ctx, m.To, nil)
	if err != nil {
		return Answer{}, err
	}
	if m.Until != nil && !m.Until.After(workflow.Now(ctx)) {
		return Answer{}, refused("until is %s, which has passed", m.Until.UTC().Format(time.RFC3339))
	}
	owner := r.owner()
	asks := r.asksOf(by)
	switch {
	case owner != nil && owner.ID == to.ID && len(asks) == 0:
		return Answer{Now: to.Name + " has it already", By: by.Name}, nil
	case r.record.Incident == nil && len(asks) == 0:
		return Answer{}, refused("nothing of this run waits for %s: there is nothing to hand over", by.Name)
	}
	r.involve(ctx, by)
	r.handOver(ctx, by, to, asks)
	text := fmt.Sprintf("handed over by %s to %s", by.Name, to.Name)
	if m.Until != nil && owner != nil && r.incidentOpen() {
		until := m.Until.UTC()
		r.record.Incident.Returns = &Return{To: *owner, Until: until}
		text += " until " + until.Format(time.RFC3339)
	}
	r.event(ctx, Event{Kind: "message", By: by.Name, Text: text})
	r.checklist()
	now := to.Name + " has it now"
	if r.incidentOpen() && r.record.Incident.State == IncidentOpen {
		now = to.Name + " is being told; paging goes on until somebody acknowledges"
	}
	return Answer{Now: joinDue(now, r.stillDue()), Changed: true, By: by.Name}, nil
}

// handOver passes everything on and tells the person.
func (r *run) handOver(ctx workflow.Context, by, to Party, asks []*Step) {
	if len(r.record.HandedTo) < maxParties && !slices.Contains(r.record.HandedTo, to.ID) {
		r.record.HandedTo = append(r.record.HandedTo, to.ID)
	}
	for _, s := range asks {
		r.askAlso(ctx, s, to)
	}
	if r.record.Incident != nil {
		r.record.Incident.Returns = nil
		if inc := r.record.Incident; inc.State != IncidentOpen && !inc.State.Over() { // else paging goes on until they acknowledge themselves
			r.own(ctx, to)
		}
	}
	r.notice(ctx, []string{to.ID}, notify.KindNotice, by.Name+" has handed this over to you", "", r.command("ack"), r.command("show"))
}

// watchReturn ends a hand-over that was for a time only.
func (r *run) watchReturn(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	inc := r.record.Incident
	workflow.GoNamed(ctx, "hand-back", func(ctx workflow.Context) {
		for {
			err := workflow.Await(ctx, func() bool { return inc.Returns != nil || inc.State.Over() })
			if err != nil || inc.State.Over() {
				return
			}
			back := inc.Returns
			moved, err := r.awaitUntil(ctx, back.Until, "hand it back to "+back.To.Name, func() bool { return inc.Returns != back || inc.State.Over() })
			if err != nil || r.stay(ctx) != nil {
				return
			}
			if moved || inc.Returns != back {
				continue
			}
			inc.Returns = nil
			r.event(ctx, Event{Kind: "message", By: back.To.Name, Text: "the hand-over has ended: " + back.To.Name + " has it again"})
			r.own(ctx, back.To)
			r.notice(ctx, []string{back.To.ID}, notify.KindNotice, "The hand-over has ended: it is yours again", "", r.command("show"))
		}
	})
}

// maxAlerts bounds the alerts that a record keeps.
const maxAlerts = 500

// alert notes what a monitoring system says. One that fires again is counted, one that is over is noted;
// neither changes who has the incident.
func (r *run) alert(ctx workflow.Context, m Alert) (Answer, error) {
	inc := r.record.Incident
	if inc == nil && r.record.Window != nil {
		return r.alertInWindow(ctx, m)
	}
	if inc == nil {
		return Answer{}, refused("this run is not an incident")
	}
	if inc.State.Over() && m.Status == AlertFiring {
		return r.fireAgain(ctx, m), nil
	}
	if r.record.State.Done() {
		return Answer{}, refused("too late: the run has %s", r.record.State)
	}
	now := workflow.Now(ctx).UTC()
	seen := inc.alert(m.Key)
	switch {
	case seen == nil && m.Status == AlertResolved:
		return Answer{Now: "no alert " + m.Key + " belongs to this incident"}, nil
	case seen == nil:
		return r.newAlert(ctx, m), nil
	case m.Status == AlertFiring:
		seen.Last, seen.Count, seen.Resolved = now, seen.Count+1, nil
		if seen.Status == AlertFiring {
			return Answer{Now: fmt.Sprintf("the alert is known, seen %d times", seen.Count)}, nil
		}
		seen.Status = AlertFiring
		r.event(ctx, Event{Kind: "alert", Text: "alert again: " + seen.title()})
	case seen.Status == AlertResolved:
		return Answer{Now: "the alert was over already"}, nil
	default:
		seen.Status, seen.Resolved, seen.Last = AlertResolved, &now, now
		r.event(ctx, Event{Kind: "alert", Text: "alert over: " + seen.title()})
		if inc.quiet() {
			r.event(ctx, Event{Kind: "alert", Text: "all alerts are over; the incident stays open until somebody resolves it"})
			r.alarm(ctx, "All alerts are over; resolve it when you are sure")
		}
	}
	r.checklist()
	return Answer{Now: "noted: " + seen.title() + " is " + seen.Status, Changed: true}, nil
}

func (r *run) newAlert(ctx workflow.Context, m Alert) Answer {
	inc := r.record.Incident
	now := workflow.Now(ctx).UTC()
	a := &AlertSeen{Key: m.Key, Status: m.Status, Summary: shorten(oneLine(m.Summary), maxSummary), Labels: bounded(m.Labels), First: now, Last: now, Count: 1}
	if m.StartsAt != nil && m.StartsAt.Before(now) {
		a.First = m.StartsAt.UTC()
	}
	inc.addAlert(a)
	r.event(ctx, Event{Kind: "alert", Text: "alert: " + a.title()})
	if len(inc.Alerts) > 1 {
		r.alarm(ctx, "Another alert: "+a.title())
	}
	r.checklist()
	return Answer{Now: "the alert has joined the incident", Changed: true}
}

// bounded cuts labels to a size that a record can keep: the first of them, by name.
func bounded(labels map[string]string) map[string]string {
	const most, long = 2000, 200 // bytes
	out, size := map[string]string{}, 0
	for _, name := range workflow.DeterministicKeys(labels) {
		key, value := shorten(name, long), shorten(labels[name], long)
		if size += len(key) + len(value); size > most {
			break
		}
		out[key] = value
	}
	return out
}

// addAlert keeps an alert. When there are too many, one that is over makes way, or the oldest.
func (inc *Incident) addAlert(a *AlertSeen) {
	if len(inc.Alerts) >= maxAlerts {
		over := func(a *AlertSeen) bool { return a.Status == AlertResolved }
		i := max(slices.IndexFunc(inc.Alerts, over), 0)
		inc.Alerts = slices.Delete(inc.Alerts, i, i+1)
	}
	inc.Alerts = append(inc.Alerts, a)
}

func (inc *Incident) alert(key string) *AlertSeen {
	for _, a := range inc.Alerts {
		if a.Key == key {
			return a
		}
	}
	return nil
}

// quiet says that no alert fires any more.
func (inc *Incident) quiet() bool {
	for _, a := range inc.Alerts {
		if a.Status == AlertFiring {
			return false
		}
	}
	return true
}

func (a *AlertSeen) title() string {
	if a.Summary == "" || a.Summary == a.Key {
		return a.Key
	}
	return a.Summary + " (" + a.Key + ")"
}
