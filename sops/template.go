package sops

import (
	"errors"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Template is text that may hold ${{ }}.
type Template struct {
	Source string
	Pos    Pos

	parts []part
}

// part is a piece of a template: text as it is, or an expression.
type part struct {
	text string
	from *fragment
	prog *program
}

// IsZero says that no text was given.
func (t Template) IsZero() bool { return t.Source == "" }

// MarshalText writes the source.
func (t Template) MarshalText() ([]byte, error) { return []byte(t.Source), nil }

// Constant is the text of a template without expressions; it is false for one that has some.
func (t Template) Constant() (text string, ok bool) {
	for _, p := range t.parts {
		if p.from != nil || p.prog != nil {
			return "", false
		}
	}
	return t.Source, true
}

// Render fills the template in. Durations and times become text as in JSON, null nothing, lists and maps
// JSON.
func (t Template) Render(s *Scope) (string, error) { return render(t.parts, s) }

func render(parts []part, s *Scope) (string, error) {
	if len(parts) == 1 && parts[0].prog == nil {
		return parts[0].text, nil
	}
	var b strings.Builder
	for _, p := range parts {
		if p.prog == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.prog.native(s)
		if err != nil {
			return "", err
		}
		text, err := textOf(v)
		if err != nil {
			return "", p.prog.fail(err)
		}
		b.WriteString(text)
		if b.Len() > 2*maxBytes {
			return "", p.prog.fail(errors.New("the text is too long"))
		}
	}
	return b.String(), nil
}

// DecodeYAML implements yamldoc.NodeDecoder.
func (t *Template) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	t.Pos = d.Pos(n)
	text, ok := d.Text(n)
	if !ok {
		return
	}
	if strings.TrimSpace(text) == "" {
		d.Problem(n, "has no value; give one or remove the key")
		return
	}
	t.Source = text
	t.parts = split(d, n)
}

// split takes a scalar's text apart into text and expressions.
func split(d *yamldoc.Decoder, n *yaml.Node) []part {
	text := n.Value
	if len(text) > maxText {
		d.Problem(n, "the text is longer than %d KiB", maxText>>10)
		return nil
	}
	var parts []part
	for at := 0; ; {
		begin := strings.Index(text[at:], opening)
		if begin < 0 {
			if at < len(text) || len(parts) == 0 {
				parts = append(parts, part{text: text[at:]})
			}
			return parts
		}
		begin += at
		if begin > at {
			parts = append(parts, part{text: text[at:begin]})
		}
		inner := begin + len(opening)
		end := closing(text, inner)
		if end < 0 {
			d.Problem(n, "${{ has no closing }}")
			return nil
		}
		source := strings.TrimSpace(text[inner:end])
		if source == "" {
			d.Problem(n, "${{ }} is empty")
			return nil
		}
		start := inner + strings.Index(text[inner:], source)
		parts = append(parts, part{from: &fragment{source: source, node: n, offset: utf8.RuneCountInString(text[:start])}})
		at = end + 2
	}
}
