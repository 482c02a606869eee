package slack

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/orderly-ops/orderly/activities/notify/text"
)

// ellipsis ends a text that was cut.
const ellipsis = "…"

// longest bounds what is read of a text, in characters: more than any message can hold.
const longest = 40_000

// oneLine puts a text on one line, without what could make it look like something else.
func oneLine(s string) string { return text.Line(s, longest) }

// entities are what Slack takes for markup in a text object, and how to write them.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return entities.Replace(s) }

// size counts as JavaScript does, which is never less than the number of code points.
func size(s string) int {
	n := 0
	for _, r := range s {
		n += runeSize(r)
	}
	return n
}

// cut shortens a text to limit characters, with … for what is missing.
func cut(s string, limit int) string { return cutBy(s, limit, runeSize) }

// cutEscaped escapes a text and shortens it to limit characters, never inside an entity.
func cutEscaped(s string, limit int) string { return escape(cutBy(s, limit, escapedSize)) }

// cutBy shortens a text, with a count of what each rune takes up. Marks stay with the letter they belong
// to: the cut goes before both.
func cutBy(s string, limit int, measure func(rune) int) string {
	total, keep, room := 0, 0, limit-size(ellipsis)
	for i, r := range s {
		if total <= room && !joins(r) {
			keep = i
		}
		total += measure(r)
	}
	if total <= limit {
		return s
	}
	return strings.TrimRightFunc(s[:keep], unicode.IsSpace) + ellipsis
}

// joins says whether a rune belongs to the one before it.
func joins(r rune) bool {
	return unicode.Is(unicode.M, r) || r == 0x200D || r >= 0x1F3FB && r <= 0x1F3FF
}

func runeSize(r rune) int { return max(utf16.RuneLen(r), 1) }

func escapedSize(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	default:
		return runeSize(r)
	}
}
