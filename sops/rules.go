package sops

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// ServiceOwner is the entry that stands for the owners of an incident's services, and IncidentOwner, in
// `of`, the one that stands for whoever owns the incident.
const (
	ServiceOwner  = "service.owner"
	IncidentOwner = "incident.owner"
)

// Rules are what a run pins of the org. They are the same for the same text, and not to be changed.
func (o *Org) Rules() Rules { return o.rules }

// makeRules takes the rules out of an org that has no problem.
func makeRules(o *Org) (Rules, error) {
	r := Rules{Policies: o.Policies, Severities: o.Severities, Services: o.Services, Calendars: o.Calendars, Defaults: o.Defaults}
	text, err := json.Marshal(r) // maps are written in the order of their keys
	if err != nil {
		return Rules{}, fmt.Errorf("rules of %s: %w", o.File, err)
	}
	sum := sha256.Sum256(text)
	r.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return r, nil
}

// Policy finds a policy; "" is the default one.
func (r Rules) Policy(id string) (Policy, bool) {
	if id == "" {
		id = r.Defaults.Policy
	}
	p, ok := r.Policies[id]
	return p, ok
}

// Scale is the severity scale that counts where none is named: the default one, or the only one, or "".
func (r Rules) Scale() string {
	if r.Defaults.Scale == "" && len(r.Severities) == 1 {
		return sortedKeys(r.Severities)[0]
	}
	return r.Defaults.Scale
}

// Severity finds a grade of a scale; "" is the default scale.
func (r Rules) Severity(scale, id string) (Severity, bool) {
	if n := r.Rank(scale, id); n >= 0 {
		return r.grades(scale)[n], true
	}
	return Severity{}, false
}

// Rank is the place of a grade in its scale, 0 the gravest; -1 when the scale has no such grade.
func (r Rules) Rank(scale, id string) int {
	return slices.IndexFunc(r.grades(scale), func(s Severity) bool { return s.ID == id })
}

func (r Rules) grades(scale string) []Severity {
	if scale == "" {
		scale = r.Scale()
	}
	return r.Severities[scale]
}

// Due is when a span that begins at from is over. The next business day is the first one after the day of
// from in the default calendar, and it is over when business ends; without a calendar that is 17:00 UTC
// from Monday to Friday.
func (r Rules) Due(from time.Time, s Span) time.Time {
	if !s.NextBusinessDay {
		return from.Add(s.Duration.D())
	}
	b, err := newBusinessTime(r.calendar())
	if err != nil {
		b, _ = newBusinessTime(withoutCalendar) // only rules that ParseOrg never saw
	}
	return b.endOfNextDay(from).UTC()
}

func (r Rules) calendar() Calendar {
	id := r.Defaults.Calendar
	if id == "" && len(r.Calendars) == 1 {
		id = sortedKeys(r.Calendars)[0]
	}
	if c, ok := r.Calendars[id]; ok {
		return c
	}
	return withoutCalendar
}

// Owners are the roles, teams and people that own services, each once, in the order of the services.
// Services that the org does not know have none.
func (r Rules) Owners(services []string) []string {
	var owners []string
	for _, id := range services {
		if s, ok := r.Services[id]; ok && !slices.Contains(owners, s.Owner) {
			owners = append(owners, s.Owner)
		}
	}
	return owners
}
