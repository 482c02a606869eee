package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
)

// The severities, worst first.
const (
	critical = "critical"
	warning  = "warning"
	info     = "info"
	none     = "none" // worst of no findings
)

var severities = []string{critical, warning, info}

const (
	// maxListed bounds the output; the journal keeps every finding.
	maxListed = 300
	// maxText bounds one finding's text, in characters: it is to be read, the rest is an artifact.
	maxText = 500
)

// FindingsInput is the input of report.findings.
type FindingsInput struct {
	Rules      []Rule       `json:"rules" doc:"What was looked at, and what was found."`
	NotChecked []NotChecked `json:"not_checked,omitempty" doc:"What could not be looked at, as the output missing of targets.list."`
}

// Rule is one thing that was looked at.
type Rule struct {
	Check    string   `json:"check" doc:"What was looked at, in few words, as in api or container health."`
	Severity string   `json:"severity" enum:"critical,warning,info" doc:"How bad each thing found is."`
	Found    []string `json:"found" doc:"What was found, a sentence each. None means that all is well."`
	Act      string   `json:"act,omitempty" doc:"What a person should do about it."`
}

// NotChecked is something that could not be looked at.
type NotChecked struct {
	What string `json:"what" doc:"What, as in databases."`
	Why  string `json:"why" doc:"The reason."`
}

// Findings is the output of report.findings. The engine copies its findings into the run's record.
type Findings struct {
	Findings  []Finding `json:"findings" doc:"Worst first, at most 300. What was not checked is info."`
	Critical  int       `json:"critical" doc:"How many are critical."`
	Warnings  int       `json:"warnings" doc:"How many are warnings."`
	Infos     int       `json:"infos" doc:"How many are info."`
	Unchecked int       `json:"unchecked" doc:"How many of the infos are things that were not checked."`
	LeftOut   int       `json:"left_out" doc:"How many findings only the journal lists."`
	Worst     string    `json:"worst" enum:"critical,warning,info,none" doc:"The worst severity found."`
	OK        bool      `json:"ok" doc:"Nothing critical and no warning was found."`
	Summary   string    `json:"summary" doc:"One sentence."`
	Table     string    `json:"table" doc:"The findings as aligned text, at most 100 columns wide."`
}

// Finding is something a person should know of.
type Finding struct {
	Severity string `json:"severity" enum:"critical,warning,info" doc:"How bad it is."`
	Check    string `json:"check" doc:"What was looked at."`
	Text     string `json:"text" doc:"What was found."`
	Act      string `json:"act" doc:"What to do about it; may be empty."`
}

func (a actions) findings(ctx context.Context, in FindingsInput) (Findings, error) {
	if a.journal == nil {
		return Findings{}, action.Permanent(action.ErrNotConfigured, "this worker has no journal open: give journal.dsn in orderly.yaml")
	}
	if !activity.IsActivity(ctx) {
		return Findings{}, errors.New("report.findings: it has to be called as an activity, whose run and step the findings belong to")
	}
	all, err := collect(in)
	if err != nil {
		return Findings{}, err
	}
	if err := a.log(ctx, all); err != nil {
		if activity.GetInfo(ctx).Attempt < keepAttempts {
			return Findings{}, err
		}
		all = append(all, notKept)
		sortBySeverity(all)
	}
	return summarise(all, len(in.Rules), len(in.NotChecked)), nil
}

// collect makes the findings of an input, worst first, otherwise in the order given.
func collect(in FindingsInput) ([]Finding, error) {
	all := []Finding{}
	for i, rule := range in.Rules {
		if !slices.Contains(severities, rule.Severity) {
			return nil, action.Permanent(action.ErrInput, "rules[%d].severity is %q; it is one of %s",
				i, rule.Severity, strings.Join(severities, ", "))
		}
		for _, text := range rule.Found {
			all = append(all, Finding{Severity: rule.Severity, Check: oneLine(rule.Check), Text: oneLine(text), Act: oneLine(rule.Act)})
		}
	}
	for _, n := range in.NotChecked {
		all = append(all, Finding{Severity: info, Check: oneLine(n.What), Text: oneLine("not checked: " + n.Why)})
	}
	sortBySeverity(all)
	return all, nil
}

func sortBySeverity(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
}

// keepAttempts is how often the maintenance log is tried. Then the findings are reported without: the
// database that is down may be the very one the journal is in, and people have to be called all the same.
const keepAttempts = 2

var notKept = Finding{
	Severity: warning, Check: "journal", Text: "these findings could not be written to the maintenance log",
	Act: "see that the journal can be written; the run's own record has the findings",
}

// log writes the findings into the journal. A second attempt of the step finds them there already.
func (a actions) log(ctx context.Context, all []Finding) error {
	at, now := activity.GetInfo(ctx), time.Now()
	rows := make([]journal.Finding, len(all))
	for i, f := range all {
		rows[i] = journal.Finding{
			WorkflowID: at.WorkflowExecution.ID, RunID: at.WorkflowExecution.RunID, Step: at.ActivityID, N: i,
			At: now, Severity: f.Severity, Check: f.Check, Text: f.Text, Act: f.Act,
		}
	}
	return a.journal.AddFindings(ctx, rows)
}

// summarise is the output for all findings of so many checks.
func summarise(all []Finding, checks, unchecked int) Findings {
	out := Findings{Findings: all, Unchecked: unchecked, Worst: none}
	for _, f := range all {
		switch f.Severity {
		case critical:
			out.Critical++
		case warning:
			out.Warnings++
		case info:
			out.Infos++
		}
	}
	if len(all) > 0 {
		out.Worst = all[0].Severity
	}
	if len(all) > maxListed {
		out.Findings, out.LeftOut = all[:maxListed], len(all)-maxListed
	}
	out.OK = out.Critical == 0 && out.Warnings == 0
	out.Summary = out.sentence(checks)
	out.Table = table(out.Findings, out.LeftOut)
	return out
}

// sentence is the result in one sentence.
func (f *Findings) sentence(checks int) string {
	var parts []string
	if f.Critical > 0 {
		parts = append(parts, fmt.Sprintf("%d critical", f.Critical))
	}
	if f.Warnings > 0 {
		parts = append(parts, count(f.Warnings, "warning"))
	}
	if notes := f.Infos - f.Unchecked; notes > 0 {
		parts = append(parts, count(notes, "note"))
	}
	text := count(checks, "check") + ": "
	if len(parts) == 0 {
		text += "nothing found"
	} else {
		text += strings.Join(parts, ", ")
	}
	if f.Unchecked > 0 {
		text += fmt.Sprintf("; %d not checked", f.Unchecked)
	}
	return text + "."
}

// count is a number of things: 1 warning, 2 warnings.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// oneLine makes text fit for a table: no line breaks, no control characters (a container's log may
// colour a terminal), at most maxText characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return -1
		}
	}, escapes.ReplaceAllString(s, ""))
	runes := []rune(strings.Join(strings.Fields(s), " "))
	if len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return string(runes)
}
