package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

const (
	// lostEvery is how often the runs are looked at that the journal holds open.
	lostEvery = 5 * time.Minute
	// forgottenAfter is after how long without a word a run that Temporal knows nothing of is taken to have ended.
	// Before that it may be one of another namespace with the same journal.
	forgottenAfter = 30 * 24 * time.Hour
	// stateTerminated is how a run ended that Temporal ended from outside.
	stateTerminated = "terminated"
)

// describer tells how a run stands in Temporal.
type describer interface {
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// openRuns is what the journal is asked and told.
type openRuns interface {
	EachRun(ctx context.Context, f journal.RunFilter, each func(journal.Run) error) error
	CloseRun(ctx context.Context, workflowID, runID, state string, at time.Time) (bool, error)
}

// lost closes in the journal what could not say its own end: a run that was terminated writes nothing any more, and
// an incident must not burn for ever in the figures because of that.
type lost struct {
	temporal describer
	journal  openRuns
	logger   *slog.Logger
	now      func() time.Time
}

// run looks at once and then every so often, until ctx ends.
func (l *lost) run(ctx context.Context) {
	tick := time.NewTicker(lostEvery)
	defer tick.Stop()
	for {
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			l.logger.Warn("runs that were terminated stay open in the journal for now", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// once is one pass.
func (l *lost) once(ctx context.Context) error {
	var open []journal.Run
	err := l.journal.EachRun(ctx, journal.RunFilter{State: string(workflows.Running)}, func(r journal.Run) error {
		open = append(open, r)
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range open {
		state, at, err := l.end(ctx, r)
		if err != nil {
			return err
		}
		if state == "" {
			continue
		}
		if at.Before(r.Started) {
			at = r.Started
		}
		closed, err := l.journal.CloseRun(ctx, r.WorkflowID, r.RunID, state, at)
		if err != nil {
			return err
		}
		if closed {
			l.logger.Info("a run has ended without a word; the journal says so now", "run", r.WorkflowID, "state", state)
		}
	}
	return nil
}

// end is how and when a run of the journal ended in Temporal; state is empty when it goes on, or when nobody knows.
//
// A run is known by its first execution. Others of its workflow id are of the same run when they follow from that by
// continuing as new, or when they have written the record since: an undo goes on with a run that was terminated.
func (l *lost) end(ctx context.Context, r journal.Run) (state string, at time.Time, err error) {
	last, err := l.describe(ctx, r.WorkflowID, "")
	if last == nil || err != nil {
		if err == nil && l.now().Sub(r.Updated) > forgottenAfter {
			return stateTerminated, r.Updated, nil
		}
		return "", time.Time{}, err
	}
	own := last
	if last.GetFirstRunId() != r.RunID {
		if own, err = l.describe(ctx, r.WorkflowID, r.RunID); err != nil {
			return "", time.Time{}, err
		}
	}
	ofIt := own.GetFirstRunId() == last.GetFirstRunId() || !r.Updated.Before(last.GetStartTime().AsTime())
	switch {
	case ofIt && last.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "", time.Time{}, nil
	case ofIt:
		return stateOf(last), last.GetCloseTime().AsTime(), nil
	case own.GetCloseTime() != nil && own.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return stateOf(own), own.GetCloseTime().AsTime(), nil
	default: // it ended in an execution that nobody can name any more
		return stateTerminated, r.Updated, nil
	}
}

// describe is an execution as Temporal knows it, nil when it does not. Without a runID it is the last one.
func (l *lost) describe(ctx context.Context, workflowID, runID string) (*workflowpb.WorkflowExecutionInfo, error) {
	answer, err := l.temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return nil, nil //nolint:nilnil // that it is unknown is an answer
	}
	return answer.GetWorkflowExecutionInfo(), err
}

func stateOf(info *workflowpb.WorkflowExecutionInfo) string {
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return string(workflows.Succeeded)
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return string(workflows.Failed)
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return string(workflows.Cancelled)
	default:
		return stateTerminated
	}
}
