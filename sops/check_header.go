package sops

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a file means the same on a machine without zone data

	"github.com/robfig/cron/v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

var coversPattern = regexp.MustCompile(`^[A-Z]{1,6}-[0-9]{1,4}[a-z]?$`)

// header checks what stands before the phases.
func (c *checker) header() {
	p := c.p
	if p.ID != "" {
		if c.id(p, "sop", p.ID, procedureIDPattern, "small letters, digits and single dashes") && path.Base(p.File) != p.ID+".yaml" {
			c.problems.Add(c.places.Value(p, "sop"), "the file of %q has to be called %s.yaml, not %s", p.ID, p.ID, path.Base(p.File))
		}
	}
	c.empty(p, "title", p.Title)
	c.owners(p, "owners", p.Owners)
	c.covers(p, p.Covers)
	c.positive(p, "freshness", p.Freshness)
	c.positive(p, "within", p.Within)
	if c.places.Has(p, "phases") && len(p.Phases) == 0 {
		c.problems.Add(c.places.Key(p, "phases"), "a procedure needs at least one phase")
	}
}

// id checks the shape of an id.
func (c *checker) id(ptr any, key, id string, pattern *regexp.Regexp, shape string) bool {
	switch {
	case len(id) > maxID:
		c.problems.Add(c.places.Value(ptr, key), "an id has at most %d characters, this one %d", maxID, len(id))
	case !pattern.MatchString(id):
		c.problems.Add(c.places.Value(ptr, key), "%q is not an id: it begins with a small letter and has %s", id, shape)
	default:
		return true
	}
	return false
}

// empty refuses a text that is there but says nothing.
func (c *checker) empty(ptr any, key, value string) {
	if c.places.IsText(ptr, key) && strings.TrimSpace(value) == "" {
		c.problems.Add(c.places.Value(ptr, key), "%s is empty", key)
	}
}

func (c *checker) owners(ptr any, key string, roles []string) {
	for i, r := range roles {
		if r != ServiceOwner && r != IncidentOwner && (!idPattern.MatchString(r) || len(r) > maxID) {
			c.problems.Add(c.places.Item(ptr, key, i), "%q is not the id of a role or person", r)
		}
		if slices.Contains(roles[:i], r) {
			c.problems.Add(c.places.Item(ptr, key, i), "%q is listed twice", r)
		}
	}
}

func (c *checker) covers(ptr any, rows []string) {
	for i, r := range rows {
		if !coversPattern.MatchString(r) {
			c.problems.Add(c.places.Item(ptr, "covers", i), "%q is not a row of the written procedure; write it like WM-1", r)
		}
		if slices.Contains(rows[:i], r) {
			c.problems.Add(c.places.Item(ptr, "covers", i), "%q is listed twice", r)
		}
	}
}

// positive refuses a duration that is given as nothing.
func (c *checker) positive(ptr any, key string, d Duration) {
	if c.places.Has(ptr, key) && d == 0 && isZeroText(c.places.Text(ptr, key)) {
		c.problems.Add(c.places.Value(ptr, key), "%s has to be longer than nothing; remove the key if it is not wanted", key)
	}
}

// isZeroText tells a duration of zero from one that could not be read, which was reported.
func isZeroText(s string) bool {
	_, err := ParseDuration(s)
	return err == nil
}

func (c *checker) inputs() {
	t := &Type{Kind: TypeObject, Name: "inputs"}
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.p.Inputs)) {
		in := c.p.Inputs[name]
		at := c.places.Key(c.p, "inputs", name)
		switch other, twice := taken[identifier(name)]; {
		case !idPattern.MatchString(name) || len(name) > maxID:
			c.problems.Add(at, "%q is not the name of an input: it begins with a small letter and has small letters, digits, - and _", name)
		case twice:
			c.problems.Add(at, "inputs %q and %q are the same in expressions; rename one", other, name)
		}
		taken[identifier(name)] = name
		f := inputField(name, in)
		t.Fields = append(t.Fields, f)
		c.input(name, in, f)
	}
	c.p.inputs, c.expr.names.inputs = t, t
	c.expr.dashed.inputs = dashedOf(slices.Collect(maps.Keys(c.p.Inputs)))
}

// inputField is an input as a member of `inputs`.
func inputField(name string, in Input) Field {
	f := Field{Name: identifier(name), key: name, Doc: in.Description, Target: in.Target,
		Type: &Type{Kind: TypeKind(in.Type)}, Optional: in.Default != nil || !in.Required}
	switch f.Type.Kind {
	case TypeList, TypeMap:
		f.Type.Elem = &Type{Kind: TypeAny}
	case "":
		f.Type.Kind = TypeAny
	}
	for _, e := range in.Enum {
		if s, ok := e.(string); ok {
			f.Enum = append(f.Enum, s)
		}
	}
	return f
}

