package sops

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// transports are what a tier may go over.
var transports = []string{"slack", "email", "webhook", "console"}

var gradePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// longest is the longest promise that is taken for one; more is a slip.
const longestPromise = Duration(366 * 24 * 3600e9)

// promise refuses a duration that is given as nothing, and one of more than a year.
func (c *orgChecker) promise(ptr any, path []string, d Duration) {
	at, key := c.places.Value(ptr, path...), path[len(path)-1]
	switch n := c.places.Node(ptr); {
	case d > longestPromise:
		c.problems.Add(at, "%s is longer than a year", key)
	case d == 0 && n != nil && given(n, path) && isZeroText(c.text(ptr, path)):
		c.problems.Add(at, "%s has to be longer than nothing; remove the key if it is not wanted", key)
	}
}

func (c *orgChecker) scale(id string, grades []Severity) {
	if len(grades) == 0 || len(grades) > maxGrades {
		c.problems.Add(c.places.Key(&c.org.Severities, id), "scale %q has %d grades; it needs 1 to %d", id, len(grades), maxGrades)
	}
	seen := map[string]bool{}
	for i := range grades {
		s := &grades[i]
		switch {
		case s.ID == "":
		case !gradePattern.MatchString(s.ID) || len(s.ID) > maxID:
			c.problems.Add(c.places.Value(s, "id"), "%q is not the name of a grade; write it like P1", s.ID)
		case seen[s.ID]:
			c.problems.Add(c.places.Value(s, "id"), "grade %q is there twice", s.ID)
		}
		seen[s.ID] = true
		c.policyRef(c.places.Value(s, "policy"), s.Policy)
		c.promise(s, []string{"updates"}, s.Updates)
		c.span(s, "respond", s.Respond)
		c.span(s, "resolve", s.Resolve)
		if !s.Respond.NextBusinessDay && s.Resolve.Duration > 0 && s.Respond.Duration > s.Resolve.Duration {
			c.problems.Add(c.places.Value(s, "resolve"), "the resolution is due before the first mitigation")
		}
	}
}

func (c *orgChecker) span(s *Severity, key string, v Span) {
	if !v.NextBusinessDay {
		c.promise(s, []string{key}, v.Duration)
	}
}

// policyRef checks the name of a policy; "" names none.
func (c *orgChecker) policyRef(at Pos, id string) {
	if id != "" && !has(c.org.Policies, id) {
		c.problems.Add(at, "there is no policy %q%s", id, yamldoc.Hint(id, sortedKeys(c.org.Policies)))
	}
}

func (c *orgChecker) policy(id string, p Policy) {
	at := func(key string) Pos { return c.places.Value(&c.org.Policies, id, key) }
	switch {
	case len(p.Tiers) == 0 && given(c.places.Node(&c.org.Policies), []string{id, "tiers"}):
		c.problems.Add(at("tiers"), "policy %q has no tiers: it would page nobody", id)
	case len(p.Tiers) > maxTiers:
		c.problems.Add(at("tiers"), "policy %q has more than %d tiers", id, maxTiers)
	}
	for i := range p.Tiers {
		c.tier(&p.Tiers[i], "policy "+id)
	}
	for i := range p.Channels {
		c.refer(member{id: p.Channels[i], at: c.places.Of(&p.Channels[i]), allow: []string{"a channel"}}, "")
	}
	for i := range p.Stakeholders {
		c.refer(member{id: p.Stakeholders[i], at: c.places.Of(&p.Stakeholders[i]), allow: []string{"a group of stakeholders"}}, "")
	}
	for _, d := range []struct {
		key string
		d   Duration
	}{{"updates", p.Updates}, {"acknowledge", p.Acknowledge}, {"respond", p.Respond}, {"lease", p.Lease}} {
		c.promise(&c.org.Policies, []string{id, d.key}, d.d)
	}
	c.policyRef(at("next"), p.Next)
}

func (c *orgChecker) tier(t *Tier, where string) {
	if len(t.Page) == 0 && c.places.Has(t, "page") {
		c.problems.Add(c.places.Key(t, "page"), "the tier pages nobody; list roles, teams, people or %s", ServiceOwner)
	}
	c.members(t.Page, member{allow: asked, owner: true}, where)
	for i, via := range t.Via {
		at := c.places.Of(&t.Via[i])
		switch {
		case !slices.Contains(transports, via):
			c.problems.Add(at, "%q is not a way to page; there are %s%s", via, strings.Join(transports, ", "), hint(via, transports))
		case slices.Contains(t.Via[:i], via):
			c.problems.Add(at, "%q is listed twice", via)
		}
	}
	if c.places.Has(t, "via") && len(t.Via) == 0 {
		c.problems.Add(c.places.Key(t, "via"), "via lists nothing; remove it to page over everything that reaches the person")
	}
	c.promise(t, []string{"wait"}, t.Wait)
}

// ladders finds policies that follow themselves: there would be no top.
func (c *orgChecker) ladders() {
	next := func(id string) []string {
		if n := c.org.Policies[id].Next; n != "" {
			return []string{n}
		}
		return nil
	}
	at := func(id string) Pos { return c.places.Value(&c.org.Policies, id, "next") }
	c.circles(sortedKeys(c.org.Policies), at, next, "policies follow each other in a circle: %s; the last one has no next, its last tier is paged again and again")
}

func (c *orgChecker) calendar(id string, cal Calendar) {
	at := func(key string) Pos { return c.places.Value(&c.org.Calendars, id, key) }
	c.zone(at, cal.TimeZone)
	for i, d := range cal.Holidays {
		if !d.IsZero() && slices.Contains(cal.Holidays[:i], d) {
			c.problems.Add(c.places.Of(&cal.Holidays[i]), "%s is listed twice", d)
		}
	}
	if cal.Hours == "" {
		return // missing, or no text
	}
	if _, err := newBusinessTime(cal); err != nil {
		c.problems.Add(at("hours"), "%v", err)
	}
}

func (c *orgChecker) defaults() {
	o, d := c.org, &c.org.Defaults
	c.policyRef(c.places.Value(d, "policy"), d.Policy)
	if d.Scale != "" && !has(o.Severities, d.Scale) {
		c.problems.Add(c.places.Value(d, "scale"), "there is no scale %q%s", d.Scale, yamldoc.Hint(d.Scale, sortedKeys(o.Severities)))
	}
	if d.Calendar != "" && !has(o.Calendars, d.Calendar) {
		c.problems.Add(c.places.Value(d, "calendar"), "there is no calendar %q%s", d.Calendar, yamldoc.Hint(d.Calendar, sortedKeys(o.Calendars)))
	}
	if d.Calendar == "" && len(o.Calendars) > 1 && !c.places.Has(d, "calendar") {
		c.problems.Add(c.places.Key(o, "calendars"), "there are several calendars; say which one counts for next-business-day with defaults: {calendar: …}")
	}
}

// text is the scalar under a path as it is written, or "".
func (c *orgChecker) text(ptr any, path []string) string {
	n := c.places.Node(ptr)
	for _, key := range path {
		if n = valueOf(n, key); n == nil {
			return ""
		}
	}
	return n.Value
}

// given says whether there is something under a path.
func given(n *yaml.Node, path []string) bool {
	for _, key := range path {
		if n = valueOf(n, key); n == nil {
			return false
		}
	}
	return n != nil
}

func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for k, v := range yamldoc.Pairs(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}
