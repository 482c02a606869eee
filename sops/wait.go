package sops

import (
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// DecodeYAML implements yamldoc.NodeDecoder: `wait: 5m` is short for `wait: {duration: 5m}`.
func (w *Wait) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		d.Decode(n, &w.Duration)
		return
	}
	d.Structure(n, w)
	given := 0
	for _, key := range []string{"duration", "until", "for"} {
		for k := range yamldoc.Pairs(n) {
			if k.Value == key {
				given++
			}
		}
	}
	if n.Kind == yaml.MappingNode && given != 1 {
		d.Problem(n, "wait takes exactly one of duration, until and for")
	}
}
