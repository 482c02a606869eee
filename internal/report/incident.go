package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Incident is the report of an incident: everything its record knows, and what people have said of it. What nobody
// has said yet is missing. made is when the report is written.
func Incident(rec *workflows.Record, a Answers, made time.Time) *Document {
	a = a.Or(AnswersOf(rec))
	d := about(KindIncident, "Incident report: "+headline(rec, a), rec, made)
	d.incidentHead(rec, a)
	d.summarySection(rec, a)
	d.impact(rec, a)
	d.timeline(rec)
	d.cause(a)
	d.resolution(rec, a)
	d.section("lessons", "Lessons")
	d.answer(a.Lessons, "lessons")
	d.items(a)
	d.record(rec, false)
	return d.done(incidentSentence(rec, a))
}

// PostMortem is the analysis of an incident.
func PostMortem(rec *workflows.Record, a Answers, made time.Time) *Document {
	a = a.Or(AnswersOf(rec))
	d := about(KindPostMortem, "Post-mortem: "+headline(rec, a), rec, made)
	d.incidentHead(rec, a)
	d.summarySection(rec, a)
	d.impact(rec, a)
	d.section("figures", "Impact in figures")
	d.answer(a.Figures, "impact in figures")
	d.timeline(rec)
	d.cause(a)
	d.section("factors", "Contributing factors")
	d.answer(a.Factors, "contributing factors")
	d.resolution(rec, a)
	d.section("well", "What went well")
	d.answer(a.Well, "what went well")
	d.section("improve", "What could go better")
	d.answer(a.Improve, "what could go better")
	d.items(a)
	d.record(rec, false)
	return d.done(incidentSentence(rec, a))
}

// Security is what people have said of a security incident, beside the answers of any incident.
type Security struct {
	Title       string     `json:"title,omitempty" doc:"The headline." default:"that of the incident"`
	Scope       string     `json:"scope,omitempty" doc:"What was reached: systems, accounts, how."`
	Data        string     `json:"data,omitempty" doc:"Which data were seen, changed or lost."`
	Breach      string     `json:"breach,omitempty" doc:"Whether it is a breach that has to be notified, and whether it was."`
	Containment string     `json:"containment,omitempty" doc:"What was cut off, and when."`
	Recovery    string     `json:"recovery,omitempty" doc:"How things were put back, and how that was checked."`
	NotDone     []string   `json:"not_done,omitempty" doc:"What was to be done and was not, a line each."`
	Manifest    string     `json:"manifest,omitempty" doc:"Key of the list of evidence." default:"the last one that the run made"`
	Evidence    []Evidence `json:"evidence,omitempty" doc:"The evidence." default:"what that list has"`
}

// SecurityReport is the report of a security incident, with the list of its evidence.
func SecurityReport(rec *workflows.Record, s Security, a Answers, made time.Time) *Document {
	a, s = a.Or(AnswersOf(rec)), s.or(securityOf(rec))
	d := about(KindSecurity, "Security report: "+pick(s.Title, headline(rec, a)), rec, made)
	d.incidentHead(rec, a)
	d.summarySection(rec, a)
	for _, part := range []struct{ id, title, text, what string }{
		{"scope", "Scope", s.Scope, "scope: what was reached, and how"},
		{"data", "Data", s.Data, "data that were seen, changed or lost"},
		{"breach", "Notification", s.Breach, "whether a breach has to be notified"},
		{"containment", "Containment", s.Containment, "containment: what was cut off"},
		{"recovery", "Recovery", s.Recovery, "recovery, and how it was checked"},
	} {
		d.section(part.id, part.title)
		d.answer(part.text, part.what)
	}
	if len(s.NotDone) > 0 {
		d.section("not-done", "Not done")
		d.list(s.NotDone, "")
	}
	d.impact(rec, a)
	d.securityEvidence(rec, s)
	d.timeline(rec)
	d.cause(a)
	d.resolution(rec, a)
	d.record(rec, true)
	return d.done(incidentSentence(rec, a))
}

