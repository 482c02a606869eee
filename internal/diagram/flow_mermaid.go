package diagram

import (
	"fmt"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// The shapes of the kinds of step, around a label.
var shapes = map[sops.Kind][2]string{
	sops.KindUses:    {"[", "]"},
	sops.KindAsk:     {"[/", "/]"},
	sops.KindApprove: {"{{", "}}"},
	sops.KindRun:     {"[[", "]]"},
	sops.KindStart:   {"[[", "]]"},
	sops.KindWait:    {"([", "])"},
}

// mermaidFlow writes a flow as a flowchart.
type mermaidFlow struct {
	sheet
	nodes, groups int
	members       map[string][]string // by class
}

// Mermaid is the flow as a flowchart.
func (f *flow) Mermaid() string {
	m := &mermaidFlow{members: map[string][]string{}}
	m.line("flowchart TD")
	m.line("  accTitle: %s", escape(cut(f.title, 200)))
	m.line("  accDescr: %s", escape(cut(orElse(f.about, f.title), 1000)))
	m.line("  begin([%s])", label(append([]string{f.title}, f.facts...)...))
	last := []string{"begin"}
	for _, p := range f.parts {
		if end := m.part(p, last); !p.aside {
			last = end
		}
	}
	if m.left > 0 {
		// There is always room for this: the limit is well below Mermaid's own.
		fmt.Fprintf(&m.b, "  rest[%s]\n", label(fmt.Sprintf("%d more lines do not fit into a Mermaid picture; the SVG has all", m.left)))
	}
	for _, class := range []struct{ name, style string }{
		{"action", "fill:#dbeafe,stroke:#1d4ed8,color:#111827"}, {"person", "fill:#fef3c7,stroke:#b45309,color:#111827"},
		{"other", "fill:#e5e7eb,stroke:#4b5563,color:#111827"}, {"undo", "fill:#fee2e2,stroke:#b91c1c,color:#111827,stroke-dasharray:4 3"},
	} {
		if ids := m.members[class.name]; len(ids) > 0 {
			fmt.Fprintf(&m.b, "  classDef %s %s\n  class %s %s\n", class.name, class.style, strings.Join(ids, ","), class.name)
		}
	}
	return m.b.String()
}

// part writes a phase and gives what the next one follows.
func (m *mermaidFlow) part(p part, after []string) []string {
	m.groups++
	id := fmt.Sprintf("g%d", m.groups)
	if len(p.steps) == 0 {
		if !m.line("  %s[%s]", id, label(append([]string{p.title}, p.notes...)...)) {
			return after
		}
		m.link(after, []string{id}, p.aside)
		return []string{id}
	}
	if !m.line("  subgraph %s[%s]", id, label(strings.Join(append([]string{p.title}, p.notes...), " – "))) {
		return after
	}
	first, last := m.sequence("    ", p.steps)
	fmt.Fprintln(&m.b, "  end")
	if len(first) == 0 {
		return after
	}
	m.link(after, first, p.aside)
	return last
}

// sequence writes steps one after the other and gives where it begins and ends.
func (m *mermaidFlow) sequence(indent string, steps []node) (first, last []string) {
	for i := range steps {
		begin, end := m.step(indent, &steps[i])
		switch {
		case begin == nil:
			continue
		case first == nil:
			first = begin
		default:
			m.link(last, begin, false)
		}
		last = end
	}
	return first, last
}

func (m *mermaidFlow) step(indent string, n *node) (first, last []string) {
	if len(n.steps) > 0 {
		return m.group(indent, n)
	}
	m.nodes++
	id := fmt.Sprintf("n%d", m.nodes)
	shape, ok := shapes[n.kind]
	if !ok {
		shape = shapes[sops.KindUses]
	}
	if !m.line("%s%s%s%s%s", indent, id, shape[0], label(append([]string{n.title, n.what}, n.notes...)...), shape[1]) {
		return nil, nil
	}
	m.members[classOf(n.kind)] = append(m.members[classOf(n.kind)], id)
	if n.undo != "" && m.line("%su%d[%s]", indent, m.nodes, label("undo: "+n.undo)) {
		undo := fmt.Sprintf("u%d", m.nodes)
		m.members["undo"] = append(m.members["undo"], undo)
		m.edge("%s -.- %s", id, undo)
	}
	return []string{id}, []string{id}
}

// group writes a step that is made of steps.
func (m *mermaidFlow) group(indent string, n *node) (first, last []string) {
	m.groups++
	if !m.line("%ssubgraph g%d[%s]", indent, m.groups, label(strings.Join(append([]string{n.title, n.what}, n.notes...), " – "))) {
		return nil, nil
	}
	if n.kind != sops.KindParallel {
		first, last = m.sequence(indent+"  ", n.steps)
	} else {
		for i := range n.steps {
			begin, end := m.step(indent+"  ", &n.steps[i])
			first, last = append(first, begin...), append(last, end...)
		}
	}
	fmt.Fprintln(&m.b, indent+"end")
	return first, last
}

// link leads from every one of some to every one of others; aside means only after a failure.
func (m *mermaidFlow) link(from, to []string, aside bool) {
	format := "%s --> %s"
	if aside {
		format = `%s -.->|"when it is rolled back"| %s`
	}
	for _, end := range to {
		for _, begin := range from {
			m.edge(format, begin, end)
		}
	}
}

func (m *mermaidFlow) edge(format, from, to string) {
	if m.edges++; m.edges > mostEdges {
		m.left++
		return
	}
	m.line("  "+format, from, to)
}

// classOf is how a kind of step is coloured: what machines do, what people do, and what holds the rest together.
func classOf(k sops.Kind) string {
	switch k {
	case sops.KindUses:
		return "action"
	case sops.KindAsk, sops.KindApprove:
		return "person"
	default:
		return "other"
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
