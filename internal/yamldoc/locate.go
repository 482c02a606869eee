package yamldoc

import (
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Text is the source of a file by line, for finding characters of a value in it.
type Text struct {
	file  string
	lines [][]rune
}

// NewText prepares a source.
func NewText(file string, src []byte) *Text {
	s := strings.TrimPrefix(string(src), "\uFEFF")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	t := &Text{file: file}
	for l := range strings.SplitSeq(s, "\n") {
		t.lines = append(t.lines, []rune(l))
	}
	return t
}

// Locate says where the character of a scalar's value stands in the file. Offset counts runes. It sees
// through quotes, escapes, folded lines and block indentation: the characters of a value that are not
// white space stand in the file in the same order, only with other things between them. White space is
// placed right behind the character before it.
func (t *Text) Locate(n *yaml.Node, offset int) Pos {
	c := cursor{text: t, style: n.Style, line: n.Line - 1, col: n.Column - 1}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.line, c.col = c.line+1, 0
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		c.col++
	}
	pos := Pos{File: t.file, Line: n.Line, Col: n.Column}
	spaces := 0
	for i, r := range []rune(n.Value) {
		if i > offset {
			break
		}
		if unicode.IsSpace(r) {
			spaces++
			continue
		}
		line, col, ok := c.next()
		if !ok {
			break
		}
		pos.Line, pos.Col, spaces = line+1, col+1, 0
	}
	pos.Col += spaces
	return pos
}

// cursor walks over the characters of a scalar as they stand in the file.
type cursor struct {
	text      *Text
	style     yaml.Style
	line, col int // from 0
}

// next gives the place of the next character that is not white space.
func (c *cursor) next() (line, col int, ok bool) {
	for c.line < len(c.text.lines) {
		runes := c.text.lines[c.line]
		if c.col >= len(runes) {
			c.line, c.col = c.line+1, 0
			continue
		}
		at, r := c.col, runes[c.col]
		c.col++
		switch {
		case unicode.IsSpace(r):
			continue
		case r == '\\' && c.style&yaml.DoubleQuotedStyle != 0:
			if c.escape(runes) {
				continue
			}
		case r == '\'' && c.style&yaml.SingleQuotedStyle != 0:
			c.col++ // a quote is written twice
		}
		return c.line, at, true
	}
	return 0, 0, false
}

// escape steps over what follows a backslash, and says whether it stands for white space.
func (c *cursor) escape(runes []rune) (space bool) {
	if c.col >= len(runes) { // the line goes on in the next
		return true
	}
	r := runes[c.col]
	c.col++
	switch r {
	case 'x':
		c.col += 2
	case 'u':
		c.col += 4
	case 'U':
		c.col += 8
	}
	return strings.ContainsRune(" tnrvfN_LP\t", r)
}
