package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/orderly-ops/orderly/internal/watchdog"
	"github.com/orderly-ops/orderly/workflows"
)

// runHelp says what a <run> argument may be.
const runHelp = `<run> is a workflow id (daily-check/docs), one exact run of it
(daily-check/docs@<run id>), the beginning of a workflow id that fits only one,
or a procedure's id for its latest run, of those that are open if any are.`

var runIDShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// splitRun takes `id@run-id` apart; runID is empty when the argument names none.
func splitRun(arg string) (workflowID, runID string) {
	at := strings.LastIndexByte(arg, '@')
	if at > 0 && runIDShape.MatchString(arg[at+1:]) {
		return arg[:at], arg[at+1:]
	}
	return arg, ""
}

// locate finds the run that an argument means.
func (c *cluster) locate(ctx context.Context, arg string) (*workflowpb.WorkflowExecutionInfo, error) {
	id, runID := splitRun(arg)
	info, err := c.describe(ctx, id, runID)
	if err == nil {
		return c.latestOfChain(ctx, info)
	}
	if !isNotFound(err) {
		return nil, err
	}
	if runID != "" {
		return nil, exit(exitNotFound, "no run %q in namespace %s; `orderly runs` lists them", arg, c.namespace)
	}
	if !strings.Contains(arg, "/") {
		if info, err := c.latestOf(ctx, arg); info != nil || err != nil {
			return info, err
		}
	}
	return c.byPrefix(ctx, arg)
}

func (c *cluster) describe(ctx context.Context, workflowID, runID string) (*workflowpb.WorkflowExecutionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	d, err := c.DescribeWorkflowExecution(ctx, workflowID, runID)
	if isNotFound(err) {
		return nil, err
	}
	if err != nil {
		return nil, failed("look up run "+workflowID, err)
	}
	info := d.GetWorkflowExecutionInfo()
	if began := d.GetWorkflowExtendedInfo().GetOriginalStartTime(); began != nil {
		info.StartTime = began
	}
	return info, nil
}

// latestOfChain is the execution under which a run that continued as new goes on, or ended.
func (c *cluster) latestOfChain(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (*workflowpb.WorkflowExecutionInfo, error) {
	id := info.GetExecution().GetWorkflowId()
	for info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		last, err := c.closingEvent(ctx, id, info.GetExecution().GetRunId(), false)
		if err != nil || last == nil {
			return info, err
		}
		if info, err = c.describe(ctx, id, nextRun(last)); err != nil {
			return nil, err
		}
	}
	return info, nil
}

// latestOf is the procedure's run that started last, of the open ones if there are any; nil when it has none.
func (c *cluster) latestOf(ctx context.Context, procedure string) (*workflowpb.WorkflowExecutionInfo, error) {
	found, err := c.list(ctx, typeIs(procedure)+" AND "+lastExecutions, 100)
	if err != nil {
		return nil, err
	}
	var latest *workflowpb.WorkflowExecutionInfo
	for _, info := range found {
		if latest == nil || isOpen(info) && !isOpen(latest) ||
			isOpen(info) == isOpen(latest) && info.GetStartTime().AsTime().After(latest.GetStartTime().AsTime()) {
			latest = info
		}
	}
	return latest, nil
}

// mostNamed is how many candidates an ambiguous prefix names.
const mostNamed = 8

func (c *cluster) byPrefix(ctx context.Context, prefix string) (*workflowpb.WorkflowExecutionInfo, error) {
	query := fmt.Sprintf("WorkflowId STARTS_WITH %s AND %s", quote(prefix), lastExecutions)
	found, err := c.list(ctx, query, 100)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, info := range found {
		if id := info.GetExecution().GetWorkflowId(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 1:
		return c.describe(ctx, ids[0], "")
	case len(ids) == 0:
		return nil, exit(exitNotFound, "no run %q in namespace %s; `orderly runs` lists them", prefix, c.namespace)
	}
	return nil, several(prefix, ids)
}

// errSeveral says that an argument does not say which run is meant.
var errSeveral = errors.New("fits several runs; say which")

func several(prefix string, ids []string) error {
	if len(ids) > mostNamed {
		ids = append(ids[:mostNamed:mostNamed], "…")
	}
	return exit(exitUsage, "%q %w:\n  %s", prefix, errSeveral, strings.Join(ids, "\n  "))
}

// list asks visibility for at most limit executions: the open ones first, then the last closed.
func (c *cluster) list(ctx context.Context, query string, limit int) ([]*workflowpb.WorkflowExecutionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	var all []*workflowpb.WorkflowExecutionInfo
	var token []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query, PageSize: int32(min(limit-len(all), 1000)), NextPageToken: token,
		})
		if err != nil {
			return nil, failed("list runs", err)
		}
		all = append(all, page.GetExecutions()...)
		token = page.GetNextPageToken()
		if len(token) == 0 || len(all) >= limit {
			return all, nil
		}
	}
}

// lastExecutions leaves out executions that went on under another run id, and those of the workers' own
// watchdogs.
const lastExecutions = "ExecutionStatus != 'ContinuedAsNew' AND WorkflowType != '" + watchdog.WorkflowType + "' AND " + carriedOut

// carriedOut leaves out the starts of a schedule that a run under its key has carried out.
const carriedOut = "(OrderlyState IS NULL OR OrderlyState != 'skipped')"

func typeIs(procedure string) string {
	return "WorkflowType = " + quote(workflows.WorkflowType(procedure))
}

// quote writes a string literal of a visibility query.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func isNotFound(err error) bool {
	var missing *serviceerror.NotFound
	var bad *serviceerror.InvalidArgument // a run id that isn't one, an id that is too long
	return errors.As(err, &missing) || errors.As(err, &bad)
}

func isOpen(info *workflowpb.WorkflowExecutionInfo) bool {
	return info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING ||
		info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
}
