// Package screen turns what the CLI knows into text: aligned tables, wrapped paragraphs, the tree of a
// run. It only builds strings; whoever calls it decides where they go.
//
// Everything that came from elsewhere (step errors, log lines, findings) passes through Clean, so that a
// container's log can't move the cursor of the operator who reads it.
package screen

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// sequences are the commands that terminals take: colours, cursor moves, titles.
var sequences = regexp.MustCompile("\x1b(\\[[0-9;?]*[\\x20-\\x2f]*[\\x40-\\x7e]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// Clean makes text safe to print on one line: terminal commands go, other control characters become
// spaces, and runs of space become one.
func Clean(s string) string { return strings.Join(strings.Fields(CleanLines(s)), " ") }

// CleanLines is Clean for text of several lines: line ends and spaces stay.
func CleanLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && moves(r) {
			return ' '
		}
		return r
	}, sequences.ReplaceAllString(s, ""))
}

// moves says that a terminal may take a character for a command, or for a change of direction.
func moves(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// CleanJSON writes every character of a JSON text that a terminal could obey as its \u escape, which
// means the same: such characters stand in strings only.
func CleanJSON(text []byte) []byte {
	var clean []byte
	for _, r := range string(text) {
		switch {
		case r == '\n' || !moves(r):
			clean = utf8.AppendRune(clean, r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				clean = fmt.Appendf(clean, "\\u%04x", unit)
			}
		}
	}
	return clean
}

// Cells is how many terminal cells the text takes.
func Cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// Cut shortens text to at most limit cells; what was cut off shows as "…".
func Cut(s string, limit int) string {
	if Cells(s) <= limit {
		return s
	}
	if limit <= 0 {
		return ""
	}
	head, _ := splitAt(s, limit-1)
	return strings.TrimRight(head, " ") + "…"
}

// Pad fills text up to n cells with spaces.
func Pad(s string, n int) string {
	if missing := n - Cells(s); missing > 0 {
		return s + strings.Repeat(" ", missing)
	}
	return s
}

// Wrap breaks text into lines of at most limit cells (never fewer than 8), at spaces where it can.
func Wrap(s string, limit int) []string {
	limit = max(limit, 8)
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case Cells(line)+1+Cells(word) <= limit:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
		for Cells(line) > limit {
			head, tail := splitAt(line, limit)
			lines = append(lines, head)
			line = tail
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

func splitAt(s string, cells int) (head, tail string) {
	n := 0
	for i, r := range s {
		n += runeCells(r)
		if n > cells {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
