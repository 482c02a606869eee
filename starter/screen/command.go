package screen

import (
	"regexp"
	"strings"
)

// plainWord is what every shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Command writes a command that can be pasted into a shell.
func Command(words ...string) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = Clean(w)
		if !plainWord.MatchString(parts[i]) {
			parts[i] = "'" + strings.ReplaceAll(parts[i], "'", `'\''`) + "'"
		}
	}
	return strings.Join(parts, " ")
}
