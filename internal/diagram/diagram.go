// Package diagram draws what people paste into a review: a procedure as a picture of its flow, and a run, real
// or simulated, as a picture of its time.
//
// Each is there as Mermaid text, which many wikis and code hosts draw themselves, and as an SVG file that
// stands alone: no script, nothing loaded from elsewhere, readable on light and on dark, with a text for those
// who can't see it. A run is drawn from its record alone.
//
// Titles, names and messages come from people and outside systems. They are text in every picture, whatever
// characters they hold.
package diagram

import (
	"strings"
	"unicode"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// Picture is something drawn.
type Picture interface {
	// Mermaid is the picture as Mermaid text, ending in a line break. What is too much for Mermaid is left
	// out, and the picture says so.
	Mermaid() string
	// SVG is the picture as a file of its own.
	SVG() string
}

// Flow draws what a procedure does: its phases and steps, when they are left out, who is asked, what puts them
// back, and what follows when one fails.
func Flow(p *sops.Procedure) Picture { return flowOf(p) }

// Timeline draws what happened in a run: phases and steps, who was paged and what they did, promises kept and
// broken, and what was undone. A run that goes on is drawn up to what last happened in it.
func Timeline(rec *workflows.Record) Picture { return chartOf(rec) }

// plain makes text of one line that shows as it is: no line breaks, and nothing that can't be seen.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co), r == '\uFFFE', r == '\uFFFF':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens text to so many characters.
func cut(s string, most int) string {
	s = plain(s)
	if runes := []rune(s); len(runes) > most {
		return strings.TrimRight(string(runes[:most-1]), " ") + "…"
	}
	return s
}
