package diagram

import (
	"strings"
	"unicode"
)

// Characters that nobody sees. Some releases of Mermaid read what entities stand for once more: as Markdown, as
// the names of icons, as formulas. A space between its signs keeps them text, and these two are one without width.
const (
	noSpace  = '\uFEFF' // counts as a space
	noLetter = '\u2060' // counts as nothing, and is not trimmed away
)

// signs are the characters that mean something to one of those readers, together with what stands behind them.
const signs = "*_~$\\:.-+)@]¶ﬂ"

// literal keeps the signs of a label from what they would mean together with what follows: of **bold**, 1. first,
// fa:fa-bomb, $$x$$ and https://example.org all is shown as it was written. No space keeps a back quote from
// beginning code, so it is drawn as the letter that looks like one.
func literal(runes []rune) []rune {
	out := make([]rune, 0, len(runes)+8)
	head := true // only digits so far: a sign begins a list
	for i, r := range runes {
		if i == 0 && strings.ContainsRune(">#", r) {
			out = append(out, noLetter)
		}
		sign := strings.ContainsRune(signs, r) && !inWord(runes, i)
		if r == '`' {
			r = 'ˋ'
		}
		out = append(out, r)
		if sign && (head || i+1 < len(runes) && runes[i+1] != ' ') {
			out = append(out, noSpace)
		}
		head = head && unicode.IsDigit(r)
	}
	return out
}
