package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// OfRun is the report of a run that has no kind of its own: what was done, what came of it, which promises were
// kept.
func OfRun(rec *workflows.Record, made time.Time) *Document {
	d := about(KindRun, "Report: "+name(rec), rec, made)
	d.section("run", "Run")
	facts := append(d.head(rec), fact("Status", string(rec.State)), fact("Ended (UTC)", cmp.Or(stampOf(rec.Ended), "not yet")))
	d.facts(facts...)
	if rec.Failure != nil {
		d.text("It failed: %s", rec.Failure.String())
	}
	if rec.Aborted != nil {
		d.facts(deedFact("Aborted", rec.Aborted, rec))
	}
	d.phases(rec)
	d.clocks(rec)
	d.paged(rec)
	d.statements(rec)
	d.undone(rec)
	d.findings(rec)
	d.evidence(rec, false)
	d.timeline(rec)
	return d.done(runSentence(rec))
}

// For is the report that fits a record: that of the incident where it is one.
func For(rec *workflows.Record, made time.Time) *Document {
	if rec.Incident != nil {
		return Incident(rec, Answers{}, made)
	}
	return OfRun(rec, made)
}

// phases are the steps with what became of them.
func (d *drafter) phases(rec *workflows.Record) {
	d.section("steps", "Steps")
	var rows [][]Value
	add := func(phase string, steps []*workflows.Step) {
		for _, s := range steps {
			rows = append(rows, cells(phase, cmp.Or(s.Title, s.ID), string(s.State), stepTime(s), stepNote(s)))
		}
	}
	for _, p := range rec.Phases {
		add(cmp.Or(p.Title, p.ID), p.Steps)
	}
	if rec.Rollback != nil {
		add("after the rollback", rec.Rollback.Then)
	}
	add("at the end", rec.Finally)
	d.table([]string{"phase", "step", "state", "took", "note"}, rows, "It has no steps.")
}

func stepTime(s *workflows.Step) string {
	if s.Started == nil || s.Ended == nil {
		return ""
	}
	return took(s.Ended.Sub(*s.Started))
}

func stepNote(s *workflows.Step) string {
	note := cmp.Or(s.Error, s.Reason)
	if n := len(s.Items); n > 0 {
		failed := 0
		for _, i := range s.Items {
			if i.State == workflows.Failed {
				failed++
			}
		}
		note = join(note, fmt.Sprintf("%s, %d failed", counted(n, "item", "items"), failed))
	}
	if s.Child != nil {
		note = join(note, s.Child.WorkflowID)
	}
	return note
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func runSentence(rec *workflows.Record) string {
	text := fmt.Sprintf("%s of %s: %s", name(rec), rec.Started.UTC().Format(time.DateOnly), rec.State)
	if rec.Ended != nil {
		text += " after " + took(rec.Ended.Sub(rec.Started))
	}
	late := 0
	for _, c := range rec.Clocks {
		if c.Breached != nil {
			late++
		}
	}
	if late > 0 {
		text += ", " + counted(late, "promise", "promises") + " not kept"
	}
	return text + "."
}

// formOf are the answers that somebody gave to a step, by the name of the field.
func formOf(s *workflows.Step) (out []Fact) {
	if s.Ask == nil || s.Ask.Done == nil || s.Ask.Skipped {
		return nil
	}
	for _, field := range sortedFields(s.Ask.Form) {
		text := valueText(s.Ask.Form[field])
		if text == "" {
			continue
		}
		if silent(s.Ask.Fields[field], s.Ask.Form[field]) {
			text += ", or not said"
		}
		out = append(out, fact(cmp.Or(s.Ask.Fields[field].Title, field), text))
	}
	return out
}

func sortedFields(form map[string]any) []string { return slices.Sorted(maps.Keys(form)) }

// silent says whether an answer may as well be none: a form gives "no", 0 or the default to what was left empty.
func silent(field sops.FormField, v any) bool {
	if field.Required {
		return false
	}
	return v == false || v == 0.0 || field.Default != nil && valueText(field.Default) == valueText(v)
}

// valueText is an answer for people.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if v == (time.Time{}).Format(time.RFC3339) { // a time that was not given
			return ""
		}
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}
