package report

import (
	"strings"

	"github.com/orderly-ops/orderly/workflows"
)

// securityFields are the names under which the shipped procedures ask what a security report says, and how their
// answers are told apart where several make one part.
var securityFields = map[string]struct {
	into  func(*Security) *string
	title string
}{
	"scope":    {into: func(s *Security) *string { return &s.Scope }},
	"data":     {into: func(s *Security) *string { return &s.Data }},
	"breach":   {into: func(s *Security) *string { return &s.Breach }},
	"decision": {func(s *Security) *string { return &s.Breach }, "Who is told: "},
	"revoked":  {func(s *Security) *string { return &s.Containment }, "Taken away: "},
	"reviewed": {func(s *Security) *string { return &s.Containment }, "Permissions: "},
	"checked":  {into: func(s *Security) *string { return &s.Recovery }},
}

// securityOf reads what people have said in a run of what was reached, cut off and put back: before the run has
// written its own report, nothing else tells.
func securityOf(rec *workflows.Record) (s Security) {
	walk(rec, func(step *workflows.Step) {
		if step.Ask == nil || step.Ask.Done == nil || step.Ask.Skipped {
			return
		}
		for _, name := range sortedFields(step.Ask.Form) {
			field, ok := securityFields[name]
			text, _ := step.Ask.Form[name].(string)
			if !ok || !said(text) {
				continue
			}
			into := field.into(&s)
			*into = strings.TrimSpace(*into + "\n" + field.title + text)
		}
	})
	return s
}

// or fills what is empty from other answers.
func (s Security) or(b Security) Security {
	s.Scope, s.Data, s.Breach = pick(s.Scope, b.Scope), pick(s.Data, b.Data), pick(s.Breach, b.Breach)
	s.Containment, s.Recovery = pick(s.Containment, b.Containment), pick(s.Recovery, b.Recovery)
	return s
}
