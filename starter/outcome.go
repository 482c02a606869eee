package main

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc/codes"

	"github.com/orderly-ops/orderly/workflows"
)

// outcome is how a run ended. Word is succeeded, failed, cancelled, terminated or timed out; Temporal
// tells the last two apart, procedures don't, so State is cancelled for them.
type outcome struct {
	word    string
	state   workflows.State
	message string
	summary *workflows.Summary
	ended   time.Time
	runID   string // of the execution that ended: the last one when it continued as new
}

// awaitEnd waits until the run is over, however often it continues as new or is tried again, and calls
// moved with each new run id.
func (c *cluster) awaitEnd(ctx context.Context, workflowID, runID string, moved func(runID string)) (outcome, error) {
	for {
		last, err := c.closingEvent(ctx, workflowID, runID, true)
		if comesBack(err) && pause(ctx, calm) {
			continue
		}
		if err != nil {
			return outcome{}, err
		}
		next := nextRun(last)
		if next == "" {
			o := readOutcome(last)
			o.runID = runID
			return o, nil
		}
		runID = next
		moved(runID)
	}
}

// comesBack says that the server can't answer at the moment, which may be over in the next one: a restart,
// a network that is away, a server that is too busy.
func comesBack(err error) bool {
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Canceled,
		codes.Internal, codes.Unknown:
		return true
	default:
		return false
	}
}

// pause waits, and is false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// closingEvent is the last event of a closed execution; nil without an error when it is open and wait
// is false.
func (c *cluster) closingEvent(ctx context.Context, workflowID, runID string, wait bool) (*historypb.HistoryEvent, error) {
	events := c.GetWorkflowHistory(ctx, workflowID, runID, wait, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	for events.HasNext() {
		ev, err := events.Next()
		if err != nil {
			return nil, err
		}
		if closes(ev.GetEventType()) {
			return ev, nil
		}
	}
	return nil, ctx.Err()
}

func closes(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	default:
		return false
	}
}

// nextRun is the run id under which the work goes on, "" when this was the end.
func nextRun(ev *historypb.HistoryEvent) string {
	switch ev.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return ev.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return ev.GetWorkflowExecutionFailedEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return ev.GetWorkflowExecutionTimedOutEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return ev.GetWorkflowExecutionCompletedEventAttributes().GetNewExecutionRunId()
	default:
		return ""
	}
}

func readOutcome(ev *historypb.HistoryEvent) outcome {
	o := outcome{ended: ev.GetEventTime().AsTime(), state: workflows.Cancelled}
	switch ev.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		o.summary = readSummary(ev.GetWorkflowExecutionCompletedEventAttributes().GetResult())
		o.state = workflows.Succeeded
		if o.summary != nil && o.summary.State != "" {
			o.state = o.summary.State
		}
		o.word = string(o.state)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		o.state, o.word = workflows.Failed, "failed"
		o.message = rootMessage(ev.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		o.word = "cancelled"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		at := ev.GetWorkflowExecutionTerminatedEventAttributes()
		o.word, o.message = "terminated", at.GetReason()
		if by := at.GetIdentity(); by != "" {
			o.message += " (by " + by + ")"
		}
	default:
		o.word = "timed out"
	}
	return o
}

func readSummary(result *commonpb.Payloads) *workflows.Summary {
	var s workflows.Summary
	if err := converter.GetDefaultDataConverter().FromPayloads(result, &s); err != nil || s.Procedure == "" {
		return nil
	}
	return &s
}

// rootMessage is the message of the failure and, where they say more, of its causes.
func rootMessage(f *failurepb.Failure) string {
	msg := f.GetMessage()
	for c := f.GetCause(); msg == "" && c != nil; c = c.GetCause() {
		msg = c.GetMessage()
	}
	return msg
}
