package diagram

import (
	"fmt"
	"strings"
	"unicode"
)

// What Mermaid takes by default: beyond 50,000 characters or 500 edges it draws nothing but an error.
const (
	mostMermaid = 45_000
	mostEdges   = 450
)

// escape makes text safe wherever Mermaid takes a label. Letters, digits and harmless signs stay; everything
// else becomes an entity, which Mermaid turns into the character only when the picture is drawn: so quotes and
// brackets end nothing, %% begins no comment, and < no markup. It is never empty: Mermaid does not take that.
func escape(s string) string { return entities([]rune(plain(s))) }

func entities(runes []rune) string {
	var b strings.Builder
	for i, r := range runes {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		if !inDirection(runes, i) && (letter && r != placeholder || strings.ContainsRune(" ,/…–✓✗●○⊘☎↶", r) || inWord(runes, i)) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	if b.Len() == 0 {
		return "–"
	}
	return b.String()
}

// placeholder begins what Mermaid itself writes in the place of an entity.
const placeholder = 'ﬂ'

// inDirection says that a space follows the word "direction": Mermaid looks for "direction TB" even inside of quotes.
func inDirection(runes []rune, i int) bool {
	const word = "direction"
	return runes[i] == ' ' && i >= len(word) && string(runes[i-len(word):i]) == word
}

// inWord says that a dot, dash or plus stands between letters: anywhere else it may begin a list, and that after
// www a link, neither of which Mermaid has in a label.
func inWord(runes []rune, i int) bool {
	if !strings.ContainsRune(".-+", runes[i]) || i == 0 || i == len(runes)-1 {
		return false
	}
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	www := i >= 3 && strings.EqualFold(string(runes[i-3:i]), "www")
	return word(runes[i-1]) && word(runes[i+1]) && !www
}

// label is lines of text in quotes.
func label(lines ...string) string {
	var parts []string
	for _, l := range lines {
		if plain(l) != "" {
			parts = append(parts, entities(literal([]rune(plain(l)))))
		}
	}
	return `"` + orElse(strings.Join(parts, "<br/>"), "–") + `"`
}

// sheet is Mermaid text that is being written and stays within what Mermaid takes.
type sheet struct {
	b     strings.Builder
	edges int
	left  int // lines that found no room
}

// line writes a line when there is room for it.
func (s *sheet) line(format string, args ...any) bool {
	text := fmt.Sprintf(format, args...)
	if s.b.Len()+len(text) > mostMermaid {
		s.left++
		return false
	}
	s.b.WriteString(text + "\n")
	return true
}
