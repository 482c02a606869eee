package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// about begins a document about one run.
func about(kind Kind, title string, rec *workflows.Record, made time.Time) *drafter {
	d := draft(kind, title, made)
	d.doc.Of = &Run{WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, Digest: rec.Digest}
	d.doc.Drill = rec.Drill
	return d
}

// name is what people call the run.
func name(rec *workflows.Record) string { return cmp.Or(rec.Title, rec.Procedure) }

// began and ended are those of the trouble where there was one, else of the run.
func began(rec *workflows.Record) time.Time {
	if rec.Incident != nil && !rec.Incident.Since.IsZero() && len(rec.Incident.Reopened) == 0 {
		return rec.Incident.Since
	}
	return rec.Started
}

func ended(rec *workflows.Record) *time.Time {
	if rec.Incident != nil && rec.Incident.Resolved != nil {
		return &rec.Incident.Resolved.At
	}
	return rec.Ended
}

// lasted is how long it took, or that it goes on.
func lasted(rec *workflows.Record) string {
	if end := ended(rec); end != nil {
		return took(end.Sub(began(rec)))
	}
	return "still going on"
}

// head are the facts of any run.
func (d *drafter) head(rec *workflows.Record) []Fact {
	facts := []Fact{fact("ID", rec.WorkflowID)}
	if rec.RunID == "" {
		d.lack("the record of the run: the journal does not have it, so there is no timeline", false)
		facts = append(facts, Fact{Name: "Run", Value: Value{Missing: true}})
	} else {
		facts = append(facts, fact("Run", rec.RunID))
	}
	if begin := began(rec).UTC(); begin.IsZero() {
		facts = append(facts, Fact{Name: "Date", Value: d.known("", "when it began")})
	} else {
		facts = append(facts, fact("Date", begin.Format(time.DateOnly)), fact("Time (UTC)", begin.Format(time.TimeOnly)), fact("Duration", lasted(rec)))
	}
	if rec.By != "" {
		facts = append(facts, fact("Started by", rec.By))
	}
	if rec.Key != "" {
		facts = append(facts, fact("Key", rec.Key))
	}
	return append(facts, fact("Procedure", rec.Procedure), fact("Text of the procedure", cmp.Or(rec.Digest, "not recorded")))
}

// quiet are the events that only matter while a run goes on: the timeline of a report is what people did and what
// happened to them, and what failed.
var quiet = map[string]bool{"board": true}

// timeline is what happened, in UTC.
func (d *drafter) timeline(rec *workflows.Record) {
	d.section("timeline", "Timeline (UTC)")
	var rows [][]Value
	left := 0
	for _, e := range rec.Timeline {
		if e.Kind == "finding" && strings.HasPrefix(e.Text, "warning: "+clockCheck) {
			continue // older records say a breach twice
		}
		if quiet[e.Kind] || e.Kind == "step" && (!strings.Contains(e.Text, "failed") || strings.Contains(e.Text, ": skipped")) {
			left++
			continue
		}
		rows = append(rows, cells(stamp(e.At), after(rec.Started, e.At), e.Text))
	}
	d.table([]string{"time", "after", "what"}, rows, "Nothing was recorded.")
	if left > 0 {
		d.text("%s in the run's record: orderly timeline %s", counted(left, "line about a single step is", "lines about single steps are"), rec.WorkflowID)
	}
	if rec.RunID != "" && !rec.State.Done() {
		d.text("The run was still going on: this is what it had written down by %s.", stamp(rec.Updated()))
	}
	if rec.LeftOut.Events > 0 {
		d.text("The record itself left out %s of a very long run.", counted(rec.LeftOut.Events, "line", "lines"))
	}
}

// clocks are the promises and what became of them.
func (d *drafter) clocks(rec *workflows.Record) {
	d.section("promises", "Promises")
	var rows [][]Value
	for _, c := range rec.Clocks {
		rows = append(rows, cells(c.Title, c.Kind, stamp(c.Due), clockText(c)))
	}
	d.table([]string{"promise", "kind", "due (UTC)", "kept"}, rows, "Nothing was promised.")
	if n := rec.LeftOut.Clocks; n > 0 {
		d.text("The record itself left out %s.", counted(n, "promise", "promises"))
	}
}

func clockText(c *workflows.Clock) string {
	var text string
	switch {
	case c.Met != nil && c.Breached != nil:
		text = fmt.Sprintf("late: met after %s, %s after it was due; that was noticed %s late", took(c.Met.Sub(c.Started)), took(c.Met.Sub(c.Due)), lateness(c))
	case c.Met != nil:
		text = "met after " + took(c.Met.Sub(c.Started))
	case c.Breached != nil:
		text = "breached, noticed " + lateness(c) + " after it was due"
		if c.Stopped != nil {
			text += "; given up after " + took(c.Stopped.Sub(c.Started))
		}
	case c.Stopped != nil:
		text = "not decided: stopped after " + took(c.Stopped.Sub(c.Started))
	default:
		text = "running"
	}
	parts := []string{text}
	for _, e := range c.Extended {
		parts = append(parts, fmt.Sprintf("%s longer by %s: %s", e.For, e.By, e.Reason))
	}
	return strings.Join(parts, "; ")
}

