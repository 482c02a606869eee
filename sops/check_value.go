package sops

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

const mappingKind = yaml.MappingNode

// condition compiles a bare expression, which gives true or false.
func (c *checker) condition(e *Expr, at place) {
	if e.from == nil {
		return
	}
	e.prog = c.expr.compile(e.from, at)
	c.expr.boolean(e.prog, e.from)
	e.from = nil
}

// template compiles the expressions of a text.
func (c *checker) template(t *Template, at place) { c.parts(t.parts, at) }

func (c *checker) parts(parts []part, at place) {
	for i := range parts {
		if p := &parts[i]; p.from != nil {
			p.prog, p.from = c.expr.compile(p.from, at), nil
		}
	}
}

// value compiles a value and checks that it fits a field. It gives the value's type as far as it is known.
func (c *checker) value(v *Value, at place, f Field) *Type {
	if v.root == nil {
		return nil
	}
	c.compileValue(v.root, at)
	c.fits(v.root, f)
	return v.root.typ()
}

func (c *checker) compileValue(n *valueNode, at place) {
	n.whole = n.expression() != nil
	c.parts(n.parts, at)
	for _, item := range n.list {
		c.compileValue(item, at)
	}
	for _, e := range n.entries {
		c.compileValue(e.value, at)
	}
}

// with compiles and checks what an action is given. want is nil when the action is not known.
func (c *checker) with(ptr any, v *Value, at place, want *Type) {
	if v.root != nil {
		c.compileValue(v.root, at)
		if v.root.kind != mappingKind {
			c.problems.Add(v.Pos, "with is a mapping of names to values")
			return
		}
	}
	if want == nil {
		return
	}
	if v.root != nil {
		c.fits(v.root, Field{Type: want})
		return
	}
	for _, f := range want.Fields {
		if !f.Optional {
			c.problems.Add(c.places.Key(ptr, "uses"), "with is missing, and in it %q", f.Name)
		}
	}
}

// typ is what a checked value is as far as it is known without running.
func (n *valueNode) typ() *Type {
	switch {
	case n.kind == yaml.SequenceNode:
		return &Type{Kind: TypeList, Elem: commonType(n.list)}
	case n.kind == mappingKind:
		return &Type{Kind: TypeMap, Elem: anyType}
	case n.parts == nil:
		return literalType(n.literal)
	case n.whole:
		if p := n.expression(); p != nil && p.prog != nil {
			return p.prog.typ
		}
		return nil // a problem was noted
	}
	return textType
}

// commonType is the type all items have, or any.
func commonType(items []*valueNode) *Type {
	var found *Type
	for _, item := range items {
		t := item.typ()
		switch {
		case t == nil || t.Kind == TypeList || t.Kind == TypeMap || t.Kind == TypeObject:
			return anyType
		case found == nil:
			found = t
		case found.Kind != t.Kind:
			return anyType
		}
	}
	if found == nil {
		return anyType
	}
	return found
}

func literalType(v any) *Type {
	switch v.(type) {
	case bool:
		return boolType
	case int64:
		return intType
	case float64:
		return &Type{Kind: TypeNumber}
	}
	return anyType
}

// fits checks a compiled value against what is wanted.
func (c *checker) fits(n *valueNode, f Field) {
	want := f.Type
	if want.Kind == TypeAny {
		return
	}
	if n.whole {
		if t := n.typ(); t != nil {
			if what := mismatch(t, want); what != "" {
				c.problems.Add(n.pos, "%s", what)
			}
		}
		return
	}
	switch {
	case n.kind == mappingKind:
		c.fitsMapping(n, want)
	case n.kind == yaml.SequenceNode:
		if want.Kind != TypeList {
			c.problems.Add(n.pos, "want %s, found a list", describeType(want))
			return
		}
		for _, item := range n.list {
			c.fits(item, Field{Type: want.Elem, Enum: f.Enum, Target: f.Target})
		}
	case n.dynamic():
		switch want.Kind {
		case TypeString, TypeDuration, TypeTime:
		default:
			c.problems.Add(n.pos, "want %s, found text with ${{ }} in it", describeType(want))
		}
	default:
		c.fitsScalar(n, f)
	}
}

func (c *checker) fitsScalar(n *valueNode, f Field) {
	v, _ := n.static()
	if v == nil && f.Optional {
		return
	}
	if err := f.Type.Check(v); err != nil {
		c.problems.Add(n.pos, "%v", err)
		return
	}
	if s, ok := v.(string); ok {
		if what := f.checkEnum(s); what != "" {
			c.problems.Add(n.pos, "%s", what)
			return
		}
		c.target(f, s, n.pos)
	}
}

func (c *checker) fitsMapping(n *valueNode, want *Type) {
	switch want.Kind {
	case TypeMap:
		for _, e := range n.entries {
			c.fits(e.value, Field{Type: want.Elem})
		}
		return
	case TypeObject:
	default:
		c.problems.Add(n.pos, "want %s, found a mapping", describeType(want))
		return
	}
	given := map[string]bool{}
	for _, e := range n.entries {
		given[e.key] = true
		f, known := want.Field(e.key)
		if !known {
			c.problems.Add(e.pos, "unknown key %q%s", e.key, yamldoc.Hint(e.key, want.fieldNames()))
			continue
		}
		c.fits(e.value, f)
	}
	for _, f := range want.Fields {
		if !f.Optional && !given[f.Name] {
			c.problems.Add(n.pos, "the key %q is missing", f.Name)
		}
	}
}

// mismatch says why what an expression gives can't be used where want is wanted, or nothing.
func mismatch(got, want *Type) string {
	if got.Kind == TypeAny || want.Kind == TypeAny || got.Kind == want.Kind && got.Elem == nil && got.Kind != TypeObject {
		return ""
	}
	wrong := fmt.Sprintf("want %s, but the expression gives %s", describeType(want), describeType(got))
	switch want.Kind {
	case TypeNumber:
		if got.Kind == TypeInt {
			return ""
		}
	case TypeInt:
		if got.Kind == TypeNumber {
			return wrong + "; use int(…)"
		}
	case TypeString:
		return wrong + "; use string(…), or put text around it"
	case TypeDuration, TypeTime:
		if got.Kind == TypeString {
			return ""
		}
	case TypeList:
		if got.Kind == TypeList && mismatch(got.Elem, want.Elem) == "" {
			return ""
		}
	case TypeMap:
		if got.Kind == TypeMap && mismatch(got.Elem, want.Elem) == "" || got.Kind == TypeObject {
			return ""
		}
	case TypeObject:
		if got.Kind == TypeMap {
			return ""
		}
		if got.Kind == TypeObject {
			return objectMismatch(got, want)
		}
	}
	return wrong
}

// objectMismatch compares objects member by member: their Go types do not matter.
func objectMismatch(got, want *Type) string {
	for _, f := range want.Fields {
		g, ok := got.Field(f.Name)
		if !ok {
			if !f.Optional {
				return fmt.Sprintf("want %s, but %s has no %q", describeType(want), describeType(got), f.Name)
			}
			continue
		}
		if what := mismatch(g.Type, f.Type); what != "" {
			return f.Name + ": " + what
		}
	}
	for _, g := range got.Fields {
		if _, ok := want.Field(g.Name); !ok {
			return fmt.Sprintf("want %s, which has no %q", describeType(want), g.Name)
		}
	}
	return ""
}
