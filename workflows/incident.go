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

// IncidentState is how an incident stands.
//
//	open ──▶ acknowledged ──▶ mitigated ──▶ resolved
//	  ▲            │                │
//	  └── silence ─┘                └─────▶ aborted (from any of them)
type IncidentState string

// The states of an incident.
const (
	IncidentOpen         IncidentState = "open"
	IncidentAcknowledged IncidentState = "acknowledged"
	IncidentMitigated    IncidentState = "mitigated"
	IncidentResolved     IncidentState = "resolved"
	IncidentAborted      IncidentState = "aborted"
)

// Over says that nobody is paged for it any more.
func (s IncidentState) Over() bool { return s == IncidentResolved || s == IncidentAborted }

// Incident is what makes a run an incident.
type Incident struct {
	State    IncidentState `json:"state"`
	Summary  string        `json:"summary"`
	Scale    string        `json:"scale,omitempty"`
	Severity string        `json:"severity,omitempty"`
	// Level is the policy that the ladder is at.
	Level          string   `json:"level"`
	Services       []string `json:"services,omitempty"`
	UserImpact     string   `json:"user_impact,omitempty"`
	BusinessImpact string   `json:"business_impact,omitempty"`
	Owner          *Party   `json:"owner,omitempty"`
	// Since is when it opened, or opened again because an alert fired after the resolution.
	Since    time.Time   `json:"since"`
	Reopened []time.Time `json:"reopened,omitempty"`
	// Acknowledged, Mitigated and Resolved are the first of their kind since then.
	Acknowledged *Deed `json:"acknowledged,omitempty"`
	Mitigated    *Deed `json:"mitigated,omitempty"`
	Resolved     *Deed `json:"resolved,omitempty"`
	// Lease is until when the owner's silence is taken for work; Checked, when they were asked whether they
	// are still on it.
	Lease   *time.Time     `json:"lease,omitempty"`
	Checked *time.Time     `json:"checked,omitempty"`
	Updates []StatusUpdate `json:"updates,omitempty"`
	Alerts  []*AlertSeen   `json:"alerts,omitempty"`
	Returns *Return        `json:"returns,omitempty"`
	Told    []string       `json:"told,omitempty"` // the stakeholder groups that know of it
	// Cadence is how often stakeholders are told.
	Cadence  sops.Duration `json:"cadence,omitempty"`
	Room     *Room         `json:"room,omitempty"`
	Involved []Party       `json:"involved,omitempty"` // who has acted on it
	// UpdateAsked says that the owner was asked for the update that is due.
	UpdateAsked bool `json:"update_asked,omitempty"`
	UpdateCount int  `json:"update_count,omitempty"` // of the clocks of updates so far
	UpdatesSent int  `json:"updates_sent,omitempty"`
	// HeldBack says that a maintenance window kept it from paging.
	HeldBack *HeldBack `json:"held_back,omitempty"`
}

// Party is a person of the org.
type Party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Unknown says that there was no org.yaml to look them up in.
	Unknown bool `json:"unknown,omitempty"`
}

// Deed is something that a person did.
type Deed struct {
	At   time.Time `json:"at"`
	By   Party     `json:"by"`
	Text string    `json:"text,omitempty"`
}

// StatusUpdate is what the stakeholders were told.
type StatusUpdate struct {
	At time.Time `json:"at"`
	By string    `json:"by,omitempty"` // name; "" for one that was drafted from the record
	// Drafted says that nobody wrote one in time.
	Drafted bool   `json:"drafted,omitempty"`
	Text    string `json:"text"`
}

// AlertSeen is an alert that belongs to the incident.
type AlertSeen struct {
	Key      string            `json:"key"`
	Status   string            `json:"status"`
	Summary  string            `json:"summary"`
	Labels   map[string]string `json:"labels,omitempty"`
	First    time.Time         `json:"first"`
	Last     time.Time         `json:"last"`
	Count    int               `json:"count"` // how often it was reported firing
	Resolved *time.Time        `json:"resolved,omitempty"`
}

// Return is a hand-over that ends by itself.
type Return struct {
	To    Party     `json:"to"`
	Until time.Time `json:"until"`
}

// pinnedRules are how the org escalates, as they were when the run began.
func (r *run) rules() *sops.Rules {
	if r.pin.Rules == nil {
		return &sops.Rules{}
	}
	return r.pin.Rules
}

