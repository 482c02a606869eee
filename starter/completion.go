package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
)

// completionTime is how long the shell may be kept waiting.
const completionTime = 2 * time.Second

// completeProcedures offers the ids of the procedures in the folders.
func (a *app) completeProcedures(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	lib, _ := procedures(cfg)
	ids := lib.IDs()
	for i, id := range ids {
		if p, ok := lib.Get(id); ok && p.Title != "" {
			ids[i] += "\t" + p.Title
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeRuns offers workflow ids of recent runs.
func (a *app) completeRuns(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd.Context(), func(ctx context.Context, cfg *config.Config, c *cluster) ([]string, error) {
		query := "TaskQueue = " + quote(c.queue) + " AND " + lastExecutions
		if typed != "" {
			query += " AND WorkflowId STARTS_WITH " + quote(typed)
		}
		found, err := c.list(ctx, query, 100)
		var ids []string
		for _, info := range found {
			row := readRow(info)
			ids = append(ids, row.WorkflowID+"\t"+row.State)
		}
		return ids, err
	})
}

// completeSchedules offers the ids of schedules.
func (a *app) completeSchedules(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd.Context(), func(ctx context.Context, cfg *config.Config, c *cluster) ([]string, error) {
		k, err := a.keeping(cfg, c)
		if err != nil {
			return nil, err
		}
		return k.ids(ctx)
	})
}

// complete asks the cluster; when it does not answer in time the shell gets nothing.
func (a *app) complete(ctx context.Context, ask func(context.Context, *config.Config, *cluster) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer c.Close()
	found, err := ask(ctx, cfg, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	slices.SortFunc(found, strings.Compare)
	return slices.Compact(found), cobra.ShellCompDirectiveNoFileComp
}
