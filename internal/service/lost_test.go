package service

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderly-ops/orderly/internal/journal"
)

// executions are what Temporal knows of one workflow id, the last one last.
type executions []*workflowpb.WorkflowExecutionInfo

func (e executions) DescribeWorkflowExecution(_ context.Context, _, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	for i := len(e) - 1; i >= 0; i-- {
		if runID == "" || e[i].GetExecution().GetRunId() == runID {
			return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: e[i]}, nil
		}
	}
	return nil, serviceerror.NewNotFound("no such run")
}

// outOfReach is a server that is away.
type outOfReach struct{}

func (outOfReach) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, errors.New("it is away")
}

func TestARunThatCouldNotSayItsEndIsClosedInTheJournal(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	// execution is one that began and, unless to is 0, ended so many minutes after the first.
	execution := func(id, first string, status enumspb.WorkflowExecutionStatus, from, to int) *workflowpb.WorkflowExecutionInfo {
		info := &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: id}, FirstRunId: first, Status: status, StartTime: timestamppb.New(at(from)),
		}
		if to > 0 {
			info.CloseTime = timestamppb.New(at(to))
		}
		return info
	}
	const (
		running    = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		terminated = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
		continued  = enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
		completed  = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	)
	for name, c := range map[string]struct {
		known   describer
		updated int // minutes after the start
		now     time.Duration
		want    string
		ended   int
	}{
		"ThatGoesOnIsLeft":                    {known: executions{execution("a", "a", running, 0, 0)}, want: "running"},
		"WhenItWasTerminated":                 {known: executions{execution("a", "a", terminated, 0, 7)}, want: "terminated", ended: 7},
		"WhenTheJournalWasAwayAtItsEnd":       {known: executions{execution("a", "a", completed, 0, 7)}, want: "succeeded", ended: 7},
		"ThatContinuedAsNewIsLeft":            {known: executions{execution("a", "a", continued, 0, 5), execution("b", "a", running, 5, 0)}, want: "running"},
		"WhenALaterExecutionWasTerminated":    {known: executions{execution("b", "a", terminated, 5, 9)}, want: "terminated", ended: 9},
		"WhenAnotherRunHasItsName":            {known: executions{execution("a", "a", terminated, 0, 7), execution("b", "b", running, 20, 0)}, want: "terminated", ended: 7},
		"WhenOnlyTheNextOneIsKnown":           {known: executions{execution("b", "b", running, 20, 0)}, updated: 3, want: "terminated", ended: 3},
		"ThatIsGoneOnWithToUndoIsLeft":        {known: executions{execution("a", "a", terminated, 0, 7), execution("b", "b", running, 20, 0)}, updated: 21, want: "running"},
		"ThatFollowedFromAnotherOneIsLeft":    {known: executions{execution("z", "z", continued, -9, 0), execution("a", "z", continued, 0, 5), execution("b", "z", running, 5, 0)}, want: "running"},
		"WhenTemporalForgotItIsLeftForAWhile": {known: executions{}, want: "running"},
		"WhenTemporalForgotItLongAgo":         {known: executions{}, updated: 3, now: 31 * 24 * time.Hour, want: "terminated", ended: 3},
		"UnlessTemporalIsAway":                {known: outOfReach{}, now: 31 * 24 * time.Hour, want: "running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, log.Close()) })
			require.NoError(t, log.SaveRun(t.Context(), journal.Run{
				WorkflowID: "w", RunID: "a", Procedure: "p", State: "running", Started: began, Updated: at(c.updated), Record: []byte("{}"),
			}))
			l := lost{temporal: c.known, journal: log, logger: quiet(), now: func() time.Time { return began.Add(c.now + time.Hour) }}
			if err := l.once(t.Context()); err != nil {
				require.ErrorContains(t, err, "it is away")
			}
			got, err := log.Run(t.Context(), "w", "a")
			require.NoError(t, err)
			require.Equal(t, c.want, got.State)
			if c.ended > 0 {
				require.Equal(t, at(c.ended), got.Ended)
			} else {
				require.Zero(t, got.Ended)
			}
		})
	}
}
