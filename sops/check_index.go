package sops

import (
	"maps"
	"slices"
)

// index finds every step and what it gives, and checks ids. It is false when there are too many steps to
// go on.
func (c *checker) index() bool {
	seen := map[string]bool{}
	for i := range c.p.Phases {
		ph := &c.p.Phases[i]
		ph.Pos = c.places.Of(ph)
		if ph.ID != "" && c.id(ph, "id", ph.ID, idPattern, "small letters, digits, - and _") && seen[ph.ID] {
			c.problems.Add(c.places.Value(ph, "id"), "phase %q is there twice", ph.ID)
		}
		seen[ph.ID] = true
	}
	x := indexer{checker: c, taken: map[string]string{}, all: &Type{Kind: TypeObject, Name: "steps"}}
	for i := range c.p.Phases {
		x.steps(c.p.Phases[i].Steps, 1, "")
	}
	if c.p.Rollback != nil {
		x.steps(c.p.Rollback.Then, 1, "")
	}
	x.steps(c.p.Finally, 1, "")
	if x.count > maxSteps {
		c.problems.Add(Pos{File: c.p.File}, "%d steps; a procedure has at most %d, split it with run", x.count, maxSteps)
		return false
	}
	c.expr.names.steps = x.all
	c.expr.dashed.steps = dashedOf(slices.Sorted(maps.Keys(c.expr.steps)))
	return true
}

type indexer struct {
	*checker
	count int
	taken map[string]string // by name in expressions
	all   *Type
}

// steps indexes a sequence and gives the members of its steps. each is the `each` it stands in.
func (x *indexer) steps(steps []Step, depth int, each string) []Field {
	var fields []Field
	for i := range steps {
		s := &steps[i]
		s.Pos = x.places.Of(s)
		x.count++
		if depth == maxNesting+1 {
			x.problems.Add(s.Pos, "steps are nested more than %d deep; split the procedure with run", maxNesting)
		}
		inside := each
		if s.Each != nil {
			inside = s.ID
		}
		inner := x.steps(s.Children(), depth+1, inside)
		f := Field{Name: identifier(s.ID), key: s.ID, Type: stepType(s.ID, x.outputs(s, inner))}
		if s.ID != "" && x.stepID(s) {
			x.expr.steps[s.ID] = &stepInfo{step: s, each: each}
			x.all.Fields = append(x.all.Fields, f)
		}
		fields = append(fields, f)
		if s.Each == nil {
			fields = append(fields, inner...)
		}
	}
	return fields
}

func (x *indexer) stepID(s *Step) bool {
	name := identifier(s.ID)
	other, twice := x.taken[name]
	switch {
	case !x.id(s, "id", s.ID, idPattern, "small letters, digits, - and _"):
		return false
	case slices.Contains([]string{"in", "true", "false", "null"}, s.ID):
		x.problems.Add(x.places.Value(s, "id"), "%q means something in expressions; choose another id", s.ID)
		return false
	case twice && other == s.ID:
		first := x.expr.steps[s.ID].step
		x.problems.Add(x.places.Value(s, "id"), "step %q is there twice, first in line %d", s.ID, x.places.Of(first).Line)
		return false
	case twice:
		x.problems.Add(x.places.Value(s, "id"), "steps %q and %q are the same in expressions; rename one", other, s.ID)
		return false
	}
	x.taken[name] = s.ID
	return true
}

// stepType is a step as expressions see it.
func stepType(id string, outputs *Type) *Type {
	return &Type{Kind: TypeObject, Name: "step " + id, Fields: []Field{
		{Name: "status", Type: textType}, {Name: "error", Type: textType}, {Name: "outputs", Type: outputs},
	}}
}

var (
	textType = &Type{Kind: TypeString}
	boolType = &Type{Kind: TypeBool}
	intType  = &Type{Kind: TypeInt}
	anyType  = &Type{Kind: TypeAny}

	findingType = &Type{Kind: TypeObject, Name: "finding", Fields: []Field{
		{Name: "severity", Type: textType}, {Name: "check", Type: textType},
		{Name: "text", Type: textType}, {Name: "act", Type: textType, Optional: true},
	}}
)

// outputs is what a step gives. inner are the members of the steps inside it.
func (x *indexer) outputs(s *Step, inner []Field) *Type {
	o := &Type{Kind: TypeObject, Name: "outputs of " + s.ID}
	switch s.Kind() {
	case KindUses:
		if x.env.Catalogue == nil {
			return anyType
		}
		a, ok := x.env.Catalogue.Action(s.Uses)
		if !ok || a.Output == nil {
			return anyType
		}
		return a.Output
	case KindAsk:
		for _, name := range slices.Sorted(maps.Keys(s.Form)) {
			o.Fields = append(o.Fields, Field{Name: name, Type: s.Form[name].valueType()})
		}
		o.Fields = append(o.Fields, Field{Name: "by", Type: textType}, Field{Name: "at", Type: timeOf})
	case KindApprove:
		o.Fields = []Field{{Name: "approved", Type: boolType}, {Name: "by", Type: &Type{Kind: TypeList, Elem: textType}}, {Name: "reason", Type: textType}}
	case KindEach:
		item := &Type{Kind: TypeObject, Name: "item of " + s.ID, Fields: []Field{
			{Name: "item", Type: anyType}, {Name: "status", Type: textType}, {Name: "error", Type: textType},
			{Name: "steps", Type: &Type{Kind: TypeObject, Name: "steps of " + s.ID, Fields: inner}},
		}}
		o.Fields = []Field{{Name: "items", Type: &Type{Kind: TypeList, Elem: item}}}
	case KindRepeat:
		o.Fields = []Field{{Name: "count", Type: intType}, {Name: "met", Type: boolType}}
	case KindRun:
		o.Fields = []Field{{Name: "workflow_id", Type: textType}, {Name: "run_id", Type: textType}, {Name: "state", Type: textType},
			{Name: "findings", Type: &Type{Kind: TypeList, Elem: findingType}}}
	case KindStart:
		o.Fields = []Field{{Name: "workflow_id", Type: textType}, {Name: "run_id", Type: textType}, {Name: "joined", Type: boolType}}
	}
	return o
}

// valueType is what an answer reads as.
func (f FormField) valueType() *Type {
	switch f.Type {
	case "int", "number", "bool", "time":
		return &Type{Kind: TypeKind(f.Type)}
	}
	return textType
}
