package yamldoc

import "gopkg.in/yaml.v3"

// Places remembers which node each decoded value came from. Values are found by their address: a value
// that was copied has no place. Values inside maps are copies, ask for the map's Key instead.
type Places struct {
	file  string
	nodes map[any]*yaml.Node
}

// Node is the node that the value ptr points to was read from, or nil.
func (p Places) Node(ptr any) *yaml.Node { return p.nodes[ptr] }

// Of is where the value that ptr points to begins.
func (p Places) Of(ptr any) Pos { return p.pos(p.nodes[ptr]) }

// Key is where a key of the struct or map that ptr points to stands; where the value begins when it has
// no such key. Further keys go deeper into it.
func (p Places) Key(ptr any, path ...string) Pos {
	n := p.nodes[ptr]
	at := n
	for _, name := range path {
		k, v := find(n, name)
		if k == nil {
			break
		}
		at, n = k, v
	}
	return p.pos(at)
}

// Value is where the value of a key stands; otherwise like Key.
func (p Places) Value(ptr any, path ...string) Pos {
	n := p.nodes[ptr]
	for _, name := range path {
		_, v := find(n, name)
		if v == nil {
			break
		}
		n = v
	}
	return p.pos(n)
}

// Item is where the i-th item of a list under a key stands.
func (p Places) Item(ptr any, key string, i int) Pos {
	_, v := find(p.nodes[ptr], key)
	if v == nil || v.Kind != yaml.SequenceNode || i >= len(v.Content) {
		return p.Key(ptr, key)
	}
	return p.pos(v.Content[i])
}

// Has says whether the struct or map that ptr points to was given a key.
func (p Places) Has(ptr any, key string) bool {
	k, _ := find(p.nodes[ptr], key)
	return k != nil
}

func (p Places) pos(n *yaml.Node) Pos {
	if n == nil {
		return Pos{File: p.file}
	}
	return Pos{File: p.file, Line: n.Line, Col: n.Column}
}

func find(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for k, v := range Pairs(n) {
		if k.Value == key {
			return k, v
		}
	}
	return nil, nil
}

// Text is the scalar under a key as it is written, or "".
func (p Places) Text(ptr any, key string) string {
	_, v := find(p.nodes[ptr], key)
	if v == nil || v.Kind != yaml.ScalarNode {
		return ""
	}
	return v.Value
}

// IsText says whether the value under a key is text.
func (p Places) IsText(ptr any, key string) bool {
	_, v := find(p.nodes[ptr], key)
	return v != nil && v.Kind == yaml.ScalarNode && v.Tag == "!!str"
}
