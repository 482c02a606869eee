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

// AnswerCommands are what to type to answer a step or question that waits for people, one for each decision
// that is offered.
func (rec *Record) AnswerCommands(s *Step) []string {
	held, ok := strings.CutPrefix(s.ID, prefixHold)
	if !ok {
		return []string{rec.AnswerCommand(s)}
	}
	if at, numbered := strings.CutPrefix(s.Path, prefixHold); numbered {
		held, _, _ = strings.Cut(at, "#")
	}
	var out []string
	for _, decision := range s.Ask.Fields["decision"].Options {
		switch decision {
		case decideRetry:
			out = append(out, Command("orderly", "retry", rec.WorkflowID, held))
		case decideSkip, decideRollback:
			out = append(out, Command("orderly", decision, rec.WorkflowID, held, "--reason")+" …")
		default: // stop and abort: it ends with what has failed
			out = append(out, Command("orderly", "fail", rec.WorkflowID, held, "--reason")+" …")
		}
	}
	return out
}

// command is what people type about this run.
func (r *run) command(verb string, rest ...string) string {
	return Command(append([]string{"orderly", verb, r.record.WorkflowID}, rest...)...)
}