// lateness is how long after its due time a clock was served, to the millisecond.
func lateness(c *workflows.Clock) string {
	late, err := time.ParseDuration(c.Lateness)
	if err != nil {
		return cmp.Or(c.Lateness, "0s")
	}
	return sops.Duration(late.Round(time.Millisecond)).String()
}

// paged is who was paged when, and who answered.
func (d *drafter) paged(rec *workflows.Record) {
	if len(rec.Pages) == 0 && len(asks(rec)) == 0 && rec.Incident == nil {
		return
	}
	d.section("people", "Who was called, and who answered")
	if inc := rec.Incident; inc != nil {
		facts := []Fact{deedFact("Acknowledged", inc.Acknowledged, rec), deedFact("First mitigated", inc.Mitigated, rec), deedFact("Resolved", inc.Resolved, rec)}
		if rec.Aborted != nil {
			facts = append(facts, deedFact("Aborted", rec.Aborted, rec))
		}
		if inc.Owner != nil {
			facts = append(facts, fact("Last in charge", cmp.Or(inc.Owner.Name, inc.Owner.ID)))
		}
		if len(inc.Involved) > 0 {
			facts = append(facts, fact("Took part", partyNames(inc.Involved)))
		}
		d.facts(facts...)
	}
	var rows [][]Value
	for _, p := range rec.Pages {
		rows = append(rows, cells(stamp(p.At), after(rec.Started, p.At), pageText(p), peopleText(p)))
	}
	d.table([]string{"paged", "after", "as", "whom, over what"}, rows, "Nobody was paged.")
	rows = nil
	for _, s := range asks(rec) {
		rows = append(rows, cells(s.Title, strings.Join(s.Ask.Of, ", "), stampOf(s.Started), answerText(s)))
	}
	if len(rows) > 0 {
		d.table([]string{"asked to", "of", "asked (UTC)", "answer"}, rows, "")
	}
	if rec.LeftOut.Pages > 0 {
		d.text("The record itself left out %s.", counted(rec.LeftOut.Pages, "page", "pages"))
	}
}

func deedFact(what string, deed *workflows.Deed, rec *workflows.Record) Fact {
	switch {
	case deed == nil && rec.State.Done():
		return fact(what, "never")
	case deed == nil:
		return fact(what, "not yet")
	}
	text := fmt.Sprintf("%s by %s, %s", stamp(deed.At), cmp.Or(deed.By.Name, deed.By.ID, "the run itself"), after(rec.Started, deed.At))
	if deed.Text != "" {
		text += ": " + deed.Text
	}
	return fact(what, text)
}

func partyNames(parties []workflows.Party) string {
	names := make([]string, len(parties))
	for i, p := range parties {
		names[i] = cmp.Or(p.Name, p.ID)
	}
	return strings.Join(names, ", ")
}

func pageText(p *workflows.Page) string {
	text := string(p.Kind)
	if p.Policy != "" {
		text = fmt.Sprintf("%s tier %d", p.Policy, p.Tier)
	}
	if p.Repeat > 0 {
		text += fmt.Sprintf(", again (%d)", p.Repeat)
	}
	if late := p.At.Sub(p.Due); !p.Due.IsZero() && late >= time.Second {
		text += ", " + took(late) + " late"
	}
	return text
}

func peopleText(p *workflows.Page) string {
	var parts []string
	for _, who := range p.People {
		text := cmp.Or(who.Name, who.ID)
		if who.As != "" && who.As != who.ID {
			text += " (" + who.As + ")"
		}
		var over []string
		for _, o := range who.Outcomes {
			way := o.Transport
			if o.State != "sent" {
				way += " " + string(o.State)
			}
			if o.Error != "" {
				way += ": " + o.Error
			}
			over = append(over, way)
		}
		switch {
		case len(over) > 0:
			text += " over " + strings.Join(over, ", ")
		case !p.Trimmed:
			text += ": no way to reach them"
		}
		parts = append(parts, text)
	}
	for _, why := range p.Nobody {
		parts = append(parts, "nobody: "+why)
	}
	if len(p.People) > 0 && !p.Reached {
		parts = append(parts, "nobody was reached")
	}
	return strings.Join(parts, "; ")
}

