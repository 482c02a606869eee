package yamldoc

import (
	"gopkg.in/yaml.v3"
)

// walker refuses what a document may not hold wherever it stands.
type walker struct {
	file     string
	limits   Limits
	nodes    int
	problems Problems
}

// walk reports whether the document is still worth looking at.
func (w *walker) walk(n *yaml.Node, depth int) bool {
	w.nodes++
	switch {
	case w.nodes > w.limits.Nodes:
		w.problems.Add(w.pos(n), "more than %d keys and values; split the file", w.limits.Nodes)
		return false
	case depth > w.limits.Depth:
		w.problems.Add(w.pos(n), "nested more than %d deep", w.limits.Depth)
		return false
	case n.Kind == yaml.AliasNode:
		w.problems.Add(w.pos(n), "alias *%s: anchors and aliases are not supported; write the value out", n.Value)
		return true
	case n.Anchor != "":
		w.problems.Add(w.pos(n), "anchor &%s: anchors and aliases are not supported; write the value out", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		w.problems.Add(w.pos(n), "tag %s: tags are not supported; use quotes for text", n.Tag)
	}
	if n.Kind == yaml.MappingNode {
		w.keys(n)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode {
			w.nodes++
			continue
		}
		if !w.walk(c, depth+1) {
			return false
		}
	}
	return true
}

// keys checks that a mapping's keys are text, each once.
func (w *walker) keys(n *yaml.Node) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode:
			if k.Kind != yaml.AliasNode {
				w.problems.Add(w.pos(k), "a key has to be text, not %s", Describe(k))
			}
			continue
		case k.Tag == "!!merge":
			w.problems.Add(w.pos(k), "merge key <<: not supported; write the values out")
			continue
		case k.Anchor != "":
			w.problems.Add(w.pos(k), "anchor &%s: anchors and aliases are not supported", k.Anchor)
		case k.Style&yaml.TaggedStyle != 0:
			w.problems.Add(w.pos(k), "tag %s: tags are not supported; use quotes for text", k.Tag)
		}
		if was, twice := first[k.Value]; twice {
			const enough = 100 // of them; nobody reads more
			if len(w.problems) >= enough {
				return
			}
			w.problems.Add(w.pos(k), "key %q is given twice, first in line %d", k.Value, was.Line)
			continue
		}
		first[k.Value] = k
	}
}

func (w *walker) pos(n *yaml.Node) Pos { return Pos{File: w.file, Line: n.Line, Col: n.Column} }
