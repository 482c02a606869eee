package sops

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// fragment is an expression as it stands in a file: inside a scalar, from some character on.
type fragment struct {
	source string
	node   *yaml.Node
	offset int // runes into the node's value
}

// locate is where the offset-th character of the expression stands.
func (f *fragment) locate(text *yamldoc.Text, offset int) Pos {
	return text.Locate(f.node, f.offset+offset)
}

// Expr is a bare CEL expression (`if`, `expect`, `until`). It may also be written inside ${{ }}.
//
// What it sees of JSON: an int is an int, a number a double, a duration a duration, a time a timestamp, by
// the types of inputs and outputs; where no type is known, a number without a fraction is an int. A member
// that is absent reads as the zero value of its type, and only has() tells. The outputs of a step that did
// not succeed are an error to read, and has() of anything in them is false. Maps go in the order of their
// keys, so the same state gives the same value whenever it is evaluated.
type Expr struct {
	Source string
	Pos    Pos

	from *fragment // until it is compiled
	prog *program
}

// IsZero says that no expression was given.
func (e Expr) IsZero() bool { return e.Source == "" }

// MarshalText writes the source.
func (e Expr) MarshalText() ([]byte, error) { return []byte(e.Source), nil }

// Bool evaluates the expression.
func (e Expr) Bool(s *Scope) (bool, error) {
	if e.prog == nil {
		return false, errNotChecked
	}
	v, err := e.prog.eval(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("%s: %s: want true or false, found a %s", e.Pos, e.Source, v.Type().TypeName())
	}
	return bool(b), nil
}

var errNotChecked = errors.New("an expression of a procedure that was not loaded by Parse")

// DecodeYAML implements yamldoc.NodeDecoder.
func (e *Expr) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	e.Pos = d.Pos(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		e.Source = strings.ToLower(n.Value)
		e.from = &fragment{source: e.Source, node: n}
		return
	}
	text, ok := d.Text(n)
	if !ok {
		return
	}
	body := strings.TrimSpace(text)
	start := strings.Index(text, body)
	if inner, at, whole := wholeExpression(body); whole {
		body, start = inner, start+at
	}
	switch {
	case strings.TrimSpace(body) == "":
		d.Problem(n, "the expression is empty")
		return
	case strings.HasPrefix(body, opening):
		d.Problem(n, "this is one expression as a whole: leave ${{ and }} out")
		return
	}
	e.Source = strings.TrimSpace(body)
	start += strings.Index(body, e.Source)
	e.from = &fragment{source: e.Source, node: n, offset: utf8.RuneCountInString(text[:start])}
}

// wholeExpression takes ${{ }} off a text that is nothing else. at counts bytes.
func wholeExpression(text string) (inner string, at int, ok bool) {
	if !strings.HasPrefix(text, opening) {
		return "", 0, false
	}
	end := closing(text, len(opening))
	if end < 0 || end+2 != len(text) {
		return "", 0, false
	}
	return text[len(opening):end], len(opening), true
}

const opening = "${{"

// closing finds the }} that ends an expression begun before from, seeing past texts and braces inside
// it. It is -1 when there is none.
func closing(text string, from int) int {
	depth := 0
	for i := from; i < len(text); {
		switch c := text[i]; c {
		case '\'', '"':
			i = skipString(text, i)
			continue
		case '{':
			depth++
		case '}':
			if depth == 0 {
				if strings.HasPrefix(text[i:], "}}") {
					return i
				}
				return -1
			}
			depth--
		}
		i++
	}
	return -1
}

// skipString gives the end of the CEL text that begins at a quote, which may be tripled; an r before it
// makes backslashes plain.
func skipString(s string, at int) int {
	quote, raw := s[at:at+1], at > 0 && (s[at-1] == 'r' || s[at-1] == 'R')
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[at:], triple) {
		quote = triple
	}
	for i := at + len(quote); i < len(s); i++ {
		if s[i] == '\\' && !raw {
			i++
			continue
		}
		if strings.HasPrefix(s[i:], quote) {
			return i + len(quote)
		}
	}
	return len(s)
}
