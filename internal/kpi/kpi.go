// Package kpi makes the key figures of how incidents are handled from the records in the journal, and from
// nothing else: no figure rests on anybody's memory. docs/kpi.md explains each to its readers; the comments
// of the figures' ids say the same in short.
//
// # What counts
//
// Drills count nowhere. A run with an incident is one incident, however often it continued as new, however many
// alerts joined it, and also when an alert opened it again after a resolution. An incident that a maintenance
// window held back opens when it is let go; one that was over by then is no incident. A false alarm counts for
// how fast and punctual people were, but nothing failed: it is left out of every other figure. A figure of which
// there are no records is "no data", never 0 or 100 %.
//
// # When it counts
//
// Everything counts once, in the period in which it was decided: an acknowledgement when it was given, a
// resolution when it was made, a promise when it was kept or broken, an incident's opening when it opened. So
// an incident that spans the edge of two periods is neither lost nor counted twice.
package kpi

import "time"

// ID names a figure. It is the figure's name in JSON, CSV and metrics.
type ID string

// The figures.
const (
	// MTTA is the mean time to acknowledge: from an incident's opening to its first acknowledgement, over the
	// acknowledgements of the period. Whoever resolves or aborts an incident that nobody had acknowledged does so
	// by that. Left out is what somebody took on while a maintenance window held it back: nobody was called.
	MTTA ID = "mtta"
	// MTTR is the mean time to resolve: from an incident's opening to its last resolution, over the resolutions
	// of the period. A resolution that did not last is none. Aborted incidents are left out.
	MTTR ID = "mttr"
	// MTBF is the mean time between failures: the time of the period in which no incident was open, divided by
	// the incidents that opened in it. Time in which several were open counts once, and time before the journal's
	// first run is not looked at.
	MTBF ID = "mtbf"
	// Recurrence is the share of the incidents opened in the period that came back: opened again after their
	// resolution, or of the same cause as another one resolved at most RecurrenceWindow before they opened.
	Recurrence ID = "recurrence"
	// Escalation is the share of the incidents resolved in the period that ended at the level that was paged
	// first: nobody had to regrade them, and they did not climb because nobody of that level answered.
	Escalation ID = "escalation_accuracy"
	// SLA is the share of the promises decided in the period that were kept: acknowledgement, first mitigation,
	// resolution and status updates, each in the time that procedure, severity or policy promise. An extension
	// moves a promise; one that was put away because the incident was over first is neither kept nor broken.
	SLA ID = "sla_compliance"
	// Documentation is the share of the post-mortems started in the period that are complete. One that is not yet
	// due is left out; one that is overdue or could not even be started is not complete.
	Documentation ID = "documentation"
	// Participation is how many of the people invited to the period's reviews were there.
	Participation ID = "participation"
	// Satisfaction is the mean of the scores that reviews of the period noted, 1 to 5.
	Satisfaction ID = "satisfaction"
)

// RecurrenceWindow is how long after a resolution the same cause counts as the same trouble come back.
const RecurrenceWindow = 30 * 24 * time.Hour

// Unit is what a figure is measured in.
type Unit string

// The units.
const (
	Seconds Unit = "s"
	Ratio   Unit = "ratio" // 0 to 1
	Score   Unit = "score" // 1 to 5
)

// Target is what a figure should be: less than, more than or at least a value.
type Target struct {
	Op    string  `json:"op"` // <, >, >=
	Value float64 `json:"value"`
}

// Met says whether the value is as it should be.
func (t Target) Met(value float64) bool {
	switch t.Op {
	case "<":
		return value < t.Value
	case ">":
		return value > t.Value
	default:
		return value >= t.Value
	}
}

// definition is what is the same for a figure whatever its value.
type definition struct {
	id     ID
	title  string
	unit   Unit
	of     string // what the records are that it rests on
	target Target
}

