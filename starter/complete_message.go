package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// completeMessage offers open runs first and then what the run itself knows.
func (a *app) completeMessage(offer func(*workflows.Record, []string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.completeOpenRuns(cmd, typed)
		case offer == nil:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(cmd.Context(), func(ctx context.Context, _ *config.Config, c *cluster) ([]string, error) {
			run, err := c.locateOpen(ctx, args[0])
			if err != nil {
				return nil, err
			}
			r, err := c.status(ctx, run.GetExecution().GetWorkflowId(), "")
			if errors.Is(err, errNoWorker) || errors.Is(err, errNoRecord) {
				r, err = &workflows.Record{}, nil
			}
			if err != nil {
				return nil, err
			}
			return offer(r, args[1:]), nil
		})
	}
}

func (a *app) completeOpenRuns(cmd *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd.Context(), func(ctx context.Context, _ *config.Config, c *cluster) ([]string, error) {
		query := "TaskQueue = " + quote(c.queue) + " AND " + openExecutions
		if typed != "" {
			query += " AND WorkflowId STARTS_WITH " + quote(typed)
		}
		found, err := c.list(ctx, query, 100)
		var offers []string
		for _, info := range found {
			row := readRow(info)
			offers = append(offers, row.WorkflowID+"\t"+strings.TrimSpace(row.Severity+" "+row.Phase))
		}
		return offers, err
	})
}

// completeAlert offers procedures that are incidents, and open runs.
func (a *app) completeAlert(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	runs, _ := a.completeOpenRuns(cmd, typed)
	cfg, err := a.config()
	if err != nil {
		return runs, cobra.ShellCompDirectiveNoFileComp
	}
	lib, _ := procedures(cfg)
	for _, id := range lib.IDs() {
		if p, ok := lib.Get(id); ok && p.Incident != nil {
			runs = append(runs, id+"\t"+p.Title)
		}
	}
	return runs, cobra.ShellCompDirectiveNoFileComp
}

// offerSteps are the steps of a kind that wait for people.
func offerSteps(kind sops.Kind) func(*workflows.Record, []string) []string {
	return func(r *workflows.Record, args []string) (offers []string) {
		if len(args) > 0 {
			return nil
		}
		for _, s := range r.Waiting() {
			if s.Kind == string(kind) {
				offers = append(offers, s.Path+"\t"+s.Title)
			}
		}
		return offers
	}
}

func offerDone(r *workflows.Record, args []string) []string {
	offers := offerSteps(sops.KindAsk)(r, args)
	if len(args) == 0 && screen.ClockOf(r, stepRespond) != nil {
		offers = append(offers, stepRespond+"\tfirst mitigation")
	}
	return offers
}

// offerClocks are the clocks that can be given more time.
func offerClocks(r *workflows.Record, args []string) (offers []string) {
	if len(args) > 0 {
		return nil
	}
	for _, c := range openClocks(r) {
		if c.Breached == nil && c.Kind != "acknowledge" {
			offers = append(offers, c.ID+"\t"+c.Title)
		}
	}
	return offers
}

// offerPeople are those of org.yaml.
func (a *app) offerPeople(_ *workflows.Record, args []string) (offers []string) {
	cfg, err := a.config()
	if err != nil || len(args) > 0 {
		return nil
	}
	o, err := org(cfg)
	if err != nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(o.People)) {
		offers = append(offers, id+"\t"+o.People[id].Name)
	}
	return offers
}
