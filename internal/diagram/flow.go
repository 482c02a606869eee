package diagram

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// flow is a procedure as it is drawn.
type flow struct {
	title, about string
	facts        []string // about the whole procedure
	parts        []part
}

// part is a phase, or what comes after the phases.
type part struct {
	title string
	notes []string
	steps []node
	aside bool // it only follows what went wrong
}

// node is a step.
type node struct {
	kind  sops.Kind
	title string
	what  string   // who or what does it: "postgres.backup", "devops-lead is asked"
	notes []string // when it is left out, how long it has, what its failure leads to
	undo  string
	steps []node // inside it
}

// cutExpr is how much of an expression is shown: the picture says that there is a condition, the file which.
const cutExpr = 90

func flowOf(p *sops.Procedure) *flow {
	f := &flow{title: p.Title, about: p.Description, facts: factsOf(p)}
	for i := range p.Phases {
		ph := &p.Phases[i]
		var notes []string
		if !ph.If.IsZero() {
			notes = append(notes, "only if "+cut(ph.If.Source, cutExpr))
		}
		if ph.Within > 0 {
			notes = append(notes, "within "+ph.Within.String())
		}
		f.parts = append(f.parts, part{title: ph.Name(), notes: notes, steps: nodes(ph.Steps)})
	}
	if undone := undoOrder(p); len(undone) > 0 || p.Rollback != nil {
		f.parts = append(f.parts, rollbackPart(p, undone))
	}
	if len(p.Finally) > 0 {
		f.parts = append(f.parts, part{title: "Finally", notes: []string{"whatever happened, also when it was cancelled"}, steps: nodes(p.Finally)})
	}
	return f
}

// factsOf is what holds for the whole procedure.
func factsOf(p *sops.Procedure) []string {
	var facts []string
	for _, s := range p.Schedules {
		zone := s.TimeZone
		if zone == "" {
			zone = "UTC"
		}
		facts = append(facts, fmt.Sprintf("starts by itself: %s (%s)", s.Cron, zone))
	}
	if inc := p.Incident; inc != nil {
		said := []string{"incident: people are paged until one has it"}
		for _, part := range []struct{ name, value string }{
			{"severity", valueText(inc.Severity)}, {"level", valueText(inc.Level)}, {"policy", inc.Policy},
			{"respond within", spanText(inc.Respond)}, {"resolve within", spanText(inc.Resolve)}, {"updates every", spanText(inc.Updates)},
		} {
			if part.value != "" {
				said = append(said, part.name+" "+part.value)
			}
		}
		facts = append(facts, strings.Join(said, ", "))
	}
	if p.Maintenance != nil {
		facts = append(facts, "maintenance window: pages for its services are held back meanwhile")
	}
	if p.Within > 0 {
		facts = append(facts, "within "+p.Within.String())
	}
	switch p.OnFailure {
	case "rollback":
		facts = append(facts, "when a step fails, what was changed is undone")
	case "hold":
		facts = append(facts, "when a step fails, its owners are paged and decide")
	default:
		facts = append(facts, "when a step fails, it stops")
	}
	return facts
}

// undoOrder are the steps with an undo, in the order in which they are undone.
func undoOrder(p *sops.Procedure) []string {
	var names []string
	for s := range p.Steps() {
		if s.Undo != nil {
			names = append(names, s.Name())
		}
	}
	slices.Reverse(names)
	return names
}

func rollbackPart(p *sops.Procedure, undone []string) part {
	out := part{title: "When it is rolled back", aside: true}
	if len(undone) > 0 {
		out.notes = append(out.notes, "what was done is undone, the last first: "+strings.Join(undone, ", "))
	}
	if p.Rollback != nil {
		out.steps = nodes(p.Rollback.Then)
	}
	return out
}

func nodes(steps []sops.Step) []node {
	out := make([]node, len(steps))
	for i := range steps {
		out[i] = nodeOf(&steps[i])
	}
	return out
}