// declare lays out the incident before anything else happens. What its inputs say of severity, level and
// services may be wrong: whoever starts it at night mistypes. Then it goes on with what is known, and a finding
// says so: a wrong word must not keep people from being paged.
func (r *run) declare(ctx workflow.Context) error {
	block := r.proc.Incident
	if block == nil {
		return nil
	}
	scope := r.scope(ctx, nil)
	inc := &Incident{State: IncidentOpen, Scale: orElse(block.Scale, r.rules().Scale())}
	var err error
	text := func(name string, v sops.Value) string {
		if v.IsZero() || err != nil {
			return ""
		}
		value, evalErr := v.Eval(scope)
		if evalErr != nil {
			err = expressionError("incident: "+name, evalErr)
		}
		s, _ := value.(string)
		return strings.TrimSpace(s)
	}
	inc.Severity, inc.Level = text("severity", block.Severity), text("level", block.Level)
	if err == nil {
		inc.Services, err = r.incidentServices(ctx, scope, block)
	}
	if err == nil && !block.Summary.IsZero() {
		inc.Summary, err = block.Summary.Render(scope)
	}
	if err != nil {
		return err
	}
	inc.Summary = shorten(oneLine(orElse(inc.Summary, r.record.Title)), maxSummary)
	r.record.Incident = inc
	return r.grade(ctx, inc)
}

// mistyped notes a word of the start input that org.yaml does not know.
func (r *run) mistyped(ctx workflow.Context, err error) {
	r.find(ctx, Finding{At: workflow.Now(ctx).UTC(), Severity: "warning", Check: "incident", Text: cause(err),
		Act: "people are paged all the same; say it right with orderly severity, or in the answers that are asked for"})
}

func (r *run) incidentServices(ctx workflow.Context, scope *sops.Scope, block *sops.Incident) ([]string, error) {
	if block.Services.IsZero() {
		return nil, nil
	}
	value, err := block.Services.Eval(scope)
	if err != nil {
		return nil, expressionError("incident: services", err)
	}
	items, _ := value.([]any)
	var services []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok || s == "" {
			continue
		}
		if err := r.knownServices([]string{s}); err != nil {
			r.mistyped(ctx, err)
			continue
		}
		services = append(services, s)
	}
	return services, nil
}

func (r *run) knownServices(services []string) error {
	known := workflow.DeterministicKeys(r.rules().Services)
	for _, s := range services {
		if !slices.Contains(known, s) {
			return permanent(ErrInput, "org.yaml has no service %q; it has %s", s, orElse(strings.Join(known, ", "), "none"))
		}
	}
	return nil
}

// grade checks severity and level and finds the policy that pages: the block's own, else the level, else
// the severity's, else the org's default.
func (r *run) grade(ctx workflow.Context, inc *Incident) error {
	rules := r.rules()
	var grade sops.Severity
	if inc.Severity != "" {
		var err error
		if grade, err = r.severity(inc.Scale, inc.Severity); err != nil {
			r.mistyped(ctx, err)
		}
		inc.Severity = grade.ID
	}
	if _, ok := rules.Policies[inc.Level]; !ok && inc.Level != "" {
		r.mistyped(ctx, r.noPolicy(inc.Level))
		inc.Level = ""
	}
	level := orElse(orElse(r.proc.Incident.Policy, inc.Level), orElse(grade.Policy, rules.Defaults.Policy))
	if level == "" {
		return permanent(ErrInput, "nobody would be paged: neither the procedure, the severity nor defaults.policy of org.yaml names a policy")
	}
	if _, ok := rules.Policies[level]; !ok {
		return r.noPolicy(level)
	}
	inc.Level = level
	return nil
}

func (r *run) noPolicy(id string) error {
	return permanent(ErrInput, "org.yaml has no policy %q; it has %s", id, strings.Join(workflow.DeterministicKeys(r.rules().Policies), ", "))
}

// severity finds a grade of a scale.
func (r *run) severity(scale, id string) (sops.Severity, error) {
	grades, ok := r.rules().Severities[scale]
	if !ok {
		return sops.Severity{}, permanent(ErrInput, "org.yaml has no severity scale %q; it has %s", scale,
			orElse(strings.Join(workflow.DeterministicKeys(r.rules().Severities), ", "), "none"))
	}
	var known []string
	for _, g := range grades {
		if strings.EqualFold(g.ID, id) {
			return g, nil
		}
		known = append(known, g.ID)
	}
	return sops.Severity{}, permanent(ErrInput, "the scale %s has no severity %q; it has %s", scale, id, strings.Join(known, ", "))
}

// rank is where a severity stands on its scale, 0 being the gravest; one that is not on it comes last.
func (r *run) rank(scale, id string) int {
	grades := r.rules().Severities[scale]
	for i, g := range grades {
		if g.ID == id {
			return i
		}
	}
	return len(grades)
}

