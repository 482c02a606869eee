// Package text makes the words of a message fit to be shown. They come from alerts, logs and other people,
// and must not move a terminal's cursor, begin a second header, or read in another order than they stand.
package text

import (
	"strings"
	"unicode"
)

// Line is s on one line of at most most characters; what is cut off shows as "…".
func Line(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(harmless, s)), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// Lines is s with its line ends and spaces as written, without any at its end.
func Lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return harmless(r)
	}, s)
	return strings.TrimRight(s, " \n")
}

// harmless drops what changes the direction of reading or can't be seen, and makes a space of what a
// terminal could obey. Joiners stay: emoji and several scripts need them.
func harmless(r rune) rune {
	switch {
	case r == '\u200c', r == '\u200d':
		return r
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return ' '
	default:
		return r
	}
}
