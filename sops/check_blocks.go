package sops

import (
	"cmp"
	"maps"
	"slices"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// parallel checks steps that run side by side: none sees another, all are seen afterwards.
func (c *checker) parallel(s *Step, at place) []string {
	if len(s.Parallel) == 0 {
		c.problems.Add(c.places.Key(s, "parallel"), "parallel has no steps")
	}
	var after []string
	for i := range s.Parallel {
		branch := at
		branch.siblings = slices.Clip(at.siblings)
		for j := range s.Parallel {
			if j != i {
				eachStep(s.Parallel[j:j+1], func(o *Step) bool { branch.siblings = append(branch.siblings, o.ID); return true })
			}
		}
		after = append(after, c.step(&s.Parallel[i], branch)...)
	}
	return after
}

// each checks the steps done for every item, which see each other and the item.
func (c *checker) each(s *Step, at place) {
	e := s.Each
	in := c.value(&e.In, at, Field{Type: anyType})
	item := c.itemType(e, in)
	if info := c.expr.steps[s.ID]; info != nil {
		c.setItemType(s, item)
	}
	if c.places.Has(e, "steps") && len(e.Steps) == 0 {
		c.problems.Add(c.places.Key(e, "steps"), "each has no steps")
	}
	const most = 100
	if c.places.Has(e, "at_once") && (e.AtOnce < 1 || e.AtOnce > most) {
		c.problems.Add(c.places.Value(e, "at_once"), "at_once is 1 to %d", most)
	}
	inner := at
	inner.vars = slices.DeleteFunc(slices.Clone(at.vars), func(v variable) bool { return v.name == "item" })
	if e.As != "" && c.loopVariable(e, at) {
		inner.vars = append(inner.vars, variable{e.As, item})
	}
	inner.vars = append(inner.vars, variable{"item", item})
	c.sequence(e.Steps, inner)
}

// loopVariable checks the name of an each's item.
func (c *checker) loopVariable(e *Each, at place) bool {
	where := c.places.Value(e, "as")
	switch {
	case !c.id(e, "as", e.As, idPattern, "small letters, digits, - and _"):
		return false
	case slices.Contains(builtins, e.As) || e.As == "item" || reserved[e.As]:
		c.problems.Add(where, "%q has a meaning already; choose another name", e.As)
		return false
	case slices.ContainsFunc(at.vars, func(v variable) bool { return identifier(v.name) == identifier(e.As) }):
		c.problems.Add(where, "%q is the item of an outer each; choose another name", e.As)
		return false
	}
	return true
}

// reserved are the words CEL keeps for itself.
var reserved = map[string]bool{
	"as": true, "break": true, "const": true, "continue": true, "else": true, "false": true, "for": true,
	"function": true, "if": true, "import": true, "in": true, "let": true, "loop": true, "package": true,
	"namespace": true, "null": true, "return": true, "true": true, "var": true, "void": true, "while": true,
}

// itemType is the type of the items of a list. in is the type of the whole expression, when it is one.
func (c *checker) itemType(e *Each, in *Type) *Type {
	switch {
	case e.In.root == nil || in == nil:
		return anyType
	case in.Kind == TypeList:
		return in.Elem
	case in.Kind == TypeAny && e.In.root.dynamic():
		return anyType
	}
	c.problems.Add(e.In.Pos, "each goes over a list, but this is %s", describeType(in))
	return anyType
}

// setItemType tells expressions after the each what its items are.
func (c *checker) setItemType(s *Step, item *Type) {
	f, ok := c.expr.names.steps.Field(identifier(s.ID))
	if !ok {
		return
	}
	outputs, _ := f.Type.Field("outputs")
	items, ok := outputs.Type.Field("items")
	if ok {
		items.Type.Elem.Fields[0].Type = item
	}
}

// repeat checks steps done until something holds. Its steps are seen afterwards, as of the last round.
func (c *checker) repeat(s *Step, at place) []string {
	r := s.Repeat
	c.positive(r, "every", r.Every)
	c.positive(r, "for", r.For)
	if r.Until.IsZero() && !c.places.Has(r, "for") && !c.places.Has(r, "until") {
		c.problems.Add(c.places.Of(r), "repeat needs until or for, else it never ends")
	}
	if c.places.Has(r, "steps") && len(r.Steps) == 0 {
		c.problems.Add(c.places.Key(r, "steps"), "repeat has no steps")
	}
	inner := at
	inner.repeated = true
	inner.visible = c.sequence(r.Steps, inner)
	c.condition(&r.Until, inner)
	return inner.visible[len(at.visible):]
}

func (c *checker) wait(s *Step, at place) {
	w := s.Wait
	if s.Wait.Duration == 0 && c.places.Has(s, "wait") && isZeroText(c.places.Text(s, "wait")) {
		c.problems.Add(c.places.Value(s, "wait"), "a wait has to be longer than nothing")
	}
	c.positive(w, "duration", w.Duration)
	c.value(&w.Until, at, Field{Type: timeOf})
	if w.For != "" && c.p.Incident == nil {
		c.problems.Add(c.places.Value(w, "for"), "only a procedure with an incident block is %s", w.For)
	}
}

// procedure checks `run` and `start`. What the other procedure takes is looked at once all are read.
func (c *checker) procedure(s *Step, at place) {
	c.with(s, &s.With, at, nil)
	id, key := s.Run, "run"
	if s.Start != "" {
		id, key = s.Start, "start"
	}
	where := c.places.Value(s, key)
	if !procedureIDPattern.MatchString(id) {
		c.problems.Add(where, "%q is not the id of a procedure", id)
		return
	}
	missing := c.places.Of(s)
	if c.places.Has(s, "with") {
		missing = c.places.Key(s, "with")
	}
	c.later = append(c.later, func(find func(string) (*Procedure, bool)) {
		other, ok := find(id)
		switch {
		case ok:
			c.startInputs(s, other, missing)
		case s.IfMissing != "finding":
			c.problems.Add(where, "no procedure %q; with if_missing: finding that is only noted", id)
		}
	})
}

// startInputs checks `with` against the inputs of the procedure that is started.
func (c *checker) startInputs(s *Step, other *Procedure, at Pos) {
	root := s.With.root
	if root == nil {
		root = &valueNode{pos: at, kind: mappingKind}
	}
	if root.kind != mappingKind {
		return // reported
	}
	given := map[string]bool{}
	for _, e := range root.entries {
		in, known := other.Inputs[e.key]
		if !known {
			c.problems.Add(e.pos, "%s has no input %q%s", other.ID, e.key, yamldoc.Hint(e.key, sortedKeys(other.Inputs)))
			continue
		}
		given[e.key] = true
		c.fits(e.value, inputField(e.key, in))
	}
	for _, name := range sortedKeys(other.Inputs) {
		if other.Inputs[name].Required && !given[name] {
			c.problems.Add(at, "%s needs the input %q", other.ID, name)
		}
	}
}

// runCycles finds procedures that wait for themselves.
func (c *checker) runCycles() {
	c.later = append(c.later, func(find func(string) (*Procedure, bool)) {
		for s := range c.p.Steps() {
			if s.Run == "" {
				continue
			}
			if path := runPath(s.Run, c.p.ID, find, map[string]bool{}); path != "" {
				c.problems.Add(c.places.Value(s, "run"), "%s runs itself: %s → %s", c.p.ID, c.p.ID, path)
			}
		}
	})
}

// runPath gives the way from one procedure to another over `run`, or nothing.
func runPath(from, to string, find func(string) (*Procedure, bool), seen map[string]bool) string {
	if from == to {
		return to
	}
	p, ok := find(from)
	if !ok || seen[from] {
		return ""
	}
	seen[from] = true
	for s := range p.Steps() {
		if s.Run == "" {
			continue
		}
		if rest := runPath(s.Run, to, find, seen); rest != "" {
			return from + " → " + rest
		}
	}
	return ""
}
