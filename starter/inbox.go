package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

func (a *app) inboxCommand() *cobra.Command {
	by, all := "", false
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "Show what waits for you, the soonest due first",
		Long: `Show what waits for you or for a role that you may act for: steps to do and to
decide, what has failed and waits for a decision, incidents that page you, and
what your own incidents need next. The soonest due comes first, and below each
stands what to type.

With --json: a list of {kind, due, title, for, severity, about, workflow_id,
run_id, command, choices}; kind is acknowledge, next (you are paged then), check,
ask, approve, respond, update or resolve. choices are there when something has
failed: a command for each decision that is offered.`,
		Example: examples("orderly inbox", "orderly inbox --by ann --json | jq -r '.[].command'", "orderly inbox --all"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inbox(cmd.Context(), by, all)
		},
	}
	byFlag(cmd, &by)
	cmd.Flags().BoolVar(&all, "all", false, "what waits for anybody")
	return cmd
}

func (a *app) inbox(ctx context.Context, by string, all bool) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	me, err := a.reader(cfg, by, all)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := c.list(ctx, "TaskQueue = "+quote(c.queue)+" AND "+openExecutions+" AND "+me.query(), maxInbox)
	if err != nil {
		return err
	}
	items, silent, err := collect(ctx, c, found, me)
	if err != nil {
		return err
	}
	if silent > 0 {
		if len(items) == 0 {
			return exit(exitUnreachable, "%s may wait for you: %w", plural(silent, "run"), errNoWorker)
		}
		a.say("%s may wait for you as well: %v", plural(silent, "more run"), errNoWorker)
	}
	if a.json {
		return a.printJSON(items)
	}
	a.printInbox(items, me)
	if len(found) == maxInbox {
		a.say("only the first %d runs were looked at", maxInbox)
	}
	return nil
}

const (
	maxInbox = 500 // runs that one inbox looks at
	atOnce   = 16  // questions to runs at the same time
)

// reader is whose inbox it is.
type reader struct {
	id, name string   // both empty for everybody
	duties   []string // roles and teams
	org      *sops.Org
}

// reader finds out who asks. Without an org.yaml people are called what they call themselves.
func (a *app) reader(cfg *config.Config, by string, all bool) (reader, error) {
	o, err := sops.FindOrg(sources(cfg))
	if err != nil && !errors.Is(err, sops.ErrNoOrg) {
		return reader{}, exit(exitFailed, "%w", err)
	}
	if all {
		return reader{org: o}, nil
	}
	by = a.who(by)
	if o == nil {
		return reader{id: by, name: by}, nil
	}
	id, p, ok := o.Who(by)
	if !ok {
		return reader{}, exit(exitUsage, "%s: --by or ORDERLY_BY says who you are", o.Unknown(by))
	}
	return reader{id: id, name: cmp.Or(p.Name, id), duties: o.Duties(id), org: o}, nil
}

func (me reader) everybody() bool { return me.id == "" }

// query finds the runs that may wait for the reader.
func (me reader) query() string {
	owner, waiting := workflows.AttrOwner.GetName(), workflows.AttrWaitingFor.GetName()
	if me.everybody() {
		return fmt.Sprintf("(%s IS NOT NULL OR %s IS NOT NULL)", owner, waiting)
	}
	entries := []string{quote(me.id), quote(serviceOwner)}
	for _, d := range me.duties {
		entries = append(entries, quote(d))
	}
	return fmt.Sprintf("(%s = %s OR %s IN (%s))", owner, quote(me.id), waiting, strings.Join(entries, ", "))
}

// serviceOwner stands for whoever answers for what an incident affects.
const serviceOwner = "service.owner"

// behind says whether one of the entries means the reader.
func (me reader) behind(entries, services []string) bool {
	if me.everybody() || slices.Contains(entries, me.id) {
		return true
	}
	if me.org == nil {
		return false
	}
	_, ok := me.org.Behind(me.id, entries, services)
	return ok
}

// collect asks the runs what waits, several at a time, and counts those that do not answer.
func collect(ctx context.Context, c *cluster, found []*workflowpb.WorkflowExecutionInfo, me reader) (items []inboxItem, silent int, err error) {
	var mu sync.Mutex
	items = []inboxItem{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, info := range found {
		group.Go(func() error {
			r, err := c.status(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				items = append(items, me.items(r)...)
			case errors.Is(err, errNoWorker):
				silent++
			case !errors.Is(err, errNoRecord) && !isNotFound(err):
				return failed("ask "+info.GetExecution().GetWorkflowId()+" what waits", err)
			}
			return nil
		})
	}
	err = group.Wait()
	slices.SortStableFunc(items, inboxItem.compare)
	return items, silent, err
}

func (a *app) printInbox(items []inboxItem, me reader) {
	if len(items) == 0 {
		whom := "anybody"
		if !me.everybody() {
			whom = screen.Clean(me.name)
		}
		a.print("nothing waits for " + whom)
		return
	}
	width, paint, at := a.width(), a.paint(), now()
	for i, item := range items {
		if i > 0 {
			a.print("")
		}
		a.print(item.lines(paint, width, at)...)
	}
}

// lines are the due time, what it is, and what to type.
func (item inboxItem) lines(p screen.Painter, width int, at time.Time) []string {
	head, tone := "no time is set", screen.Dim
	if item.Due != nil {
		head, tone = screen.DueIn(*item.Due, at), screen.Bold
		if at.After(*item.Due) {
			tone = screen.Bad
		}
	}
	lines := []string{p.Tone(tone, item.Kind+"  "+head)}
	about := strings.TrimSpace(item.Severity + " " + item.About)
	if item.Title != item.About {
		about = item.Title + " · " + about
	}
	if len(item.For) > 0 {
		about += " (for " + strings.Join(item.For, ", ") + ")"
	}
	for _, l := range screen.Wrap(screen.Clean(about), width-2) {
		lines = append(lines, "  "+l)
	}
	commands := item.Choices
	if len(commands) == 0 {
		commands = []string{item.Command}
	}
	for _, c := range commands {
		lines = append(lines, "  "+p.Tone(screen.Busy, c))
	}
	return lines
}
