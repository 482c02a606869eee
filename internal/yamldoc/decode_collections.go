package yamldoc

import (
	"math"
	"reflect"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Any reads a node as JSON would hold it: map[string]any, []any, string, bool, int64, float64, nil.
func (d *Decoder) Any(n *yaml.Node) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		out, ok := make(map[string]any, len(n.Content)/2), true
		for k, c := range Pairs(n) {
			v, good := d.Any(c)
			out[k.Value], ok = v, ok && good
		}
		return out, ok
	case yaml.SequenceNode:
		out, ok := make([]any, len(n.Content)), true
		for i, c := range n.Content {
			v, good := d.Any(c)
			out[i], ok = v, ok && good
		}
		return out, ok
	}
	return d.anyScalar(n)
}

func (d *Decoder) anyScalar(n *yaml.Node) (any, bool) {
	switch n.Tag {
	case "!!null":
		return nil, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int":
		var i int64
		if n.Decode(&i) != nil {
			d.Problem(n, "%s does not fit into 64 bits; put it in quotes", n.Value)
			return nil, false
		}
		return i, true
	case "!!float":
		var f float64
		if n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.Problem(n, "%s is not a number JSON can hold; put it in quotes", n.Value)
			return nil, false
		}
		return f, true
	}
	return n.Value, true
}

// Pairs ranges over a mapping's keys and values in the order of the file.
func Pairs(n *yaml.Node) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func (d *Decoder) mapping(n *yaml.Node, v reflect.Value, enum []string) {
	if n.Kind != yaml.MappingNode {
		d.Problem(n, "want a mapping, found %s", Describe(n))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for k, c := range Pairs(n) {
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(c, elem, enum)
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), elem)
	}
}

func (d *Decoder) list(n *yaml.Node, v reflect.Value, enum []string) {
	if n.Kind != yaml.SequenceNode {
		d.Problem(n, "want a list, found %s", Describe(n))
		return
	}
	// Made in one piece: places are kept by address, so elements must not move.
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, v.Index(i), enum)
	}
}

// Structure fills a struct from a mapping. NodeDecoders use it for the form they share with every
// struct after looking at the forms of their own.
func (d *Decoder) Structure(n *yaml.Node, into any) { d.structure(n, reflect.ValueOf(into).Elem()) }

func (d *Decoder) structure(n *yaml.Node, v reflect.Value) {
	s := shapeOf(v.Type())
	if s.pos != nil {
		v.FieldByIndex(s.pos).Set(reflect.ValueOf(d.Pos(n)))
	}
	if isNull(n) {
		d.Problem(n, "has no value; give one or remove the key")
		return
	}
	if n.Kind != yaml.MappingNode {
		d.Problem(n, "want a mapping, found %s", Describe(n))
		return
	}
	given := make(map[string]bool, len(n.Content)/2)
	for k, c := range Pairs(n) {
		f, known := s.fields[k.Value]
		if !known {
			d.Problem(k, "unknown key %q%s", short(k.Value), Hint(k.Value, s.names))
			continue
		}
		given[k.Value] = true
		d.value(c, v.FieldByIndex(f.index), f.enum)
	}
	for _, name := range s.names {
		if s.fields[name].required && !given[name] {
			d.Problem(n, "the key %q is missing", name)
		}
	}
}

// shape is what a struct's tags say.
type shape struct {
	names  []string // in the order of declaration
	fields map[string]shapeField
	pos    []int // index of the Pos field, if any
}

type shapeField struct {
	index    []int
	enum     []string
	required bool
}

var shapes sync.Map // reflect.Type → *shape; a cache, the same for everybody

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		if s, ok := known.(*shape); ok {
			return s
		}
	}
	s := &shape{fields: map[string]shapeField{}}
	s.add(t, nil)
	shapes.Store(t, s)
	return s
}

func (s *shape) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
			if f.Type == posType && f.IsExported() && len(at) == 0 {
				s.pos = index
			}
			continue
		case opts == "inline":
			s.add(f.Type, index)
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		field := shapeField{index: index, required: f.Tag.Get("required") == "true"}
		if e := f.Tag.Get("enum"); e != "" {
			field.enum = strings.Split(e, ",")
		}
		s.names = append(s.names, name)
		s.fields[name] = field
	}
}

// Keys lists the keys that the struct value points to may have, in the order of declaration.
func Keys(value any) []string { return shapeOf(reflect.TypeOf(value).Elem()).names }
