package sops

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a procedure may hold. They are far above what people write, and keep a worker safe from
// what they do not.
const (
	maxID         = 63      // characters of an id
	maxSteps      = 500     // steps of a procedure, all counted
	maxNesting    = 8       // steps inside steps
	maxExpression = 4 << 10 // bytes of one expression
	maxText       = 32 << 10
)

var (
	procedureIDPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	idPattern          = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	fieldPattern       = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// WorkflowType is the Temporal workflow type of a procedure: `daily-check` → `DailyCheck`.
func WorkflowType(id string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(id, "-") {
		r, n := utf8.DecodeRuneInString(part)
		if n == 0 {
			continue
		}
		b.WriteRune(unicode.ToUpper(r))
		b.WriteString(part[n:])
	}
	return b.String()
}

// nameOf is a title, or one made from an id: `restart-api` → `Restart api`.
func nameOf(title, id string) string {
	if title != "" {
		return title
	}
	words := strings.NewReplacer("-", " ", "_", " ").Replace(id)
	r, n := utf8.DecodeRuneInString(words)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + words[n:]
}

// identifier is an id as expressions know it: CEL has no dash in names.
func identifier(id string) string { return strings.ReplaceAll(id, "-", "_") }
