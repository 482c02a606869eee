package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits bound what a document may cost to read. A zero field takes that of DefaultLimits.
type Limits struct {
	Bytes int // size of the file
	Depth int // mappings and lists inside each other
	Nodes int // keys and values, all counted
}

// DefaultLimits are far above what a person writes by hand.
var DefaultLimits = Limits{Bytes: 256 << 10, Depth: 40, Nodes: 20_000}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Nodes == 0 {
		l.Nodes = DefaultLimits.Nodes
	}
	return l
}

// Parse reads the one document of a file. The node is that of its content (not the document node) and
// nil when there are problems. Anchors, aliases, merge keys, tags, duplicate keys and keys that are not
// text are problems: they hide what a reader of the file has to see.
func Parse(file string, src []byte, limits Limits) (*yaml.Node, Problems) {
	limits = limits.withDefaults()
	var ps Problems
	if len(src) > limits.Bytes {
		// Whoever reads a file stops soon after the limit, so how long it is in all is not known here.
		ps.Add(Pos{File: file}, "the file is longer than %s, the most that is read; split it", size(limits.Bytes))
		return nil, ps
	}
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	if pos, what := badByte(file, src); what != "" {
		ps.Add(pos, "%s", what)
		return nil, ps
	}
	if pos, deep := tooDeepFlow(file, src, limits.Depth); deep {
		ps.Add(pos, "nested more than %d deep", limits.Depth)
		return nil, ps
	}
	root, ps := readOne(file, src)
	if len(ps) > 0 {
		return nil, ps
	}
	w := walker{file: file, limits: limits}
	w.walk(root, 1)
	if len(w.problems) > 0 {
		return nil, w.problems.Sorted()
	}
	return root, nil
}

// size writes a number of bytes as a person would.
func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)/1024)
}

// badByte finds the first byte that no text file has.
func badByte(file string, src []byte) (Pos, string) {
	pos := Pos{File: file, Line: 1, Col: 1}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return pos, fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", src[i])
		case r == 0:
			return pos, "a NUL byte: this is not a text file"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f, r == 0x85, r == 0x2028, r == 0x2029, r == 0xFEFF:
			return pos, fmt.Sprintf("control character %U; remove it", r)
		}
		i += n
		pos.Col++
		if r == '\n' || r == '\r' && (i >= len(src) || src[i] != '\n') {
			pos.Line, pos.Col = pos.Line+1, 1
		}
	}
	return Pos{}, ""
}

// tooDeepFlow sees a tower of brackets before the YAML parser spends time on it. It counts brackets in
// text as well, so it only speaks up far beyond the limit; walker is exact.
func tooDeepFlow(file string, src []byte, depth int) (Pos, bool) {
	open, line, col := 0, 1, 0
	for _, b := range src {
		col++
		switch b {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		case '\n':
			line, col = line+1, 0
		}
		if open > 100*depth {
			return Pos{File: file, Line: line, Col: col}, true
		}
	}
	return Pos{}, false
}

// readOne gives the content of the only document.
func readOne(file string, src []byte) (*yaml.Node, Problems) {
	var ps Problems
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && len(doc.Content) == 0:
		ps.Add(Pos{File: file}, "the file is empty")
		return nil, ps
	case err != nil:
		ps = append(ps, syntaxProblem(file, src, err))
		return nil, ps
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		ps.Add(Pos{File: file}, "the file is empty")
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		ps = append(ps, syntaxProblem(file, src, err))
	default:
		ps.Add(Pos{File: file, Line: max(second.Line, 1), Col: max(second.Column, 1)},
			"a second document begins here; a file holds one")
	}
	return root, ps
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxProblem turns a message of the YAML parser into a problem at its line.
func syntaxProblem(file string, src []byte, err error) Problem {
	lines := strings.Split(string(src), "\n")
	if n, ok := tabIndent(lines); ok && strings.Contains(err.Error(), "cannot start any token") {
		return Problem{Pos{File: file, Line: n, Col: 1}, "a tab indents this line; YAML wants spaces"}
	}
	m := syntaxLine.FindStringSubmatch(err.Error())
	if m == nil {
		return Problem{Pos{File: file}, "not YAML: " + err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	if line == 0 {
		return Problem{Pos{File: file, Line: 1, Col: 1}, "not YAML: " + m[2]}
	}
	if strings.Contains(m[2], "did not find expected ','") {
		m[2] += "; between brackets, text with one of ? : , # { } [ ] has to be in quotes"
	}
	line = min(line, len(lines))
	text := lines[line-1]
	col := utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t")) + 1
	return Problem{Pos{File: file, Line: line, Col: col}, "not YAML: " + m[2]}
}

func tabIndent(lines []string) (int, bool) {
	for i, l := range lines {
		if body := strings.TrimLeft(l, " "); strings.HasPrefix(body, "\t") && strings.TrimSpace(body) != "" {
			return i + 1, true
		}
	}
	return 0, false
}
