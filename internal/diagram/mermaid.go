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
func escape(s string) string {
	var b strings.Builder
	runes := []rune(plain(s))
	for i, r := range runes {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(" ,/…–✓✗●○⊘☎↶", r) || inWord(runes, i) {
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
			parts = append(parts, escape(l))
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
