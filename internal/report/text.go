package report

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/orderly-ops/orderly/sops"
)

// escapes are those of terminals: a log excerpt may be coloured.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-9;:?]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x40-\x5a\x5c-\x5f])?`)

// breaks are the ways in which a line may end.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\v", "\n", "\f", "\n")

// clean takes out what can't be seen: control characters, and those that turn the direction of writing around.
// Line breaks stay.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = breaks.Replace(s)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return -1
		}
	}, escapes.ReplaceAllString(s, ""))
}

// line is a text on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// paragraphs are the lines of a text, those between two empty lines together.
func paragraphs(s string) [][]string {
	var all [][]string
	var one []string
	for l := range strings.Lines(clean(s)) {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			one = append(one, l)
			continue
		}
		if one != nil {
			all, one = append(all, one), nil
		}
	}
	if one != nil {
		all = append(all, one)
	}
	return all
}

// first is a text cut to so many characters.
func first(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

// stamp is a moment in UTC, to the second.
func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

func stampOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return stamp(*t)
}

// took is a duration, to the second.
func took(d time.Duration) string { return sops.Duration(d.Round(time.Second)).String() }

// after says how long after the beginning something was.
func after(begin, at time.Time) string { return "+" + took(max(at.Sub(begin), 0)) }
