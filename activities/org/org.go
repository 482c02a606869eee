// Package org answers from org.yaml what steps ask of it.
package org

import (
	"context"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// Source gives the org as it is now.
type Source func() (*sops.Org, error)

// Actions declares the actions of this package. A nil source is enough to describe them.
func Actions(source Source) []action.Definition {
	a := actions{org: source}
	return []action.Definition{
		action.Define("org.classify",
			"Say how grave findings are, by the rules of org.yaml: the first that holds names the level of escalation, "+
				"the severity and what is affected. When none holds the level is that of the defaults.",
			a.classify),
		servicesAction(a),
	}
}

type actions struct{ org Source }

// ClassifyInput is the input of org.classify.
type ClassifyInput struct {
	Findings []sops.Finding     `json:"findings,omitempty" doc:"What was seen, as report.findings gives it."`
	Facts    map[string]float64 `json:"facts,omitempty" doc:"Numbers by name, as the rules of org.yaml know them: api_seconds, memory_percent."`
	Services []string           `json:"services,omitempty" doc:"What is known to be affected already."`
}

// Classified is the output of org.classify.
type Classified struct {
	Rule     string   `json:"rule" doc:"The rule that holds; empty when none does."`
	Level    string   `json:"level" doc:"A policy of org.yaml; empty when no rule holds and there is no default."`
	Severity string   `json:"severity" doc:"A grade of the default scale; may be empty."`
	Services []string `json:"services" doc:"What is affected: the services given, then those of the rule."`
	Reasons  []string `json:"reasons" doc:"Which rule holds, and which could not be decided and why."`
}

func (a actions) classify(_ context.Context, in ClassifyInput) (Classified, error) {
	if a.org == nil {
		return Classified{}, action.Permanent(action.ErrNotConfigured, "org.classify: this worker has no org.yaml")
	}
	o, err := a.org()
	if err != nil {
		return Classified{}, err // somebody may be editing it: the next attempt may find it mended
	}
	c := o.Classify(in.Findings, in.Facts)
	out := Classified{Rule: c.Rule, Level: c.Level, Severity: c.Severity, Services: []string{}, Reasons: c.Reasons}
	for _, s := range slices.Concat(in.Services, c.Services) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(out.Services, s) {
			out.Services = append(out.Services, s)
		}
	}
	return out, nil
}
