package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// Names of the queries every run answers.
const (
	QueryStatus   = "status"   // → Record
	QueryTimeline = "timeline" // → []Event
)

// answerQueries lets everybody see how the run stands, closed runs included.
func (r *run) answerQueries(ctx workflow.Context) error {
	status := func() (*Record, error) { return r.record, nil }
	options := workflow.QueryHandlerOptions{Description: "the record of the run: phases, steps, clocks, findings, timeline"}
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryStatus, status, options); err != nil {
		return err
	}
	timeline := func() ([]Event, error) { return r.record.Timeline, nil }
	options.Description = "what happened, in order"
	return workflow.SetQueryHandlerWithOptions(ctx, QueryTimeline, timeline, options)
}
