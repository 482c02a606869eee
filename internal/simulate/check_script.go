package simulate

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

// script checks how an action answers: that there is such a step or action, and that its outputs are of the
// action's type.
func (c *checker) script(key string, s Script) {
	pos := c.s.places.Key(c.s, "actions", key)
	if s.node != nil && len(s.Answers) == 0 && s.node.Kind == yaml.SequenceNode {
		c.wrong(pos, "%s has no answers", key)
	}
	act := c.actionOf(key, pos)
	nodes := []*yaml.Node{s.node}
	if s.node != nil && s.node.Kind == yaml.SequenceNode {
		nodes = s.node.Content
	}
	for i := range s.Answers {
		if i < len(nodes) && nodes[i] != nil {
			c.scripted(&s.Answers[i], nodes[i], act)
		}
	}
}

// actionOf is the action that a key of `actions` is about; nil when that is not known.
func (c *checker) actionOf(key string, pos Pos) *sops.Action {
	if c.env.Catalogue == nil {
		return nil
	}
	if act, ok := c.env.Catalogue.Action(key); ok {
		if c.steps != nil && !c.uses[key] {
			c.wrong(pos, "no step of %s uses %s, nor of what it runs: nothing would ever answer like this", c.proc.ID, key)
		}
		return &act
	}
	if c.steps == nil {
		return nil
	}
	s, ok := c.steps[stepID(key)]
	if !ok {
		known := append(sortedKeys(c.steps), c.env.Catalogue.Names()...)
		c.wrong(pos, "%s has no step %q, and there is no such action%s", c.proc.ID, key, yamldoc.Hint(key, known))
		return nil
	}
	name := s.Uses
	if strings.HasPrefix(key, "undo:") && s.Undo != nil {
		name = s.Undo.Uses
	}
	act, ok := c.env.Catalogue.Action(name)
	if !ok {
		c.wrong(pos, "step %q is not an action: it has no uses; name its inner steps, or use answers or procedures", key)
		return nil
	}
	return &act
}

func (c *checker) scripted(a *Answer, n *yaml.Node, act *sops.Action) {
	at := func(key string) Pos { return c.placeOf(n, key) }
	kinds := 0
	for _, given := range []bool{a.Outputs != nil, a.Fails != nil, a.Hangs} {
		if given {
			kinds++
		}
	}
	if kinds > 1 {
		c.wrong(c.placeOf(n, ""), "an attempt answers with outputs, fails, or hangs; this says more than one of them")
	}
	if a.Permanent && a.Fails == nil {
		c.wrong(at("permanent"), "permanent goes with fails")
	}
	if a.Hangs && a.After != nil {
		c.wrong(at("after"), "an attempt that hangs ends by its time-out; leave after out")
	}
	if a.Times < 0 || a.Times == 0 && has0(n) {
		c.wrong(at("times"), "times is at least 1")
	}
	if act != nil && a.Outputs != nil {
		if out := valueOf(n, "outputs"); out != nil {
			c.outputs(out, act.Output, act.Name)
		}
	}
}

// has0 says that a mapping has times: 0.
func has0(n *yaml.Node) bool {
	v := valueOf(n, "times")
	return v != nil && v.Value == "0"
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

func (c *checker) placeOf(n *yaml.Node, key string) Pos {
	if v := valueOf(n, key); v != nil {
		n = v
	}
	return Pos{File: c.s.File, Line: n.Line, Col: n.Column}
}

// outputs checks a value against a type, whose fields may be left out.
func (c *checker) outputs(n *yaml.Node, t *sops.Type, name string) {
	switch {
	case t.Kind == sops.TypeObject && n.Kind == yaml.MappingNode:
		for k, v := range yamldoc.Pairs(n) {
			f, ok := t.Field(k.Value)
			if !ok {
				c.wrong(Pos{File: c.s.File, Line: k.Line, Col: k.Column}, "%s has no output %q%s", name, k.Value, yamldoc.Hint(k.Value, fieldsOf(t)))
				continue
			}
			c.enum(v, f)
			c.outputs(v, f.Type, name+"."+k.Value)
		}
	case t.Kind == sops.TypeList && n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			c.outputs(item, t.Elem, name)
		}
	case t.Kind == sops.TypeMap && n.Kind == yaml.MappingNode:
		for _, v := range yamldoc.Pairs(n) {
			c.outputs(v, t.Elem, name)
		}
	default:
		c.plainOutput(n, t, name)
	}
}

func (c *checker) plainOutput(n *yaml.Node, t *sops.Type, name string) {
	var value struct{ V any }
	box := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "v"}, n}}
	var into struct {
		V any `yaml:"v"`
	}
	if problems := yamldoc.Decode(box, c.s.File, &into); len(problems) > 0 {
		return // it was found when the file was read
	}
	value.V = into.V
	if err := t.Check(value.V); err != nil {
		c.wrong(Pos{File: c.s.File, Line: n.Line, Col: n.Column}, "%s: %v", name, err)
	}
}

func (c *checker) enum(n *yaml.Node, f sops.Field) {
	if len(f.Enum) > 0 && n.Kind == yaml.ScalarNode && !slices.Contains(f.Enum, n.Value) {
		c.wrong(Pos{File: c.s.File, Line: n.Line, Col: n.Column}, "%s is %q; it is one of %s%s", f.Name, n.Value, strings.Join(f.Enum, ", "), suggestion(n.Value, f.Enum))
	}
}

func suggestion(word string, known []string) string {
	if near := yamldoc.Suggest(word, known); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

func fieldsOf(t *sops.Type) []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}
