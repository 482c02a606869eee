package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// Names of the queries every run answers.
const (
	QueryStatus   = "status"   // → Record
	QueryTimeline = "timeline" // → []Event
)

// answerQueries lets everybody see how the run stands, closed runs included.
func (r *run) answerQueries(ctx workflow.Context) error {
	status := func() (json.RawMessage, error) { return r.record.fitting() }
	options := workflow.QueryHandlerOptions{Description: "the record of the run: phases, steps, clocks, findings, timeline"}
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryStatus, status, options); err != nil {
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
