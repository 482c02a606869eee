package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/freshness"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) libraryCommand() *cobra.Command {
	stale := false
	cmd := &cobra.Command{
		Use:   "library",
		Short: "List procedures: reviewed lately? last run, last drill",
		Long: `List all procedures with their owners, whether somebody has reviewed them lately
enough, and when they last ran and were last drilled. Those that need a review
come first, with ✗. Runs are read from the journal; no server is needed, and
without a journal the rest is shown all the same.

With --json: a list of {id, title, owners, state, reviewed, until, last_run,
last_drill}; state is "never reviewed", "stale", "fresh" or "no limit", a run
is {workflow_id, run_id, state, started, ended}.`,
		Example: examples(
			"orderly library",
			"orderly library --stale",
			"orderly library --json | jq -r '.[] | select(.last_drill == null).id'"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.library(cmd.Context(), stale) },
	}
	cmd.Flags().BoolVar(&stale, "stale", false, "only those that need a review")
	return cmd
}

func (a *app) library(ctx context.Context, stale bool) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	lib, problems := procedures(cfg)
	list, err := a.freshness(ctx, cfg, lib)
	if err != nil {
		return err
	}
	if broken := files(problems); len(broken) > 0 {
		a.say("not listed, because they have problems: %s; `orderly validate` names them", strings.Join(broken, ", "))
	}
	shown := []freshness.Procedure{}
	for _, p := range list {
		if !stale || p.State.NeedsReview() {
			shown = append(shown, p)
		}
	}
	if a.json {
		return a.printJSON(shown)
	}
	if len(shown) == 0 {
		a.say("%s, none of which needs a review", plural(len(list), "procedure"))
		return nil
	}
	a.print(libraryTable(shown, a.paint()).Lines(a.width())...)
	return nil
}

// freshness reads the runs where it can. What the files say is worth showing without them.
func (a *app) freshness(ctx context.Context, cfg *config.Config, lib *sops.Library) ([]freshness.Procedure, error) {
	j, err := openJournal(ctx, cfg)
	if err == nil {
		defer func() { _ = j.Close() }()
		var list []freshness.Procedure
		if list, err = freshness.List(ctx, lib, j, now()); err == nil {
			return list, nil
		}
	}
	a.say("last runs are not known: %v", err)
	return freshness.List(ctx, lib, nil, now())
}

func libraryTable(list []freshness.Procedure, p screen.Painter) *screen.Table {
	table := &screen.Table{Header: []string{"PROCEDURE", "FRESH UNTIL", "LAST RUN", "DRILL", "OWNERS"}, Wraps: 4, Paint: p}
	table.Style = func(column int, text string) screen.Tone {
		if (column == 1 || column == 2) && strings.HasPrefix(text, "✗") {
			return screen.Bad
		}
		return screen.Plain
	}
	for _, one := range list {
		table.Add(one.ID, freshUntil(one), lastRun(one.LastRun), lastDrill(one.LastDrill), strings.Join(one.Owners, " "))
	}
	return table
}

// freshUntil is the day that ends the review's worth, with a sign when it has come.
func freshUntil(p freshness.Procedure) string {
	switch {
	case p.State == freshness.NeverReviewed:
		return "✗ never"
	case p.Until == nil:
		return string(p.State)
	case p.State == freshness.Stale:
		return "✗ " + *p.Until
	default:
		return *p.Until
	}
}

// lastRun is a run's sign and how long ago it began.
func lastRun(r *freshness.Run) string {
	if r == nil {
		return "–"
	}
	return rowGlyph(r.State) + " " + age(r.Started, now())
}

func lastDrill(r *freshness.Run) string {
	if r == nil {
		return "–"
	}
	return age(r.Started, now())
}
