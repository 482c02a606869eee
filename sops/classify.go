package sops

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Finding is something that was seen and what to do about it, as the rules of a classification see it.
type Finding struct {
	Severity string `json:"severity" doc:"How bad it is: critical, warning, info."`
	Check    string `json:"check" doc:"What was looked at."`
	Text     string `json:"text" doc:"What was found."`
	Act      string `json:"act,omitempty" doc:"What to do about it."`
}

// Classed is how grave findings are.
type Classed struct {
	Rule     string   // the rule that holds; "" when none does
	Level    string   // a policy: the rule's, or the default one
	Severity string   // a grade of the default scale, or ""
	Services []string // what is affected, by the rule
	// Reasons says which rule holds, and which could not be looked at and why.
	Reasons []string
}

// classified are the variables of a classification's expressions.
var classified = []variable{
	{"findings", &Type{Kind: TypeList, Elem: findingType}},
	{"facts", &Type{Kind: TypeMap, Elem: &Type{Kind: TypeNumber}}},
}

// Classify says how grave findings are, by the first rule that holds. A rule that needs a fact which is not
// there does not hold, unless what is known decides it: false && unknown, true || unknown.
func (o *Org) Classify(findings []Finding, facts map[string]float64) Classed {
	out := Classed{Level: o.Defaults.Policy}
	scope := classScope(findings, facts)
	for _, rule := range o.Classification {
		holds, err := rule.If.Bool(scope)
		switch {
		case err != nil:
			out.Reasons = append(out.Reasons, fmt.Sprintf("rule %s could not be decided: %s", rule.ID, undecided(err)))
		case holds:
			out.Rule, out.Level, out.Severity, out.Services = rule.ID, rule.Level, rule.Severity, slices.Clone(rule.Services)
			out.Reasons = append(out.Reasons, fmt.Sprintf("rule %s holds: %s", rule.ID, rule.If.Source))
			return out
		}
	}
	out.Reasons = append(out.Reasons, "no rule of the classification holds")
	return out
}

var noSuchKey = regexp.MustCompile(`no such key: (\S+)$`)

// undecided says what a rule lacked.
func undecided(err error) string {
	if m := noSuchKey.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Sprintf("there is no fact %q", m[1])
	}
	return err.Error()
}

func classScope(findings []Finding, facts map[string]float64) *Scope {
	list := make([]any, len(findings))
	for i, f := range findings {
		list[i] = map[string]any{"severity": f.Severity, "check": f.Check, "text": f.Text, "act": f.Act}
	}
	numbers := make(map[string]any, len(facts))
	for name, n := range facts {
		numbers[name] = n
	}
	return &Scope{Items: map[string]any{"findings": list, "facts": numbers}}
}

// classification checks the rules and compiles what they look at.
func (c *orgChecker) classification() {
	o := c.org
	if len(o.Classification) > maxRules {
		c.problems.Add(c.places.Key(o, "classification"), "more than %d rules", maxRules)
		return
	}
	seen := map[string]bool{}
	for i := range o.Classification {
		r := &o.Classification[i]
		if r.ID != "" && (!idPattern.MatchString(r.ID) || len(r.ID) > maxID) {
			c.problems.Add(c.places.Value(r, "id"), "%q is not an id: it begins with a small letter and has small letters, digits, - and _", r.ID)
		} else if r.ID != "" && seen[r.ID] {
			c.problems.Add(c.places.Value(r, "id"), "rule %q is there twice", r.ID)
		}
		seen[r.ID] = true
		c.policyRef(c.places.Value(r, "level"), r.Level)
		c.grade(r)
		for j, s := range r.Services {
			if !has(o.Services, s) {
				c.problems.Add(c.places.Of(&r.Services[j]), "there is no service %q%s", s, yamldoc.Hint(s, sortedKeys(o.Services)))
			}
		}
		if from := r.If.from; from != nil {
			r.If.prog = c.expr.compile(from, place{closed: true, vars: classified})
			c.expr.boolean(r.If.prog, from)
			r.If.from = nil
		}
	}
}

// grade checks a rule's severity against the default scale.
func (c *orgChecker) grade(r *Classification) {
	if r.Severity == "" {
		return
	}
	rules := Rules{Severities: c.org.Severities, Defaults: c.org.Defaults}
	at := c.places.Value(r, "severity")
	if rules.Scale() == "" {
		c.problems.Add(at, "there is no default scale that %q could be a grade of; name one with defaults: {scale: …}", r.Severity)
		return
	}
	if has(rules.Severities, rules.Scale()) && rules.Rank("", r.Severity) < 0 {
		c.problems.Add(at, "scale %q has no grade %q%s", rules.Scale(), r.Severity, yamldoc.Hint(r.Severity, gradeIDs(rules.grades(""))))
	}
}

func gradeIDs(grades []Severity) []string {
	ids := make([]string, len(grades))
	for i, g := range grades {
		ids[i] = g.ID
	}
	return ids
}
