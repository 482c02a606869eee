package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/schedules"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) scheduleApply() *cobra.Command {
	dryRun, prune := false, false
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make the cluster's schedules what the files say",
		Long: `Make the cluster's schedules what the files say. The plan is printed first, with
every field that differs: what the cluster has → what the file wants. A pause
that an operator ordered stays. Schedules whose file is gone go only with
--prune, and only if Orderly made them.

With --json: {plan: [{id, verb, fields: [{field, have, want}], by_hand, paused,
note}], applied}.`,
		Example: examples("orderly schedule apply --dry-run", "orderly schedule apply --prune"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withSchedules(cmd.Context(), func(ctx context.Context, k *keeping) error {
				return a.applySchedules(ctx, k, prune, dryRun)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print the plan")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove Orderly's schedules that no file wants")
	return cmd
}

func (a *app) scheduleDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff",
		Short: "Show where the cluster's schedules differ from the files",
		Long: `Show where the cluster's schedules differ from the files, and change nothing. The
exit code is 1 when they differ. --json is that of apply.`,
		Example: examples("orderly schedule diff", "orderly schedule diff --json | jq '.plan[].fields'"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withSchedules(cmd.Context(), func(ctx context.Context, k *keeping) error {
				plan, err := k.Plan(ctx, k.wanted, len(k.broken) == 0)
				if err != nil {
					return failed("compare schedules", err)
				}
				if err := a.showPlan(plan, false); err != nil {
					return err
				}
				if plan.Pending() || len(plan.Foreign()) > 0 || len(k.broken) > 0 {
					return quietly(exitFailed)
				}
				return nil
			})
		},
	}
}

// applied is how `--json` tells of a plan. Its fields are stable.
type applied struct {
	Plan    schedules.Plan `json:"plan"`
	Applied bool           `json:"applied"`
}

func (a *app) applySchedules(ctx context.Context, k *keeping, prune, dryRun bool) error {
	plan, err := a.carryOut(ctx, k, prune, dryRun)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.showPlan(plan, !dryRun); err != nil {
			return err
		}
	}
	return k.leftOver(plan)
}

// carryOut makes the plan, prints it for people, and applies it.
func (a *app) carryOut(ctx context.Context, k *keeping, prune, dryRun bool) (schedules.Plan, error) {
	if prune && len(k.broken) > 0 {
		return nil, exit(exitFailed, "nothing is pruned while files have problems: their schedules would go too; `orderly validate` shows them")
	}
	plan, err := k.Plan(ctx, k.wanted, prune)
	if err != nil {
		return nil, failed("compare schedules", err)
	}
	if !a.json {
		if err := a.showPlan(plan, false); err != nil {
			return nil, err
		}
	}
	if dryRun {
		return plan, nil
	}
	if err := k.Apply(ctx, plan, a.tell); err != nil {
		return nil, failed("apply schedules", err)
	}
	return plan, nil
}

// leftOver is the error for what could not be applied: broken files, and ids that somebody else's
// schedules have.
func (k *keeping) leftOver(plan schedules.Plan) error {
	taken := plan.Foreign()
	switch {
	case len(k.broken) > 0:
		return exit(exitFailed, "the schedules of %s were left as they are, because the files have problems", strings.Join(k.broken, ", "))
	case len(taken) == 0:
		return nil
	}
	return exit(exitFailed, "left alone, because Orderly did not make them: %s; remove them, or rename the schedules in the files",
		strings.Join(taken, ", "))
}

// tell says on stderr what was done.
func (a *app) tell(c schedules.Change) {
	switch c.Verb {
	case schedules.Create, schedules.Update, schedules.Remove:
		a.say("%sd %s", c.Verb, c.ID)
	}
}

// showPlan prints what would become of each schedule.
func (a *app) showPlan(plan schedules.Plan, done bool) error {
	if a.json {
		if plan == nil {
			plan = schedules.Plan{}
		}
		return a.printJSON(applied{Plan: plan, Applied: done})
	}
	if len(plan) == 0 {
		a.say("no schedules, neither in the files nor in the cluster")
	}
	for _, c := range plan {
		a.print(a.changeLines(c)...)
	}
	return nil
}

func (a *app) changeLines(c schedules.Change) []string {
	line := planSign(c.Verb) + " " + c.ID + "  " + string(c.Verb)
	switch {
	case c.Verb == schedules.Orphan:
		line += " (no file wants it; --prune removes it)"
	case c.Verb == schedules.Foreign:
		line += " (Orderly did not make it)"
	case c.ByHand:
		line += " (changed by hand in the cluster)"
	}
	lines := []string{a.paint().Tone(planTone(c.Verb), line)}
	for _, f := range c.Fields {
		for _, l := range screen.Wrap(screen.Clean(f.Field+": "+f.Have+" → "+f.Want), a.width()-4) {
			lines = append(lines, "    "+l)
		}
	}
	if c.Paused {
		note := "    paused"
		if c.Note != "" {
			note += ": " + screen.Clean(c.Note)
		}
		lines = append(lines, screen.Cut(note, a.width()))
	}
	return lines
}

func planSign(v schedules.Verb) string {
	switch v {
	case schedules.Create:
		return "+"
	case schedules.Update:
		return "~"
	case schedules.Remove:
		return "-"
	case schedules.Unchanged:
		return "="
	default:
		return "!"
	}
}

func planTone(v schedules.Verb) screen.Tone {
	switch v {
	case schedules.Create:
		return screen.Good
	case schedules.Update:
		return screen.Busy
	case schedules.Remove:
		return screen.Bad
	default:
		return screen.Plain
	}
}