func (c *checker) input(name string, in Input, f Field) {
	at := func(key string) Pos { return c.places.Value(c.p, "inputs", name, key) }
	if in.Required && in.Default != nil {
		c.problems.Add(at("required"), "an input with a default is never missing; remove required or default")
	}
	if in.Target != "" && in.Type != string(TypeString) {
		c.problems.Add(at("target"), "only a string names a target")
	}
	for _, e := range in.Enum {
		if err := f.Type.Check(e); err != nil {
			c.problems.Add(at("enum"), "%v", err)
		}
	}
	if in.Default == nil {
		return
	}
	if err := checkInput(in, f, in.Default); err != nil {
		c.problems.Add(at("default"), "%v", err)
		return
	}
	if s, ok := in.Default.(string); ok {
		c.target(f, s, at("default"))
	}
}

// target checks the name of a target.
func (c *checker) target(f Field, name string, at Pos) {
	switch {
	case f.Target == "" || name == "":
	case f.Target == "command":
		if c.env.Commands != nil && !slices.Contains(c.env.Commands, name) {
			c.problems.Add(at, "orderly.yaml allows no command %q under exec%s", name, yamldoc.Hint(name, c.env.Commands))
		}
	case c.env.Targets != nil && !slices.Contains(c.env.Targets[f.Target], name):
		c.problems.Add(at, "orderly.yaml has no %s target %q%s", f.Target, name, yamldoc.Hint(name, c.env.Targets[f.Target]))
	}
}

func (c *checker) schedules() {
	seen := map[string]bool{}
	for i := range c.p.Schedules {
		s := &c.p.Schedules[i]
		if s.ID != "" && c.id(s, "id", s.ID, idPattern, "small letters, digits, - and _") && seen[s.ID] {
			c.problems.Add(c.places.Value(s, "id"), "schedule %q is there twice", s.ID)
		}
		seen[s.ID] = true
		if s.Cron != "" {
			if err := checkCron(s.Cron); err != nil {
				c.problems.Add(c.places.Value(s, "cron"), "%v", err)
			}
		}
		c.timeZone(s, "time_zone", s.TimeZone)
		c.positive(s, "catchup", s.Catchup)
		c.positive(s, "jitter", s.Jitter)
		c.scheduleInputs(s)
	}
}

// scheduleInputs checks what a schedule starts the procedure with.
func (c *checker) scheduleInputs(s *Schedule) {
	for _, name := range slices.Sorted(maps.Keys(s.With)) {
		in, known := c.p.Inputs[name]
		if !known {
			c.problems.Add(c.places.Key(s, "with", name), "no input %q%s", name, yamldoc.Hint(name, slices.Collect(maps.Keys(c.p.Inputs))))
			continue
		}
		f := inputField(name, in)
		if err := checkInput(in, f, s.With[name]); err != nil {
			c.problems.Add(c.places.Value(s, "with", name), "%v", err)
		} else if text, ok := s.With[name].(string); ok {
			c.target(f, text, c.places.Value(s, "with", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.p.Inputs)) {
		if _, given := s.With[name]; c.p.Inputs[name].Required && !given {
			c.problems.Add(c.places.Of(s), "the schedule gives no %q, which is required", name)
		}
	}
}

func (c *checker) timeZone(ptr any, key, zone string) {
	if !c.places.Has(ptr, key) {
		return
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		c.problems.Add(c.places.Value(ptr, key), "%q is not a time zone; write it like Europe/Berlin or UTC", zone)
	}
}

// checkCron checks a cron expression as Temporal reads it: five fields, or @daily and the like.
func checkCron(s string) error {
	if strings.Contains(s, "TZ=") {
		return fmt.Errorf("%q: the zone goes into time_zone", s)
	}
	sched, err := cron.ParseStandard(s)
	if err != nil {
		return fmt.Errorf("%q is not a cron expression (minute hour day month weekday): %w", s, err)
	}
	fixed := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // the answer must not depend on the day
	if sched.Next(fixed).IsZero() {
		return fmt.Errorf("%q never comes", s)
	}
	return nil
}

func (c *checker) incident(in *Incident) {
	at := place{}
	text, list := &Type{Kind: TypeString}, &Type{Kind: TypeList, Elem: &Type{Kind: TypeString}}
	c.value(&in.Severity, at, Field{Type: text})
	c.value(&in.Level, at, Field{Type: text})
	c.value(&in.Services, at, Field{Type: list})
	c.template(&in.Summary, at)
	c.template(&in.Channel, at)
	c.positive(in, "respond", in.Respond)
	c.positive(in, "resolve", in.Resolve)
	c.positive(in, "updates", in.Updates)
}

func (c *checker) maintenance(m *Maintenance) {
	c.value(&m.Services, place{}, Field{Type: &Type{Kind: TypeList, Elem: &Type{Kind: TypeString}}})
	if c.p.Within == 0 && !c.places.Has(c.p, "within") {
		c.problems.Add(c.places.Key(c.p, "maintenance"), "maintenance needs within on the procedure: incidents are held back no longer than that")
	}
	if c.p.Incident != nil {
		c.problems.Add(c.places.Key(c.p, "maintenance"), "an incident is no maintenance: take away maintenance or incident")
	}
}
