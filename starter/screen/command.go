package screen

import "github.com/orderly-ops/orderly/workflows"

// Command writes a command that can be pasted into a shell.
func Command(words ...string) string {
	clean := make([]string, len(words))
	for i, w := range words {
		clean[i] = Clean(w)
	}
	return workflows.Command(clean...)
}