// definitions are all figures in the order in which they are shown, with the targets of the written procedure.
func definitions() []definition {
	return []definition{
		{MTTA, "Mean time to acknowledge", Seconds, "acknowledgements", Target{"<", 5 * 60}},
		{MTTR, "Mean time to resolve", Seconds, "resolutions", Target{"<", 30 * 60}},
		{MTBF, "Mean time between failures", Seconds, "incidents opened", Target{">", 72 * 60 * 60}},
		{Recurrence, "Incidents that came back", Ratio, "incidents opened", Target{"<", 0.05}},
		{Escalation, "Escalation accuracy", Ratio, "incidents resolved", Target{">", 0.95}},
		{SLA, "SLA compliance", Ratio, "promises", Target{">", 0.995}},
		{Documentation, "Documentation complete", Ratio, "post-mortems", Target{">=", 1}},
		{Participation, "Participation in reviews", Ratio, "reviews", Target{">", 0.9}},
		{Satisfaction, "Customer satisfaction", Score, "scores", Target{">", 4.5}},
	}
}

// By is what figures are grouped by.
type By string

// The groupings.
const (
	ByNothing   By = ""
	ByProcedure By = "procedure"
	// ByService counts an incident of two services for both, so groups may add up to more than the whole.
	ByService By = "service"
	// ByPerson gives acknowledgements to who acknowledged and everything else to the incident's owner.
	ByPerson By = "person"
	// ByWeek is by ISO week, Monday to Sunday, of the options' time zone.
	ByWeek By = "week"
)

// Set is the figures of a period.
type Set struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // excluded
	// Observed is when the journal's first run was started, if that is after Since: before, nothing is known.
	Observed  time.Time `json:"observed"`
	TimeZone  string    `json:"time_zone"`
	Procedure string    `json:"procedure,omitempty"` // the only one looked at
	Incidents Counts    `json:"incidents"`
	Figures   []Figure  `json:"figures"`
	By        By        `json:"by,omitempty"`
	Groups    []Group   `json:"groups,omitempty"`
	// LeftOut are the runs whose records tell nothing.
	LeftOut []LeftOut `json:"left_out"`
}

// Figure finds one of the figures of the whole period.
func (s *Set) Figure(id ID) Figure { return find(s.Figures, id) }

func find(all []Figure, id ID) Figure {
	for _, f := range all {
		if f.ID == id {
			return f
		}
	}
	return Figure{}
}

// Counts are the incidents of a period.
type Counts struct {
	Opened   int `json:"opened"`
	Resolved int `json:"resolved"`
	Aborted  int `json:"aborted"`
	// Unresolved are those whose run ended although nobody had resolved or aborted them.
	Unresolved int `json:"unresolved"`
	// FalseAlarms opened, and people found nothing wrong. They are in none of the other numbers.
	FalseAlarms int `json:"false_alarms"`
	// Open are those that were going on at the period's end, and Unacknowledged those of them that nobody had
	// acknowledged by then: no mean time tells of these.
	Open           int `json:"open"`
	Unacknowledged int `json:"unacknowledged"`
	// BySeverity are those opened.
	BySeverity []SeverityCount `json:"by_severity"`
}

// SeverityCount is how many incidents were how grave in the end.
type SeverityCount struct {
	Scale    string `json:"scale"`
	Severity string `json:"severity"`
	Count    int    `json:"count"`
}

// Group is the figures of one procedure, service, person or week.
type Group struct {
	// Key is its id, "2026-W47" of a week; empty for incidents without a service, or that nobody had.
	Key       string   `json:"key"`
	Incidents Counts   `json:"incidents"`
	Figures   []Figure `json:"figures"`
}

// Figure finds one of the group's figures.
func (g Group) Figure(id ID) Figure { return find(g.Figures, id) }

// Figure is one figure with what it should be.
type Figure struct {
	ID    ID     `json:"id"`
	Title string `json:"title"`
	Unit  Unit   `json:"unit"`
	// Value is nil when there is no data.
	Value *float64 `json:"value"`
	// N is on how many records it rests, and Of what these are.
	N      int    `json:"n"`
	Of     string `json:"of"`
	Target Target `json:"target"`
	// Met is nil when there is no data.
	Met        *bool  `json:"met"`
	Text       string `json:"text"` // the value for people
	TargetText string `json:"target_text"`
}

// LeftOut is a run whose record tells nothing.
type LeftOut struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Why        string `json:"why"`
}
