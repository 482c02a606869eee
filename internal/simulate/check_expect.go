package simulate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// states are those of phases.
var states = []string{"pending", "running", "succeeded", "failed", "skipped", "cancelled"}

func (c *checker) expect(e *Expect) {
	at := c.s.places
	if e.Ends != "" {
		rest, _ := strings.CutPrefix(e.Ends, "<=")
		if _, err := ParseMoment(strings.TrimSpace(rest)); err != nil {
			c.wrong(at.Value(e, "ends"), "%v; or '<= +2h' for no later than that", err)
		}
	}
	for i := range e.Pages {
		c.person(e.Pages[i].To, at.Item(e, "pages", i))
	}
	for i := range e.Paged {
		c.person(e.Paged[i].To, at.Item(e, "paged", i))
	}
	for i, to := range e.Told {
		c.entry(to, true, at.Item(e, "told", i))
	}
	for _, id := range sortedKeys(e.Phases) {
		if c.proc != nil && !slices.Contains(c.phases, id) {
			c.wrong(at.Key(e, "phases", id), "%s has no phase %q%s", c.proc.ID, id, yamldoc.Hint(id, c.phases))
		}
		if state := e.Phases[id]; !slices.Contains(states, state) {
			c.wrong(at.Value(e, "phases", id), "%q is not one of %s%s", state, strings.Join(states, ", "), suggestion(state, states))
		}
	}
	for _, id := range sortedKeys(e.Steps) {
		c.step(id, at.Key(e, "steps", id))
	}
	for key, list := range map[string][]string{"not_run": e.NotRun, "undone": e.Undone, "left": e.Left} {
		for i, id := range list {
			c.step(id, at.Item(e, key, i))
		}
	}
	for _, id := range sortedKeys(e.Clocks) {
		c.clock(id, at.Key(e, "clocks", id))
	}
	for i, id := range e.Started {
		procedure, _, _ := strings.Cut(id, "/")
		if c.env.Procedures == nil {
			break
		}
		if _, ok := c.env.Procedures(procedure); !ok {
			c.wrong(at.Item(e, "started", i), "there is no procedure %q%s", procedure, yamldoc.Hint(procedure, c.env.IDs))
		}
	}
	c.empty(e)
	if e.Incident != nil {
		c.incident(e)
	}
}

// incident checks how the incident is to stand.
func (c *checker) incident(e *Expect) {
	want, at := e.Incident, func(key string) Pos { return c.s.places.Value(e, "incident", key) }
	if c.proc != nil && c.proc.Incident == nil {
		c.wrong(c.s.places.Key(e, "incident"), "%s is no incident: it has no incident block", c.proc.ID)
	}
	if want.Severity != "" {
		c.grade(want.Severity, at("severity"))
	}
	if want.Owner != "" {
		c.person(want.Owner, at("owner"))
	}
	if c.env.Org == nil || want.Level == "" {
		return
	}
	if known := sortedKeys(c.env.Org.Policies); !slices.Contains(known, want.Level) {
		c.wrong(at("level"), "org.yaml has no policy %q%s", want.Level, yamldoc.Hint(want.Level, known))
	}
}

// empty refuses what could never fail.
func (c *checker) empty(e *Expect) {
	at := c.s.places
	for key, n := range map[string]int{
		"paged": len(e.Paged), "phases": len(e.Phases), "steps": len(e.Steps), "not_run": len(e.NotRun),
		"clocks": len(e.Clocks), "timeline": len(e.Timeline),
	} {
		if n == 0 && at.Has(e, key) {
			c.wrong(at.Key(e, key), "%s is empty, and nothing of it could fail; say what is expected, or what must never happen", key)
		}
	}
	if e.Incident != nil && *e.Incident == (IncidentWant{}) {
		c.wrong(at.Key(e, "incident"), "incident is empty, and nothing of it could fail; say what is expected")
	}
	for key, parts := range map[string][]string{"findings": e.Findings, "timeline": e.Timeline} {
		for i, part := range parts {
			if strings.Trim(part, "…. ") == "" {
				c.wrong(at.Item(e, key, i), "%q is part of every line; say more of it", part)
			}
		}
	}
}

// clockIDs are the clocks that an incident has.
var clockIDs = regexp.MustCompile(`^(run|acknowledge|respond|resolve|update:[0-9]+)(#[0-9]+)?$`)

// clock checks the name of a promise: one of an incident's, or a phase or step.
func (c *checker) clock(id string, pos Pos) {
	if c.proc == nil || clockIDs.MatchString(id) {
		return
	}
	kind, name, _ := strings.Cut(id, ":")
	switch kind {
	case "phase":
		if !slices.Contains(c.phases, name) {
			c.wrong(pos, "%s has no phase %q%s", c.proc.ID, name, yamldoc.Hint(name, c.phases))
		}
		return
	case "step":
		c.step(name, pos)
		return
	}
	known := slices.Concat([]string{"run", "acknowledge", "respond", "resolve", "update:1"}, c.phases, sortedKeys(c.steps))
	if !slices.Contains(known, stepID(id)) {
		c.wrong(pos, "there is no clock %q%s", id, yamldoc.Hint(id, known))
	}
}

func (c *checker) never(n *Never) {
	given := 0
	for _, v := range []string{n.Page, n.Action, n.Step, n.Breach, n.Tell} {
		if v != "" {
			given++
		}
	}
	at := func(key string) Pos { return c.s.places.Value(n, key) }
	if given != 1 {
		c.wrong(c.s.places.Of(n), "say one thing that must not happen: page, action, step, breach or tell")
	}
	if n.Page != "" {
		c.person(n.Page, at("page"))
	}
	if n.Tell != "" {
		c.entry(n.Tell, true, at("tell"))
	}
	if n.Step != "" {
		c.step(n.Step, at("step"))
	}
	if n.Breach != "" {
		c.clock(n.Breach, at("breach"))
	}
	if n.Action != "" && c.env.Catalogue != nil {
		if _, ok := c.env.Catalogue.Action(n.Action); !ok {
			c.wrong(at("action"), "there is no action %q%s", n.Action, yamldoc.Hint(n.Action, c.env.Catalogue.Names()))
		}
	}
}
