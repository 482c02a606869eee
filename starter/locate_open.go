package main

import (
	"context"
	"slices"
	"strings"

	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/orderly-ops/orderly/starter/screen"
)

// locateOpen finds the open run that an argument means. A message to the wrong run is worse than none, so
// the newest of several open runs of a procedure does not do.
func (c *cluster) locateOpen(ctx context.Context, arg string) (*workflowpb.WorkflowExecutionInfo, error) {
	id, runID := splitRun(arg)
	info, err := c.describe(ctx, id, runID)
	if err == nil {
		info, err = c.latestOfChain(ctx, info)
	}
	switch {
	case err == nil && isOpen(info):
		return info, nil
	case err == nil:
		return nil, c.closed(ctx, info)
	case !isNotFound(err):
		return nil, err
	case runID != "":
		return nil, exit(exitNotFound, "no run %q in namespace %s; `orderly runs` lists them", arg, c.namespace)
	}
	query := "WorkflowId STARTS_WITH " + quote(arg)
	if !strings.Contains(arg, "/") {
		query = "(" + typeIs(arg) + " OR " + query + ")"
	}
	found, err := c.list(ctx, query+" AND "+openExecutions, 100)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(arg, "/") {
		found = preferProcedure(found, arg)
	}
	switch len(found) {
	case 0:
		return nil, c.noneOpen(ctx, arg)
	case 1:
		return c.describe(ctx, found[0].GetExecution().GetWorkflowId(), "")
	}
	return nil, exit(exitUsage, "%q fits several open runs; say which:\n  %s", arg, strings.Join(ids(found), "\n  "))
}

// openExecutions leaves out what is over.
const openExecutions = "ExecutionStatus = 'Running' AND " + lastExecutions

// preferProcedure keeps the runs of exactly that procedure, if there are any: "check" is not "check-disks".
func preferProcedure(found []*workflowpb.WorkflowExecutionInfo, procedure string) []*workflowpb.WorkflowExecutionInfo {
	own := slices.DeleteFunc(slices.Clone(found), func(info *workflowpb.WorkflowExecutionInfo) bool {
		return !strings.HasPrefix(info.GetExecution().GetWorkflowId(), procedure+"/")
	})
	if len(own) > 0 {
		return own
	}
	return found
}

// ids names at most mostNamed runs, sorted.
func ids(found []*workflowpb.WorkflowExecutionInfo) []string {
	var names []string
	for _, info := range found {
		names = append(names, info.GetExecution().GetWorkflowId())
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > mostNamed {
		names = append(names[:mostNamed:mostNamed], "…")
	}
	return names
}

// noneOpen says that nothing open fits, and how the last one that did has ended.
func (c *cluster) noneOpen(ctx context.Context, arg string) error {
	info, err := c.locate(ctx, arg)
	switch {
	case err != nil:
		return err
	case isOpen(info): // it has begun this moment
		return exit(exitNotFound, "no open run %q yet; try again in a second", arg)
	}
	return c.closed(ctx, info)
}

// closed says how and when a run ended: nothing can be told it any more.
func (c *cluster) closed(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) error {
	id := info.GetExecution().GetWorkflowId()
	how := stateWord(info.GetStatus())
	if o, err := c.outcome(ctx, info); err == nil {
		how = o.word
		if s := o.summary; s != nil && s.Incident != nil && s.Incident.Resolved != nil {
			how += ", resolved by " + s.Incident.Resolved.By.Name
		}
	}
	return exit(exitRefused, "too late: %s is over since %s (%s); `%s` shows it", id,
		screen.Stamp(info.GetCloseTime().AsTime()), how, screen.Command("orderly", "show", id))
}
