package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/orderly-ops/orderly/workflows"
)

// visibility is the part of a Temporal client that windows are found with.
type visibility interface {
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// windows knows the maintenance windows that are open. A burst of incidents asks once.
type windows struct {
	mu    sync.Mutex
	asked time.Time
	open  []workflows.Window
	now   func() time.Time
}

const (
	windowsKept   = 5 * time.Second // how old an answer may be
	windowsWithin = 2 * time.Second // how long an incident waits for it
	maxWindows    = 50
)

// list gives the open windows. When that can't be found out there are none: people are paged.
func (w *windows) list(ctx context.Context, temporal visibility) []workflows.Window {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.now != nil {
		now = w.now()
	}
	if now.Sub(w.asked) < windowsKept {
		return w.open
	}
	w.asked, w.open = now, nil
	ctx, cancel := context.WithTimeout(ctx, windowsWithin)
	defer cancel()
	answer, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: maxWindows,
		Query: fmt.Sprintf("%s > '%s' AND ExecutionStatus = 'Running'",
			workflows.AttrMaintenance.GetName(), now.UTC().Format(time.RFC3339Nano)),
	})
	if err != nil {
		return nil
	}
	for _, info := range answer.GetExecutions() {
		fields := info.GetSearchAttributes().GetIndexedFields()
		window := workflows.Window{WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Root: info.GetRootExecution().GetWorkflowId(), Until: until(fields)}
		read(fields, workflows.AttrServices.GetName(), &window.Services)
		w.open = append(w.open, window)
	}
	return w.open
}

func until(fields map[string]*commonpb.Payload) (t time.Time) {
	read(fields, workflows.AttrMaintenance.GetName(), &t)
	return t.UTC()
}

// read decodes a search attribute; one that is not there leaves what it has.
func read(fields map[string]*commonpb.Payload, name string, into any) {
	if p, ok := fields[name]; ok {
		_ = converter.GetDefaultDataConverter().FromPayload(p, into) // Temporal checked its type when it was written
	}
}

// window says whether a maintenance run is still open.
func (a *Activities) window(ctx context.Context, request workflows.WindowRequest) (workflows.WindowState, error) {
	return state(ctx, temporalOf(ctx), request)
}

// temporalOf is the client of the worker that an activity runs in; nil outside of one.
func temporalOf(ctx context.Context) visibility {
	if !activity.IsActivity(ctx) {
		return nil
	}
	if c := activity.GetClient(ctx); c != nil {
		return c
	}
	return nil
}

func state(ctx context.Context, temporal visibility, request workflows.WindowRequest) (workflows.WindowState, error) {
	// Without a run id: a run that has continued as new is open under its newest.
	answer, err := temporal.DescribeWorkflowExecution(ctx, request.WorkflowID, "")
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return workflows.WindowState{}, nil
	}
	if err != nil {
		return workflows.WindowState{}, fmt.Errorf("ask Temporal for %s: %w", request.WorkflowID, err)
	}
	info := answer.GetWorkflowExecutionInfo()
	same := info.GetFirstRunId() == request.RunID || info.GetExecution().GetRunId() == request.RunID
	return workflows.WindowState{
		Open:  same && info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Until: until(info.GetSearchAttributes().GetIndexedFields()),
	}, nil
}
