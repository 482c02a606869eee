package sops

import (
	"slices"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// people checks everything that a procedure takes from org.yaml. Without an org only what needs none.
func (c *checker) people() {
	c.entries(c.p, "owners", c.p.Owners)
	for s := range c.p.Steps() {
		if of, fixed := s.Of.Constant(); of != "" && fixed {
			c.entry(of, c.places.Value(s, "of"), IncidentOwner)
		}
		c.entries(s, "by", s.By)
		c.policy(s, s.Policy)
		if s.Undo != nil && s.Undo.Approve != nil {
			c.entries(s.Undo.Approve, "by", s.Undo.Approve.By)
		}
	}
	if c.p.Incident != nil {
		c.grades(c.p.Incident)
	}
}

func (c *checker) entries(ptr any, key string, ids []string) {
	for i, id := range ids {
		c.entry(id, c.places.Item(ptr, key, i))
	}
}

// entry checks who is asked or decides. special are the entries allowed besides service.owner.
func (c *checker) entry(id string, at Pos, special ...string) {
	if id == ServiceOwner || id == IncidentOwner {
		switch {
		case c.p.Incident == nil:
			c.problems.Add(at, "%s is only known in a procedure with an incident block", id)
		case id == IncidentOwner && !slices.Contains(special, id):
			c.problems.Add(at, "%s can be asked, but not decide: name a role", id)
		}
		return
	}
	o := c.env.Org
	if o == nil || !idPattern.MatchString(id) || has(o.People, id) || has(o.Roles, id) || has(o.Teams, id) {
		return
	}
	known := slices.Concat(sortedKeys(o.People), sortedKeys(o.Roles), sortedKeys(o.Teams))
	c.problems.Add(at, "org.yaml has no role, team or person %q%s", id, yamldoc.Hint(id, known))
}

func (c *checker) policy(ptr any, id string) {
	if o := c.env.Org; o != nil && id != "" && !has(o.Policies, id) {
		c.problems.Add(c.places.Value(ptr, "policy"), "org.yaml has no policy %q%s", id, yamldoc.Hint(id, sortedKeys(o.Policies)))
	}
}

// grades checks what is written out in an incident block; what expressions give is seen when they run.
func (c *checker) grades(in *Incident) {
	o := c.env.Org
	if o == nil {
		return
	}
	c.policy(in, in.Policy)
	if in.Scale != "" && !has(o.Severities, in.Scale) {
		c.problems.Add(c.places.Value(in, "scale"), "org.yaml has no scale %q%s", in.Scale, yamldoc.Hint(in.Scale, sortedKeys(o.Severities)))
		return
	}
	if in.Scale == "" && !in.Severity.IsZero() && o.rules.Scale() == "" {
		c.problems.Add(c.places.Of(in), "say which scale the severity is of: scale: one of the severities in org.yaml")
		return
	}
	if id, ok := literalText(&in.Severity); ok && o.rules.Rank(in.Scale, id) < 0 {
		c.problems.Add(in.Severity.Pos, "the scale has no grade %q%s", id, yamldoc.Hint(id, gradeIDs(o.rules.grades(in.Scale))))
	}
	if id, ok := literalText(&in.Level); ok && !has(o.Policies, id) {
		c.problems.Add(in.Level.Pos, "org.yaml has no policy %q%s", id, yamldoc.Hint(id, sortedKeys(o.Policies)))
	}
	if in.Services.root == nil {
		return
	}
	for _, item := range in.Services.root.list {
		v, written := item.static()
		if id, ok := v.(string); written && ok && !has(o.Services, id) {
			c.problems.Add(item.pos, "org.yaml has no service %q%s", id, yamldoc.Hint(id, sortedKeys(o.Services)))
		}
	}
}

// literalText is a value's text when it is written out.
func literalText(v *Value) (string, bool) {
	if v.root == nil {
		return "", false
	}
	text, written := v.root.static()
	s, ok := text.(string)
	return s, ok && written
}

// sets checks the answers that become part of the incident.
func (c *checker) sets(s *Step) {
	taken := map[string]string{}
	for _, name := range sortedKeys(s.Form) {
		f := s.Form[name]
		if f.Sets == "" {
			continue
		}
		at := c.places.Value(s, "form", name, "sets")
		other, twice := taken[f.Sets]
		taken[f.Sets] = name
		switch {
		case c.p.Incident == nil:
			c.problems.Add(at, "only a procedure with an incident block has a %s to set", f.Sets)
		case twice:
			c.problems.Add(at, "field %q sets the %s already", other, f.Sets)
		case !slices.Contains([]string{"string", "text", "choice"}, f.Type):
			c.problems.Add(at, "the %s is text: a field that sets it is a string, text or choice, not %s", f.Sets, f.Type)
		default:
			c.options(f)
		}
	}
}

// options checks the choices for a severity or level.
func (c *checker) options(f FormField) {
	o := c.env.Org
	if o == nil {
		return
	}
	known, what := gradeIDs(o.rules.grades(c.p.Incident.Scale)), "the scale has no grade"
	switch f.Sets {
	case "level":
		known, what = sortedKeys(o.Policies), "org.yaml has no policy"
	case "severity":
	default:
		return
	}
	for i, option := range f.Options {
		if !slices.Contains(known, option) {
			c.problems.Add(c.places.Of(&f.Options[i]), "%s %q%s", what, option, yamldoc.Hint(option, known))
		}
	}
}
