package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/workflows"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch <run>",
		Short: "Follow a run until it ends",
		Long: `Follow a run until it ends. On a terminal the phases and steps are redrawn in
place; elsewhere every event is one line as it happens. With --json each event
is {"event": …} on a line of its own, and the last line is {"result": …}.

Ctrl-C stops watching, not the run. The exit code is the run's outcome.

` + runHelp,
		Example: examples(
			"orderly watch daily-check",
			"orderly watch weekly-maintenance/docs-db",
			"orderly watch daily-check --json | jq -r 'select(.event) | .event.text'"),
		Args:              exactly("run"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			c, err := a.dial(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer c.Close()
			info, err := c.locate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), cfg, c, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
		},
	}
}

// How often a run is asked how it stands: often while the operator has just come, then calmly.
const (
	quick    = 250 * time.Millisecond
	calm     = time.Second
	newcomer = 15 * time.Second
)

// view shows a run while it goes on. Update gets the record whenever it was asked for, with the error
// that kept it from being read; tick lets clocks move on.
type view interface {
	update(r *workflows.Record, err error)
	tick()
	// end takes away what only makes sense while the run goes on.
	end()
}

// watch follows a run to its end and ends with the exit code of its outcome.
func (a *app) watch(ctx context.Context, cfg *config.Config, c *cluster, workflowID, runID string) error {
	v := a.view()
	last, over, err := follow(ctx, c, workflowID, runID, v)
	if err == nil {
		if final, finalErr := a.finalRecord(ctx, cfg, c, workflowID, over.runID); finalErr == nil {
			last = final
			v.update(final, nil)
		}
	}
	v.end()
	if ctx.Err() != nil {
		a.say("stopped watching; %s goes on. `orderly watch %s` comes back to it", workflowID, workflowID)
		return quietly(exitInterrupted)
	}
	if err != nil {
		return failed("watch "+workflowID, err)
	}
	return a.result(c, workflowID, last, over)
}

func (a *app) finalRecord(ctx context.Context, cfg *config.Config, c *cluster, workflowID, runID string) (*workflows.Record, error) {
	info, err := c.describe(ctx, workflowID, runID)
	if err != nil {
		return nil, err
	}
	r, err := c.status(ctx, workflowID, info.GetExecution().GetRunId())
	if errors.Is(err, errNoWorker) {
		return a.record(ctx, cfg, c, info)
	}
	return r, err
}

// answer is what one question for the record brought.
type answer struct {
	record *workflows.Record
	err    error
}

// ended is what waiting for the run's end brought.
type ended struct {
	outcome outcome
	err     error
}

// follow shows the run in v until it ends; the record is the last that it gave, nil when it gave none.
func follow(ctx context.Context, c *cluster, workflowID, runID string, v view) (*workflows.Record, outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	moved, closed, answers := make(chan string), make(chan ended, 1), make(chan answer, 1)
	go func() {
		o, err := c.awaitEnd(ctx, workflowID, runID, func(id string) {
			select {
			case moved <- id:
			case <-ctx.Done():
			}
		})
		closed <- ended{o, err}
	}()
	ask := func(runID string) {
		r, err := c.status(ctx, workflowID, runID)
		answers <- answer{r, err}
	}
	go ask(runID)

	var last *workflows.Record
	began := now()
	next := time.NewTimer(time.Hour)
	second := time.NewTicker(calm)
	defer next.Stop()
	defer second.Stop()
	for {
		select {
		case e := <-closed:
			return last, e.outcome, e.err
		case runID = <-moved:
		case got := <-answers:
			if got.record != nil {
				last = got.record
			}
			v.update(got.record, got.err)
			next.Reset(pace(now().Sub(began)))
		case <-next.C:
			go ask(runID)
		case <-second.C:
			v.tick()
		case <-ctx.Done():
			return last, outcome{}, ctx.Err()
		}
	}
}

func pace(watched time.Duration) time.Duration {
	if watched < newcomer {
		return quick
	}
	return calm
}