// securityEvidence lists the evidence that was named, else what the run has listed itself.
func (d *drafter) securityEvidence(rec *workflows.Record, s Security) {
	if len(s.Evidence) == 0 {
		d.evidence(rec, true)
		return
	}
	d.section("evidence", "Evidence")
	d.evidenceTable(s.Evidence)
	if s.Manifest != "" {
		d.text("The list is %s. In the folder of artifacts sha256sum -c checks it.", s.Manifest)
	}
}

// headline says what it was about.
func headline(rec *workflows.Record, a Answers) string {
	if rec.Incident != nil && rec.Incident.Summary != "" {
		return first(line(rec.Incident.Summary), 120)
	}
	return first(line(pick(a.Summary, name(rec))), 120)
}

// incidentHead are id, time, severity, duration and status.
func (d *drafter) incidentHead(rec *workflows.Record, a Answers) {
	d.section("incident", "Incident")
	facts := d.head(rec)
	inc := rec.Incident
	if inc == nil {
		d.facts(append(facts, Fact{Name: "Severity", Value: d.asked(a.Severity, "severity")}, fact("Status", string(rec.State)))...)
		return
	}
	severity := cmp.Or(inc.Severity, a.Severity)
	if severity != "" && inc.Scale != "" {
		severity += " (" + inc.Scale + ")"
	}
	facts = append(facts,
		Fact{Name: "Severity", Value: d.asked(severity, "severity")},
		fact("Level", inc.Level),
		fact("Status", incidentStatus(rec)),
		fact("The run itself", string(rec.State)))
	for _, at := range inc.Reopened {
		facts = append(facts, fact("Opened again (UTC)", stamp(at)))
	}
	d.facts(facts...)
	if rec.Failure != nil {
		d.text("The run failed: %s", rec.Failure.String())
	}
	if inc.HeldBack != nil {
		d.text("A maintenance window kept it from paging for some time; the timeline says when.")
	}
}

func incidentStatus(rec *workflows.Record) string {
	switch inc := rec.Incident; {
	case inc.State == workflows.IncidentResolved && inc.Resolved != nil:
		return "resolved " + stamp(inc.Resolved.At)
	case inc.State == workflows.IncidentAborted && rec.Aborted != nil:
		return "aborted " + stamp(rec.Aborted.At)
	default:
		return string(inc.State)
	}
}

func (d *drafter) summarySection(rec *workflows.Record, a Answers) {
	d.section("summary", "Summary")
	known := ""
	if rec.Incident != nil {
		known = rec.Incident.Summary
	}
	d.answer(pick(a.Summary, known), "summary")
}

// impact is who and what was hit.
func (d *drafter) impact(rec *workflows.Record, a Answers) {
	d.section("impact", "Impact")
	services, users, business := "", "", ""
	if inc := rec.Incident; inc != nil {
		services, users, business = strings.Join(inc.Services, ", "), inc.UserImpact, inc.BusinessImpact
	}
	facts := []Fact{
		{Name: "Users", Value: d.asked(a.Users, "impact on users")},
		{Name: "Services", Value: d.asked(pick(services, a.Services), "services affected")},
		{Name: "Business", Value: d.asked(a.Business, "impact on the business")},
	}
	if users != "" {
		facts = append(facts, fact("Grade, users", users))
	}
	if business != "" {
		facts = append(facts, fact("Grade, business", business))
	}
	d.facts(facts...)
	d.alerts(rec)
}

func (d *drafter) alerts(rec *workflows.Record) {
	if rec.Incident == nil || len(rec.Incident.Alerts) == 0 {
		return
	}
	var rows [][]Value
	for _, a := range rec.Incident.Alerts {
		state := a.Status
		if a.Resolved != nil {
			state = "over since " + stamp(*a.Resolved)
		}
		rows = append(rows, cells(stamp(a.First), cmp.Or(a.Summary, a.Key), state, fmt.Sprintf("%d times", a.Count)))
	}
	d.table([]string{"alert since (UTC)", "what", "state", "reported"}, rows, "")
}