func nodeOf(s *sops.Step) node {
	n := node{kind: s.Kind(), title: s.Name(), what: whatOf(s), steps: nodes(s.Children())}
	note := func(format string, args ...any) { n.notes = append(n.notes, fmt.Sprintf(format, args...)) }
	if !s.If.IsZero() {
		note("only if %s", cut(s.If.Source, cutExpr))
	}
	if s.Within > 0 {
		note("within %s%s", s.Within, expiry(s))
	}
	if s.Remind > 0 {
		note("reminded every %s", s.Remind)
	}
	if s.Policy != "" {
		note("then %s is paged", s.Policy)
	}
	if s.Retry != nil && s.Retry.Attempts > 1 {
		note("up to %d attempts", s.Retry.Attempts)
	}
	if !s.Expect.IsZero() {
		note("must hold: %s", cut(s.Expect.Source, cutExpr))
	}
	if s.Mitigates {
		note("the first help, when it works")
	}
	if s.OnFailure != "" {
		note("if it fails: %s", map[string]string{"continue": "go on", "stop": "stop", "rollback": "roll back", "hold": "hold and ask"}[s.OnFailure])
	}
	n.undo = undoText(s.Undo)
	return n
}

// expiry is what happens when nobody answers.
func expiry(s *sops.Step) string {
	switch {
	case s.Kind() != sops.KindAsk && s.Kind() != sops.KindApprove:
		return ""
	case s.OnExpire == "fail":
		return ", else it fails"
	case s.OnExpire == "skip":
		return ", else it is skipped"
	default:
		return ", then people are paged until somebody answers"
	}
}

// whatOf says who or what does a step.
func whatOf(s *sops.Step) string {
	switch s.Kind() {
	case sops.KindUses:
		return s.Uses
	case sops.KindAsk:
		return s.Of.Source + " does it and says so"
	case sops.KindApprove:
		if s.Quorum > 1 {
			return fmt.Sprintf("%d of %s decide", s.Quorum, strings.Join(s.By, ", "))
		}
		return strings.Join(s.By, " or ") + " decides"
	case sops.KindParallel:
		return "side by side"
	case sops.KindEach:
		text := "for each of " + cut(valueText(s.Each.In), cutExpr)
		if s.Each.AtOnce > 1 {
			text += fmt.Sprintf(", %d at once", s.Each.AtOnce)
		}
		return text
	case sops.KindRepeat:
		return repeatText(s.Repeat)
	case sops.KindRun:
		return s.Run + ", and waits for its end"
	case sops.KindStart:
		return s.Start + ", and leaves it running"
	default:
		return waitText(s.Wait)
	}
}

func repeatText(r *sops.Repeat) string {
	text := "every " + r.Every.String()
	if !r.Until.IsZero() {
		text += " until " + cut(r.Until.Source, cutExpr)
	}
	if r.For > 0 {
		text += ", for " + r.For.String() + " at most"
	}
	return text
}

func waitText(w *sops.Wait) string {
	switch {
	case w == nil:
		return ""
	case w.For != "":
		return "until it is " + w.For
	case w.Duration > 0:
		return "for " + w.Duration.String()
	default:
		return "until " + cut(valueText(w.Until), cutExpr)
	}
}

func undoText(u *sops.Undo) string {
	if u == nil {
		return ""
	}
	text := u.Uses
	if !u.If.IsZero() {
		text += ", only if " + cut(u.If.Source, cutExpr)
	}
	if u.Approve != nil {
		text += ", when " + strings.Join(u.Approve.By, " or ") + " agrees"
	}
	return text
}

func spanText(d sops.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// valueText is a value as its file has it, as far as it is text.
func valueText(v sops.Value) string {
	if v.IsZero() {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		text = strings.TrimSpace(text)
		if inner, ok := strings.CutPrefix(text, "${{"); ok && strings.Count(text, "${{") == 1 {
			if inner, ok := strings.CutSuffix(inner, "}}"); ok {
				return strings.TrimSpace(inner)
			}
		}
		return text
	}
	return string(data)
}
