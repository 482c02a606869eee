package simulate

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// DecodeYAML implements yamldoc.NodeDecoder: one answer or a list of them.
func (s *Script) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	s.node = n
	if n.Kind == yaml.MappingNode {
		s.Answers = make([]Answer, 1)
		d.Decode(n, &s.Answers[0])
		return
	}
	d.Decode(n, &s.Answers)
}

// DecodeYAML implements yamldoc.NodeDecoder: a message, or {message, type}.
func (f *Fault) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		f.Message, _ = d.Text(n)
		return
	}
	type plain Fault
	d.Decode(n, (*plain)(f))
}

// DecodeYAML implements yamldoc.NodeDecoder: "+5m ben", "ben", or {at, to, via}.
func (p *PageWant) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		type plain PageWant
		d.Decode(n, (*plain)(p))
		return
	}
	text, ok := d.Text(n)
	if !ok {
		return
	}
	when, who, both := strings.Cut(text, " ")
	if !both {
		p.To = text
		return
	}
	m, err := ParseMoment(when)
	if err != nil {
		d.Problem(n, "%v; a page is written '+5m ben'", err)
		return
	}
	p.At, p.To = m, strings.TrimSpace(who)
}

// DecodeYAML implements yamldoc.NodeDecoder: a state, or more.
func (s *StepWant) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	type plain StepWant
	if n.Kind != yaml.ScalarNode {
		d.Decode(n, (*plain)(s))
		return
	}
	var short struct {
		State string `yaml:"state" enum:"pending,running,succeeded,failed,skipped,cancelled"`
	}
	d.Decode(&yaml.Node{
		Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column,
		Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "state", Line: n.Line, Column: n.Column}, n},
	}, &short)
	s.State = short.State
}

// clockStates are what may become of a clock.
var clockStates = []string{"met", "breached", "stopped", "running"}

// DecodeYAML implements yamldoc.NodeDecoder: "met", or "breached +15m".
func (c *ClockWant) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	text, ok := d.Text(n)
	if !ok {
		return
	}
	state, when, timed := strings.Cut(text, " ")
	known := false
	for _, s := range clockStates {
		known = known || s == state
	}
	if !known {
		d.Problem(n, "%q is not one of %s%s", state, strings.Join(clockStates, ", "), yamldoc.Hint(state, clockStates))
		return
	}
	c.State = state
	if !timed {
		return
	}
	m, err := ParseMoment(strings.TrimSpace(when))
	if err != nil {
		d.Problem(n, "%v; a clock is written 'breached +15m'", err)
		return
	}
	c.At = m
}
