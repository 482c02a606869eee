package sops

import (
	"encoding/json"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Value is any YAML value that may hold ${{ }} in its strings. A string that is one whole ${{ }} becomes
// the expression's value with its type; otherwise the parts are joined as text.
type Value struct {
	Pos Pos

	root *valueNode
}

// valueNode is one node of a value: exactly one of parts, list, entries and literal counts, in this order.
type valueNode struct {
	pos     Pos
	parts   []part // of text
	list    []*valueNode
	entries []valueEntry
	kind    yaml.Kind
	literal any  // of a scalar that is not text
	whole   bool // the text is one ${{ }} and nothing else
}

type valueEntry struct {
	key   string
	pos   Pos
	value *valueNode
}

// IsZero says that no value was given.
func (v Value) IsZero() bool { return v.root == nil }

// Eval fills the value in. The result is JSON-shaped: map[string]any, []any, string, bool, int64, float64,
// nil; nobody else holds it. No value gives nil.
func (v Value) Eval(s *Scope) (any, error) {
	if v.root == nil {
		return nil, nil
	}
	return v.root.eval(s)
}

func (n *valueNode) eval(s *Scope) (any, error) {
	switch {
	case n.kind == yaml.MappingNode:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			v, err := e.value.eval(s)
			if err != nil {
				return nil, err
			}
			out[e.key] = v
		}
		return out, nil
	case n.kind == yaml.SequenceNode:
		out := make([]any, len(n.list))
		for i, item := range n.list {
			v, err := item.eval(s)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case n.parts == nil:
		return n.literal, nil
	case n.whole:
		return n.expression().prog.native(s)
	}
	return render(n.parts, s)
}

// expression is the one expression that a text wholly is, or nil.
func (n *valueNode) expression() *part {
	var found *part
	for i := range n.parts {
		p := &n.parts[i]
		switch {
		case p.prog == nil && p.from == nil:
			if strings.TrimSpace(p.text) != "" {
				return nil
			}
		case found != nil:
			return nil
		default:
			found = p
		}
	}
	return found
}

// static gives the value when it holds no expression.
func (n *valueNode) static() (any, bool) {
	if n.dynamic() {
		return nil, false
	}
	v, err := n.eval(nil)
	return v, err == nil
}

func (n *valueNode) dynamic() bool {
	for _, p := range n.parts {
		if p.prog != nil || p.from != nil {
			return true
		}
	}
	for _, item := range n.list {
		if item.dynamic() {
			return true
		}
	}
	for _, e := range n.entries {
		if e.value.dynamic() {
			return true
		}
	}
	return false
}

// MarshalJSON writes the value as it stands in the file.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.root == nil {
		return []byte("null"), nil
	}
	return json.Marshal(v.root.source())
}

func (n *valueNode) source() any {
	switch {
	case n.kind == yaml.MappingNode:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key] = e.value.source()
		}
		return out
	case n.kind == yaml.SequenceNode:
		out := make([]any, len(n.list))
		for i, item := range n.list {
			out[i] = item.source()
		}
		return out
	case n.parts == nil:
		return n.literal
	}
	var b strings.Builder
	for _, p := range n.parts {
		if p.prog == nil {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(opening + " " + p.prog.source + " }}")
	}
	return b.String()
}

// DecodeYAML implements yamldoc.NodeDecoder.
func (v *Value) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	v.Pos = d.Pos(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.Problem(n, "has no value; give one or remove the key")
		return
	}
	v.root = decodeValue(d, n)
}

func decodeValue(d *yamldoc.Decoder, n *yaml.Node) *valueNode {
	out := &valueNode{pos: d.Pos(n), kind: n.Kind}
	switch {
	case n.Kind == yaml.MappingNode:
		for k, v := range yamldoc.Pairs(n) {
			out.entries = append(out.entries, valueEntry{key: k.Value, pos: d.Pos(k), value: decodeValue(d, v)})
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			out.list = append(out.list, decodeValue(d, item))
		}
	case n.Tag == "!!str" || n.Tag == "!!timestamp":
		if out.parts = split(d, n); out.parts == nil {
			out.parts = []part{{text: n.Value}} // a problem was noted
		}
	default:
		out.literal, _ = d.Any(n)
	}
	return out
}
