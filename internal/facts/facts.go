// Package facts takes from a run's record the little that key figures are made of: when an incident opened
// and who acknowledged and resolved it when, which promises were kept, what people said of satisfaction. A
// record of 30 KB has about 1 KB of facts. The journal keeps them beside the record, so that figures over
// thousands of runs need not read the records again; whoever has a record can make them anew with Of.
package facts

import (
	"time"
)

// Version changes whenever Of finds something else in the same record. Facts of another version are made anew.
const Version = 3

// Facts are those of one run. The zero value is a run that no figure is made of.
type Facts struct {
	Incident   *Incident   `json:"incident,omitempty"`
	Promises   []Promise   `json:"promises,omitempty"`
	PostMortem *PostMortem `json:"post_mortem,omitempty"`
	Reviews    []Review    `json:"reviews,omitempty"`
}

// Incident is what a run's incident comes to. One that was opened again is still one incident.
type Incident struct {
	// State is the record's: open, acknowledged, mitigated, resolved, aborted.
	State    string   `json:"state"`
	Scale    string   `json:"scale,omitempty"`
	Severity string   `json:"severity,omitempty"` // in the end
	Services []string `json:"services,omitempty"`
	// Opened is when people were first to be called: the run's start, or the end of the maintenance window
	// that held it back.
	Opened time.Time `json:"opened"`
	// Quiet says that nobody was ever to be called: it is held back, or was over before it was let go.
	Quiet bool `json:"quiet,omitempty"`
	// Acknowledged is the first acknowledgement. Whoever resolves or aborts what nobody had acknowledged does
	// so too by that.
	Acknowledged *Deed `json:"acknowledged,omitempty"`
	// Over is the last resolution, or when it was aborted, or when its run ended without either; nil while it
	// goes on.
	Over     *time.Time `json:"over,omitempty"`
	Reopened int        `json:"reopened,omitempty"`
	Owner    string     `json:"owner,omitempty"` // id of the person
	// FirstLevel and Level are the policies that paged first and that it was at in the end. FirstLevel is empty
	// when nobody was paged, or when that is not known any more.
	FirstLevel string   `json:"first_level,omitempty"`
	Level      string   `json:"level,omitempty"`
	Alerts     []string `json:"alerts,omitempty"` // keys of its alerts, sorted
	// FalseAlarm says that people looked and found nothing wrong: a form's field "real" was answered "no".
	FalseAlarm bool `json:"false_alarm,omitempty"`
	// Unwritten says that its post-mortem could not even be started.
	Unwritten bool `json:"unwritten,omitempty"`
}

// Resolved says whether somebody resolved it.
func (i *Incident) Resolved() bool { return i.State == resolved && i.Over != nil }

// Aborted says whether it was given up.
func (i *Incident) Aborted() bool { return i.State == aborted }

// Deed is what somebody did.
type Deed struct {
	At time.Time `json:"at"`
	By string    `json:"by,omitempty"` // id of the person; their name where no id is known
}

// Promise is a clock of an incident that has been decided, or several alike that the record has no longer one by one.
type Promise struct {
	Kind string `json:"kind"` // acknowledge, respond, resolve, update
	Kept bool   `json:"kept"`
	// At is when it was decided: kept when it was met, broken when it was due. Of several it is the hour's beginning.
	At time.Time `json:"at"`
	// N is how many there are; 0 means one.
	N int `json:"n,omitempty"`
}

// Count is how many promises it stands for.
func (p Promise) Count() int { return max(p.N, 1) }

// PostMortem is what a run that writes an incident up comes to.
type PostMortem struct {
	Of string `json:"of"` // workflow id of the incident
	// Began is when that incident began, in the words of the post-mortem's input; may be empty.
	Began    string `json:"began,omitempty"`
	Complete bool   `json:"complete,omitempty"`
	// Overdue says that one of its times is over, or that it ended.
	Overdue bool `json:"overdue,omitempty"`
}

// Review is what people answered about a time that is over.
type Review struct {
	At           time.Time `json:"at"`
	Satisfaction *float64  `json:"satisfaction,omitempty"` // 1 to 5
	Invited      float64   `json:"invited,omitempty"`
	Present      float64   `json:"present,omitempty"` // of those; meaningless when nobody was invited
}
