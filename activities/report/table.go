package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// escapes are the sequences that colour a terminal.
var escapes = regexp.MustCompile(`\x1b(\[[\x20-\x3f]*[\x40-\x7e]|\][^\a\x1b]*(\a|\x1b\\))`)

const (
	tableWidth = 100
	maxCheck   = 34 // columns of the check; a longer one is wrapped
	gap        = "  "
)

// table writes findings as three aligned columns, what to do about one below it:
//
//	SEVERITY  CHECK  FINDING
//	critical  api    mean 5.4 s over 10 samples, at most 2 s wanted
//	                 → look at the slowest queries
func table(findings []Finding, leftOut int) string {
	if len(findings) == 0 {
		return "No findings.\n"
	}
	check := checkWidth(findings)
	text := tableWidth - len("SEVERITY") - check - 2*len(gap)
	var b strings.Builder
	line := func(first, second, third string) {
		row := pad(first, len("SEVERITY")) + gap + pad(second, check) + gap + third
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	line("SEVERITY", "CHECK", "FINDING")
	for _, f := range findings {
		checks, texts := wrap(f.Check, maxCheck, ""), wrap(f.Text, text, "")
		if f.Act != "" {
			texts = append(texts, wrap("→ "+f.Act, text, "  ")...)
		}
		line(f.Severity, checks[0], texts[0])
		for i := 1; i < max(len(checks), len(texts)); i++ {
			line("", at(checks, i), at(texts, i))
		}
	}
	if leftOut > 0 {
		fmt.Fprintf(&b, "… and %d more in the journal\n", leftOut)
	}
	return b.String()
}

// checkWidth is how wide the column of checks has to be.
func checkWidth(findings []Finding) int {
	width := len("CHECK")
	for _, f := range findings {
		for _, line := range wrap(f.Check, maxCheck, "") {
			width = max(width, utf8.RuneCountInString(line))
		}
	}
	return width
}

// at is a line of a cell, or nothing below its end.
func at(lines []string, i int) string {
	if i >= len(lines) {
		return ""
	}
	return lines[i]
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// wrap breaks text between words, and a word that is longer than a line anywhere. Every line but the
// first begins with indent.
func wrap(text string, width int, indent string) []string {
	var lines []string
	line, empty := "", true
	for _, word := range pieces(text, width-len(indent)) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return append(lines, line)
}

// pieces are the words of a text, none longer than longest.
func pieces(text string, longest int) []string {
	var out []string
	for _, word := range strings.Fields(text) {
		for part := range slices.Chunk([]rune(word), longest) {
			out = append(out, string(part))
		}
	}
	return out
}