// openIncident starts the promises and the paging of an incident that begins.
func (r *run) openIncident(ctx workflow.Context) {
	inc := r.record.Incident
	if inc == nil || inc.State.Over() {
		return
	}
	text := "incident opened: " + inc.Summary
	if inc.Severity != "" {
		text = "incident opened, " + inc.Severity + ": " + inc.Summary
	}
	r.event(ctx, Event{Kind: "incident", By: r.record.By, Text: text})
	opened := r.record.Started
	if m := inc.HeldBack; m != nil && m.Ended != nil {
		opened = *m.Ended
	}
	r.openPromises(ctx, opened)
	if d := inc.Acknowledged; d != nil { // while it was held back
		r.stopClock(ctx, clockAcknowledge, true)
		r.stopLadder(ctx, r.ladder(incidentLadder), d.By.Name)
	}
	r.tellLevel(ctx)
}

// openPromises starts the clocks and the ladder.
func (r *run) openPromises(ctx workflow.Context, now time.Time) {
	inc := r.record.Incident
	inc.Since = now
	r.promise(ctx, clockAcknowledge, "acknowledgement", now, r.acknowledgeWithin())
	respond, resolve := r.dueTimes(now)
	r.promiseAt(ctx, clockRespond, "first mitigation", now, respond)
	r.promiseAt(ctx, clockResolve, "resolution", now, resolve)
	r.startLadder(ctx, incidentLadder, inc.Summary, inc.Level, now)
	r.nextUpdateClock(ctx, now)
	r.showAttributes(ctx)
}

// tellLevel tells the stakeholders of the level that the incident is at, unless they were told.
func (r *run) tellLevel(ctx workflow.Context) {
	inc := r.record.Incident
	var groups []string
	for _, g := range r.rules().Policies[inc.Level].Stakeholders {
		if !slices.Contains(inc.Told, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return
	}
	inc.Told = append(inc.Told, groups...)
	message := r.newMessage(ctx, notify.KindUpdate, fmt.Sprintf("opened:%s:%d", inc.Level, len(inc.Reopened)), inc.Summary)
	message.Body = r.draft(ctx)
	if every := r.cadence(); every > 0 {
		message.Lines = []string{"You will be told how it stands every " + took(every)}
	}
	r.tell(ctx, groups, message)
}

// acknowledgeWithin is the policy's own time, else what the first tier has.
func (r *run) acknowledgeWithin() sops.Duration {
	p := r.rules().Policies[r.record.Incident.Level]
	if p.Acknowledge != 0 || len(p.Tiers) == 0 {
		return p.Acknowledge
	}
	return p.Tiers[0].Wait
}

// dueTimes are when mitigation and resolution are due for the incident's severity; zero for no promise. The
// procedure's own words win, then the severity's, then the policy's.
func (r *run) dueTimes(from time.Time) (respond, resolve time.Time) {
	block, inc, rules := r.proc.Incident, r.record.Incident, r.rules()
	grade, _ := r.severity(inc.Scale, inc.Severity)
	due := func(own sops.Duration, span sops.Span) time.Time {
		if own != 0 {
			span = sops.Span{Duration: own}
		}
		if span == (sops.Span{}) {
			return time.Time{}
		}
		return rules.Due(from, span)
	}
	if grade.Respond == (sops.Span{}) {
		grade.Respond.Duration = rules.Policies[inc.Level].Respond
	}
	return due(block.Respond, grade.Respond), due(block.Resolve, grade.Resolve)
}

// cadence is how often stakeholders are told; 0 for never. A level that says nothing keeps the pace.
func (r *run) cadence() time.Duration {
	inc := r.record.Incident
	grade, _ := r.severity(inc.Scale, inc.Severity)
	policy := r.rules().Policies[inc.Level]
	inc.Cadence = orElse(orElse(r.proc.Incident.Updates, orElse(grade.Updates, policy.Updates)), inc.Cadence)
	return time.Duration(inc.Cadence)
}

// owner is who has the incident, nil for nobody.
func (r *run) owner() *Party {
	if r.record.Incident == nil {
		return nil
	}
	return r.record.Incident.Owner
}

// open says whether the incident is still going on.
func (r *run) incidentOpen() bool {
	return r.record.Incident != nil && !r.record.Incident.State.Over()
}

// involve notes that somebody acted. A sign of life of the owner renews the lease.
func (r *run) involve(ctx workflow.Context, by Party) {
	inc := r.record.Incident
	if inc == nil {
		return
	}
	if !slices.Contains(inc.Involved, by) && len(inc.Involved) < maxParties {
		inc.Involved = append(inc.Involved, by)
	}
	if inc.Owner != nil && inc.Owner.ID == by.ID {
		r.renewLease(ctx)
	}
}

// maxSummary is how many bytes of what is wrong an incident is called by.
const maxSummary = 300

// maxParties bounds the people that a record names as involved.
const maxParties = 200

// oneLine makes text from outside one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
