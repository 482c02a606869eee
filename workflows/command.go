package workflows

import (
	"regexp"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// plainWord is what every shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Command writes a command that can be pasted into a shell. Names of runs may come from outside, in an alert
// or a start input: what a shell would take for its own is in quotes, and nothing hides what is pasted.
func Command(words ...string) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = strings.Map(printable, w)
		if !plainWord.MatchString(parts[i]) {
			parts[i] = "'" + strings.ReplaceAll(parts[i], "'", `'\''`) + "'"
		}
	}
	return strings.Join(parts, " ")
}

// AnswerCommand is what to type to answer a step that waits for people.
func (rec *Record) AnswerCommand(s *Step) string {
	if s.Kind == string(sops.KindApprove) {
		return Command("orderly", "approve", rec.WorkflowID, s.Path)
	}
	return Command("orderly", "done", rec.WorkflowID, s.Path)
}

// command is what people type about this run.
func (r *run) command(verb string, rest ...string) string {
	return Command(append([]string{"orderly", verb, r.record.WorkflowID}, rest...)...)
}