func answerText(s *workflows.Step) string {
	a := s.Ask
	switch {
	case a.Done != nil && a.Skipped:
		return fmt.Sprintf("skipped by %s at %s: %s", a.Done.By.Name, stamp(a.Done.At), a.Done.Text)
	case a.Done != nil:
		return fmt.Sprintf("%s at %s", a.Done.By.Name, stamp(a.Done.At))
	case len(a.Decisions) > 0:
		var parts []string
		for _, one := range a.Decisions {
			word := "rejected"
			if one.Approve {
				word = "approved"
			}
			parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s by %s at %s: %s", word, one.By.Name, stamp(one.At), one.Reason), ": "))
		}
		return strings.Join(parts, "; ")
	case a.Closed != "":
		return "not needed any more: " + a.Closed
	case s.State.Done():
		return cmp.Or(s.Reason, s.Error, "nobody answered")
	case a.Expired != nil:
		return "nobody yet; due since " + stamp(*a.Expired)
	default:
		return "nobody yet"
	}
}

// undone is what was put back and what was not.
func (d *drafter) undone(rec *workflows.Record) {
	if rec.Rollback == nil && len(rec.Owed()) == 0 {
		return
	}
	d.section("undo", "What was put back")
	if rb := rec.Rollback; rb != nil {
		facts := []Fact{fact("State", string(rb.State)), fact("Because", rb.Why.String()), fact("From (UTC)", stamp(rb.Started)), fact("To (UTC)", cmp.Or(stampOf(rb.Ended), "still going on"))}
		if rb.Stopped != nil {
			facts = append(facts, deedFact("Stopped", rb.Stopped, rec))
		}
		d.facts(facts...)
	}
	var rows [][]Value
	for _, u := range rec.Undo {
		rows = append(rows, cells(u.Title, u.Action, undoText(u)))
	}
	d.table([]string{"what", "by", "what became of it"}, rows, "Nothing had been changed.")
}

func undoText(u *workflows.Step) string {
	switch {
	case u.State == workflows.Succeeded:
		return "undone " + stampOf(u.Ended)
	case u.NotNeeded():
		return "not needed: " + u.Reason
	case u.State == workflows.Skipped:
		return "left: " + u.Reason
	case u.State == workflows.Failed:
		return "not undone: " + u.Error
	default:
		return "not undone"
	}
}

// clockCheck begins the name of what found that a promise was not kept.
const clockCheck = "clock "

// findings are what the run found. That promises were not kept stands among the promises, as long as they are there.
func (d *drafter) findings(rec *workflows.Record) {
	var rows [][]Value
	for _, f := range rec.Findings {
		id, ofClock := strings.CutPrefix(f.Check, clockCheck)
		if ofClock && slices.ContainsFunc(rec.Clocks, func(c *workflows.Clock) bool { return c.ID == id && c.Breached != nil }) {
			continue
		}
		rows = append(rows, cells(f.Severity, f.Check, f.Text, f.Act))
	}
	if len(rows) == 0 {
		return
	}
	d.section("findings", "Findings")
	d.table([]string{"severity", "looked at", "found", "to do"}, rows, "")
}

// tasks are the automated steps that were carried out, and how they ended.
func (d *drafter) tasks(rec *workflows.Record) {
	d.section("done", "What was done by itself")
	var rows [][]Value
	walk(rec, func(s *workflows.Step) {
		if s.Action == "" || s.State == workflows.Pending || s.State == workflows.Skipped {
			return
		}
		text := string(s.State)
		if s.Error != "" {
			text += ": " + s.Error
		}
		if s.Child != nil && s.Child.WorkflowID != "" {
			text += "; its own account: " + s.Child.WorkflowID
		}
		rows = append(rows, cells(stampOf(s.Started), cmp.Or(s.Title, s.Path), s.Action, text))
	})
	d.table([]string{"time (UTC)", "what", "by", "how it ended"}, rows, "Nothing.")
}

// walk visits every step, outer before inner.
func walk(rec *workflows.Record, visit func(*workflows.Step)) {
	for _, p := range rec.Phases {
		walkSteps(p.Steps, visit)
	}
	walkSteps(rec.Questions, visit)
	if rec.Rollback != nil {
		walkSteps(rec.Rollback.Then, visit)
	}
	walkSteps(rec.Finally, visit)
}

func walkSteps(steps []*workflows.Step, visit func(*workflows.Step)) {
	for _, s := range steps {
		if s == nil {
			continue
		}
		visit(s)
		walkSteps(s.Earlier, visit)
		walkSteps(s.Steps, visit)
		for _, item := range s.Items {
			if item == nil {
				continue
			}
			walkSteps(item.Steps, visit)
		}
	}
}

// asks are the steps that asked people something.
func asks(rec *workflows.Record) (out []*workflows.Step) {
	walk(rec, func(s *workflows.Step) {
		if s.Ask != nil {
			out = append(out, s)
		}
	})
	return out
}
