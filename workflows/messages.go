package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// Names of the queries every run answers.
const (
	QueryStatus   = "status"   // → Record
	QueryTimeline = "timeline" // → []Event
	QueryCarried  = "carried"  // → Carried: what it takes to go on where the run ended, see UndoOf
)

// Names of the messages every run takes. Each is a signal and an Update with the same payload, the type
// of that name. An Update is answered with an Answer or an error of type ErrRefused; a signal that can't
// be taken is written to the timeline with the reason.
const (
	MessageAcknowledge = "acknowledge"
	MessageComplete    = "complete"
	MessageDecide      = "decide"
	MessageEscalate    = "escalate"
	MessageExtend      = "extend"
	MessageNote        = "note"
	MessageUpdate      = "update"
	MessageSeverity    = "severity"
	MessageResolve     = "resolve"
	MessageHandover    = "handover"
	MessageAbort       = "abort"
	MessageAlert       = "alert"
)

// ErrRefused is the type of the error that answers an Update which was not taken: unknown, not entitled,
// too late, or nothing to do it to.
const ErrRefused = "Refused"

// Answer is what an Update is answered with.
type Answer struct {
	// Now is one sentence of what is true: "acknowledged by Ann 02:19:07 UTC; paging stopped".
	Now string `json:"now"`
	// Changed is false when there was nothing left to do: the same message had been taken before.
	Changed bool `json:"changed"`
	// By is the person as the org knows them.
	By string `json:"by,omitempty"`
}

// Acknowledge says: I have seen it and am on it. It stops the paging and holds for the policy's lease.
type Acknowledge struct {
	By   string `json:"by"`
	Note string `json:"note,omitempty"`
}

// Complete says that an `ask` was done, or with Skip that it will not be. Step may also be "respond": a
// first mitigation is in place.
type Complete struct {
	By     string         `json:"by"`
	Step   string         `json:"step"`
	Form   map[string]any `json:"form,omitempty"`
	Skip   bool           `json:"skip,omitempty"`
	Reason string         `json:"reason,omitempty"` // needed to skip
}

// Decide answers an `approve`.
type Decide struct {
	By      string `json:"by"`
	Step    string `json:"step"`
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty"` // needed to reject
}

// Escalate pages the next tier now.
type Escalate struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Extend moves the due time of a running clock.
type Extend struct {
	By     string        `json:"by"`
	Clock  string        `json:"clock"` // its id in the record, such as "respond" or "step:ready"
	For    sops.Duration `json:"for"`
	Reason string        `json:"reason"`
}

// Note writes a line to the timeline.
type Note struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// Update is a status update for the stakeholders.
type Update struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// ChangeSeverity changes the severity: a grade of the incident's scale.
type ChangeSeverity struct {
	By       string `json:"by"`
	Severity string `json:"severity"`
	Reason   string `json:"reason"`
}

// Resolve says that the incident is over.
type Resolve struct {
	By         string `json:"by"`
	Resolution string `json:"resolution"`
}

// Handover gives the incident and open asks to somebody else, until a time or for good.
type Handover struct {
	By    string     `json:"by"`
	To    string     `json:"to"`
	Until *time.Time `json:"until,omitempty"`
}

// Abort ends the run.
type Abort struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// The states of an alert.
const (
	AlertFiring   = "firing"
	AlertResolved = "resolved"
)

// Alert is what a monitoring system saw. It starts the incident or joins it.
type Alert struct {
	Key      string            `json:"key"`
	Status   string            `json:"status"`
	Summary  string            `json:"summary"`
	Labels   map[string]string `json:"labels,omitempty"`
	StartsAt *time.Time        `json:"starts_at,omitempty"`
}

// answerQueries lets everybody see how the run stands, closed runs included.
func (r *run) answerQueries(ctx workflow.Context) error {
	status := func() (json.RawMessage, error) { return r.record.fitting() }
	options := workflow.QueryHandlerOptions{Description: "the record of the run: phases, steps, clocks, findings, timeline"}
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryStatus, status, options); err != nil {
		return err
	}
	options.Description = "what it takes to undo what a run that has ended still owes"
	carried := func() (*Carried, error) { return CarryOn(r.pin, r.record) }
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryCarried, carried, options); err != nil {
		return err
	}
	options.Description = "what happened, in order"
	return workflow.SetQueryHandlerWithOptions(ctx, QueryTimeline, r.record.latest, options)
}

// latest is the timeline, or as much of its end as fits into an answer.
func (rec *Record) latest() (json.RawMessage, error) {
	events := rec.Timeline
	for {
		data, err := json.Marshal(events)
		if err != nil || len(data) <= maxAnswer {
			return data, err
		}
		half := len(events) / 2
		left := len(rec.Timeline) - len(events) + half
		note := Event{At: events[half].At, Kind: "run", Text: fmt.Sprintf("%d lines before this one are left out: they do not fit", left)}
		events = append([]Event{note}, events[half:]...)
	}
}