func (d *drafter) cause(a Answers) {
	d.section("root-cause", "Root cause")
	d.answer(a.Cause, "root cause")
}

// resolution is what ended it, in the words of whoever did.
func (d *drafter) resolution(rec *workflows.Record, a Answers) {
	d.section("resolution", "Resolution")
	known := ""
	if rec.Incident != nil && rec.Incident.Resolved != nil {
		known = rec.Incident.Resolved.Text
	}
	d.answer(pick(a.Resolution, known), "resolution: what ended it")
	if known != "" && said(a.Resolution) && a.Resolution != known {
		d.text("When it was closed, %s said: %s", cmp.Or(rec.Incident.Resolved.By.Name, "the run"), known)
	}
	for _, part := range []struct{ what, text string }{{"Monitoring since then", a.Monitoring}, {"So that it does not come back", a.Prevention}} {
		if said(part.text) {
			d.text("%s: %s", part.what, part.text)
		}
	}
}

// items are what will be done, by whom, until when, and how that stands.
func (d *drafter) items(a Answers) {
	d.section("items", "Action items")
	switch {
	case len(a.Items) > 0:
		var rows [][]Value
		for _, i := range a.Items {
			rows = append(rows, []Value{
				d.asked(i.What, "an action item's work"), d.asked(i.Who, "owner of: "+i.What), d.asked(i.Due, "due day of: "+i.What),
				{Text: cmp.Or(i.Status, ItemOpen)}, {Text: i.Note},
			})
		}
		d.table([]string{"what", "owner", "due", "status", "note"}, rows, "")
	case a.NoItems:
		d.text("It was said that nothing has to be done.")
	default:
		d.answer("", "action items")
	}
}

// record is what the run itself can tell besides.
func (d *drafter) record(rec *workflows.Record, evidenceShown bool) {
	d.clocks(rec)
	d.paged(rec)
	d.statements(rec)
	d.tasks(rec)
	d.undone(rec)
	d.findings(rec)
	if !evidenceShown {
		d.evidence(rec, false)
	}
	d.updates(rec)
}

// statements are all answers that people gave in the run, as they gave them.
func (d *drafter) statements(rec *workflows.Record) {
	var rows [][]Value
	for _, s := range asks(rec) {
		for _, f := range formOf(s) {
			rows = append(rows, cells(s.Title, f.Name, f.Value.Text, cmp.Or(s.Ask.Done.By.Name, s.Ask.Done.By.ID)))
		}
	}
	if len(rows) > 0 {
		d.section("answers", "What people said in the run")
		d.table([]string{"step", "question", "answer", "by"}, rows, "")
	}
}

// updates are what the stakeholders were told.
func (d *drafter) updates(rec *workflows.Record) {
	if rec.Incident == nil || len(rec.Incident.Updates) == 0 {
		return
	}
	d.section("updates", "What stakeholders were told")
	var rows [][]Value
	for _, u := range rec.Incident.Updates {
		by := u.By
		if u.Drafted {
			by = "drafted from the record: nobody had written one in time"
		}
		rows = append(rows, cells(stamp(u.At), u.Text, by))
	}
	d.table([]string{"time (UTC)", "text", "by"}, rows, "")
}

// incidentSentence is the report in one sentence.
func incidentSentence(rec *workflows.Record, a Answers) string {
	text := name(rec) + " of " + began(rec).UTC().Format(time.DateOnly)
	if inc := rec.Incident; inc != nil {
		text += fmt.Sprintf(", %s, %s", cmp.Or(inc.Severity, "no severity"), inc.State)
	}
	text += ", " + lasted(rec)
	open := 0
	for _, i := range a.Items {
		if !i.Over() {
			open++
		}
	}
	if len(a.Items) > 0 {
		text += fmt.Sprintf(", %d of %s open", open, counted(len(a.Items), "action item", "action items"))
	}
	return text + "."
}
