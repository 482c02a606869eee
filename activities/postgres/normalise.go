package postgres

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxQuery is how many characters of a query are shown.
const maxQuery = 200

// shorten cuts a query to what is shown.
func shorten(query string) string {
	if utf8.RuneCountInString(query) <= maxQuery {
		return query
	}
	return string([]rune(query)[:maxQuery-1]) + "…"
}

// normalise takes out of a query what may be secret or personal: literals become ?, comments go, white
// space becomes one space. What can't be told apart for certain, as in a query that the server cut off
// inside a literal, goes with all that follows it.
func normalise(query string) string {
	l := lexer{rest: strings.ToValidUTF8(query, "?")}
	for l.rest != "" {
		l.next()
	}
	return strings.TrimSpace(l.out.String())
}

// lexer reads SQL just well enough to know what is a literal.
type lexer struct {
	rest string
	out  strings.Builder
	gap  bool // white space or a comment has been read and not yet written
}

func (l *lexer) next() {
	c := l.rest[0]
	switch {
	case strings.ContainsRune(" \t\r\n\f\v", rune(c)):
		l.skip(1)
	case strings.HasPrefix(l.rest, "--"):
		l.skip(lengthUntil(l.rest, "\n"))
	case strings.HasPrefix(l.rest, "/*"):
		l.skip(comment(l.rest))
	case c == '\'':
		l.literal(1, false)
	case c == '"':
		l.keep(quotedName(l.rest))
	case c == '$':
		l.dollar()
	case digit(c), c == '.' && len(l.rest) > 1 && digit(l.rest[1]):
		l.put("?", number(l.rest))
	case nameStart(c):
		l.word()
	default:
		_, size := utf8.DecodeRuneInString(l.rest)
		l.keep(size)
	}
}

// skip leaves n bytes out.
func (l *lexer) skip(n int) {
	l.gap = l.gap || n > 0
	l.rest = l.rest[n:]
}

// keep copies n bytes; 0 gives up on the rest.
func (l *lexer) keep(n int) {
	if n == 0 {
		l.put("?", len(l.rest))
		return
	}
	l.put(l.rest[:n], n)
}

// put writes text for the next n bytes.
func (l *lexer) put(text string, n int) {
	if l.gap && l.out.Len() > 0 {
		l.out.WriteByte(' ')
	}
	l.gap = false
	l.out.WriteString(text)
	l.rest = l.rest[n:]
}

// word copies a keyword or name, unless it is the prefix of a literal: E'…', B'…', X'…', N'…', U&'…'.
func (l *lexer) word() {
	n := 1
	for n < len(l.rest) && (nameStart(l.rest[n]) || digit(l.rest[n]) || l.rest[n] == '$') {
		n++
	}
	prefix := strings.ToUpper(l.rest[:n])
	switch {
	case slices.Contains([]string{"E", "B", "X", "N"}, prefix) && strings.HasPrefix(l.rest[n:], "'"):
		l.literal(2, prefix == "E")
	case prefix == "U" && strings.HasPrefix(l.rest[n:], "&'"):
		l.literal(3, false)
	default:
		l.keep(n)
	}
}

// literal replaces a quoted literal whose text begins at from. In a plain one a backslash before a quote
// means different things depending on a setting of that session, so that is where reading ends.
func (l *lexer) literal(from int, escapes bool) {
	for i := from; i < len(l.rest); i++ {
		switch {
		case l.rest[i] == '\\' && escapes:
			i++
		case l.rest[i] == '\\' && strings.HasPrefix(l.rest[i+1:], "'"):
			l.put("?", len(l.rest))
			return
		case strings.HasPrefix(l.rest[i:], "''"):
			i++
		case l.rest[i] == '\'':
			l.put("?", i+1)
			return
		}
	}
	l.put("?", len(l.rest))
}

// dollar replaces $tag$…$tag$ and keeps the parameters $1, $2, ….
func (l *lexer) dollar() {
	n := 1
	for n < len(l.rest) && (nameStart(l.rest[n]) || digit(l.rest[n])) {
		n++
	}
	if n > 1 && digit(l.rest[1]) {
		l.keep(n)
		return
	}
	if n >= len(l.rest) || l.rest[n] != '$' {
		l.keep(0) // cut off inside the tag, or nothing SQL knows
		return
	}
	tag := l.rest[:n+1]
	end := strings.Index(l.rest[len(tag):], tag)
	if end < 0 {
		l.keep(0)
		return
	}
	l.put("?", end+2*len(tag))
}

// lengthUntil is how long s is up to and including end, or all of it.
func lengthUntil(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// comment is the length of a comment, which may hold further ones.
func comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// quotedName is the length of a "name", 0 when it does not end.
func quotedName(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if strings.HasPrefix(s[i:], `""`) {
			i++
			continue
		}
		return i + 1
	}
	return 0
}

// number is the length of a number and what is stuck to it: 1, 1.5e-3, 0xff, 1_000.
func number(s string) int {
	n := 1
	for n < len(s) && (digit(s[n]) || nameStart(s[n]) || s[n] == '.' ||
		(s[n] == '-' || s[n] == '+') && (s[n-1] == 'e' || s[n-1] == 'E')) {
		n++
	}
	return n
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// nameStart says that a name may begin with c; every byte beyond ASCII may.
func nameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}
