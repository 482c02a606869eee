package yamldoc

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// NodeDecoder is implemented by types that read themselves from a node. They note problems with
// Decoder.Problem and hand parts on with Decoder.Decode, so strictness and positions are kept.
type NodeDecoder interface {
	DecodeYAML(d *Decoder, n *yaml.Node)
}

// Decoder fills Go values from nodes and collects what is wrong on the way.
type Decoder struct {
	file     string
	problems Problems
	places   Places
}

// Decode fills the struct, map or slice that into points to. Struct tags say what is legal:
//
//	yaml:"name"       the key; "-" leaves the field out; ",inline" takes an embedded struct's keys as its own
//	enum:"a,b"        the only texts allowed (of a string, or of each string in a list or map)
//	required:"true"   the key has to be there
//
// Everything else is a problem at its place: unknown keys, values of another type, keys without a value.
// A field of type Pos that is left out (yaml:"-") is set to where its struct begins. time.Duration is
// read by ParseDuration; encoding.TextUnmarshaler and NodeDecoder are honoured.
func Decode(node *yaml.Node, file string, into any) Problems {
	_, ps := DecodePlaces(node, file, into)
	return ps
}

// DecodePlaces is Decode, and keeps where everything stood for checks that come later.
func DecodePlaces(node *yaml.Node, file string, into any) (Places, Problems) {
	d := &Decoder{file: file, places: Places{file: file, nodes: map[any]*yaml.Node{}}}
	d.Decode(node, into)
	return d.places, d.problems.Sorted()
}

// Pos is where a node begins.
func (d *Decoder) Pos(n *yaml.Node) Pos { return Pos{File: d.file, Line: n.Line, Col: n.Column} }

// Problem notes what is wrong with a node.
func (d *Decoder) Problem(n *yaml.Node, format string, args ...any) {
	d.problems.Add(d.Pos(n), format, args...)
}

// Decode fills the value that into points to.
func (d *Decoder) Decode(n *yaml.Node, into any) {
	d.value(n, reflect.ValueOf(into).Elem(), nil)
}

var (
	posType      = reflect.TypeFor[Pos]()
	durationType = reflect.TypeFor[time.Duration]()
)

// value fills v. enum, when not empty, lists the texts allowed.
func (d *Decoder) value(n *yaml.Node, v reflect.Value, enum []string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if v.CanAddr() {
		ptr := v.Addr().Interface()
		d.places.nodes[ptr] = n
		if nd, ok := ptr.(NodeDecoder); ok {
			nd.DecodeYAML(d, n)
			return
		}
		if isNull(n) && v.Kind() != reflect.Interface {
			d.Problem(n, "has no value; give one or remove the key")
			return
		}
		if tu, ok := ptr.(encoding.TextUnmarshaler); ok {
			d.text(n, tu)
			return
		}
	}
	switch {
	case v.Type() == durationType:
		d.duration(n, v)
	case v.Kind() == reflect.Struct:
		d.structure(n, v)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, enum)
	case v.Kind() == reflect.Slice:
		d.list(n, v, enum)
	case v.Kind() == reflect.Interface:
		if x, ok := d.Any(n); ok && x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, v, enum)
	}
}

func (d *Decoder) text(n *yaml.Node, into encoding.TextUnmarshaler) {
	if n.Kind != yaml.ScalarNode {
		d.Problem(n, "want text, found %s", Describe(n))
		return
	}
	err := into.UnmarshalText([]byte(n.Value))
	if _, isTime := into.(*time.Time); isTime && err != nil {
		d.Problem(n, "%q is not a time; write it like 2026-11-21T02:14:00Z", short(n.Value))
	} else if err != nil {
		d.Problem(n, "%s", err.Error())
	}
}

func (d *Decoder) duration(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.Problem(n, "want a duration like 1h30m, found %s", Describe(n))
		return
	}
	parsed, err := ParseDuration(n.Value)
	if err != nil {
		d.Problem(n, "%s", err.Error())
		return
	}
	v.SetInt(int64(parsed))
}

func (d *Decoder) scalar(n *yaml.Node, v reflect.Value, enum []string) {
	switch v.Kind() {
	case reflect.String:
		d.str(n, v, enum)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.Problem(n, "want true or false, found %s", Describe(n))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int64, reflect.Int32:
		var i int64
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(&i) != nil || v.OverflowInt(i) {
			d.Problem(n, "want a whole number, found %s", Describe(n))
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		var f float64
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.Problem(n, "want a number, found %s", Describe(n))
			return
		}
		v.SetFloat(f)
	default:
		panic("yamldoc can't decode into " + v.Type().String())
	}
}

func (d *Decoder) str(n *yaml.Node, v reflect.Value, enum []string) {
	s, ok := d.Text(n)
	if !ok {
		return
	}
	if len(enum) > 0 {
		for _, e := range enum {
			if s == e {
				v.SetString(s)
				return
			}
		}
		d.Problem(n, "%q is not one of %s%s", s, strings.Join(enum, ", "), hintOnly(s, enum))
		return
	}
	v.SetString(s)
}

// Text reads a scalar that has to be text. Dates count as text: only JSON's types matter here.
func (d *Decoder) Text(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		if n.Kind == yaml.ScalarNode && !isNull(n) {
			d.Problem(n, "want text, found %s; put it in quotes: %q", Describe(n), n.Value)
			return "", false
		}
		d.Problem(n, "want text, found %s", Describe(n))
		return "", false
	}
	return n.Value, true
}

// hintOnly is the "did you mean" part of Hint, for messages that list the candidates anyway.
func hintOnly(word string, candidates []string) string {
	if s := Suggest(word, candidates); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Describe names what a node is, for "want …, found …".
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the bool " + short(n.Value)
	case "!!int", "!!float":
		return "the number " + short(n.Value)
	}
	return "the text " + fmt.Sprintf("%q", short(n.Value))
}

// short keeps messages readable whatever stands in the file.
func short(s string) string {
	const most = 40
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
