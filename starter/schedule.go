package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/schedules"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Keep the cluster's schedules as the procedure files say",
		Long: `Keep the cluster's schedules as the procedure files say. A schedule is named
<procedure>/<schedule id>; a procedure's id is enough when it has only one.`,
		Example: examples("orderly schedule diff", "orderly schedule apply --prune", "orderly schedule pause daily-check/morning --note 'moving house'"),
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.scheduleApply(), a.scheduleDiff(), a.scheduleList(), a.scheduleTrigger(), a.schedulePause(),
		a.scheduleResume(), a.scheduleRemove(),
	)
	return cmd
}

// keeping is what the schedule commands work with.
type keeping struct {
	*schedules.Keeper
	cluster *cluster
	wanted  []schedules.Schedule
	broken  []string // files that could not be read: what they want is not known
}

// withSchedules connects and gives use what the files want.
func (a *app) withSchedules(ctx context.Context, use func(context.Context, *keeping) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	k, err := a.keeping(cfg, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return use(ctx, k)
}

func (a *app) keeping(cfg *config.Config, c *cluster) (*keeping, error) {
	lib, problems := procedures(cfg)
	broken := files(problems)
	if len(broken) > 0 {
		a.say("%s left out: %s; `orderly validate` shows all", plural(len(broken), "procedure file"), problems[0])
	}
	wanted, err := schedules.Wanted(lib, c.queue)
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return &keeping{Keeper: schedules.New(c.ScheduleClient()), cluster: c, wanted: wanted, broken: broken}, nil
}

// ids are the schedules that commands can name.
func (k *keeping) ids(ctx context.Context) ([]string, error) {
	ids, err := k.Managed(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range k.wanted {
		ids = append(ids, w.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// name finds the schedule that an argument means.
func (k *keeping) name(ctx context.Context, arg string) (string, error) {
	if strings.Contains(arg, "/") {
		return arg, nil
	}
	ids, err := k.ids(ctx)
	if err != nil {
		return "", failed("find schedule "+arg, err)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, arg+"/") })
	switch len(ids) {
	case 0:
		return "", exit(exitNotFound, "no schedule of %q; `orderly schedule list` shows all", arg)
	case 1:
		return ids[0], nil
	default:
		return "", exit(exitUsage, "%s has several schedules; say which: %s", arg, strings.Join(ids, ", "))
	}
}

// operated gives what the keeper said an exit code.
func (k *keeping) operated(ctx context.Context, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, schedules.ErrStillRunning):
		return exit(exitOpen, "schedule %s: %w", id, err)
	case !errors.Is(err, schedules.ErrNotFound):
		return failed("schedule "+id, err)
	}
	known, listErr := k.ids(ctx)
	if listErr == nil && slices.Contains(known, id) {
		return exit(exitNotFound, "schedule %s is in the files but not in the cluster; `orderly schedule apply` makes it", id)
	}
	return exit(exitNotFound, "there is no schedule %q%s", id, cmp.Or(didYouMean(id, known), "; `orderly schedule list` shows all"))
}

// operation makes a command that does one thing to one schedule.
func (a *app) operation(use, short, long, example string, do func(context.Context, *keeping, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " <schedule>", Short: short, Long: long, Example: examples(example),
		Args: exactly("schedule"), ValidArgsFunction: a.completeSchedules,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSchedules(cmd.Context(), func(ctx context.Context, k *keeping) error {
				id, err := k.name(ctx, args[0])
				if err != nil {
					return err
				}
				return k.operated(ctx, id, do(ctx, k, id))
			})
		},
	}
}

func (a *app) scheduleTrigger() *cobra.Command {
	return a.operation("trigger", "Start a run now, as the schedule would",
		"Start a run now, as the schedule would, with its inputs. The run is printed;\nfollow it with `orderly watch`. When the last run is open and the schedule\nskips in that case, nothing starts and the exit code is 6.",
		"orderly schedule trigger daily-check/morning",
		func(ctx context.Context, k *keeping, id string) error {
			started, err := k.Trigger(ctx, id)
			if err != nil {
				return err
			}
			a.started(k.cluster, plan{procedure: strings.SplitN(id, "/", 2)[0], by: "schedule " + id}, started.WorkflowID, started.RunID, false)
			return nil
		})
}

func (a *app) schedulePause() *cobra.Command {
	note := ""
	cmd := a.operation("pause", "Keep the schedule from starting runs",
		"Keep the schedule from starting runs, until `orderly schedule resume`. Applying\nthe files leaves it paused.",
		"orderly schedule pause daily-check/morning --note 'moving house'",
		func(ctx context.Context, k *keeping, id string) error {
			if err := k.Pause(ctx, id, a.signed(note, "paused")); err != nil {
				return err
			}
			return a.did(id, "paused")
		})
	cmd.Flags().StringVar(&note, "note", "", "why")
	return cmd
}

func (a *app) scheduleResume() *cobra.Command {
	note := ""
	cmd := a.operation("resume", "Let a paused schedule go on",
		"Let a paused schedule go on from now; what was due meanwhile is not made up for.",
		"orderly schedule resume daily-check/morning",
		func(ctx context.Context, k *keeping, id string) error {
			if err := k.Resume(ctx, id, a.signed(note, "resumed")); err != nil {
				return err
			}
			return a.did(id, "resumed")
		})
	cmd.Flags().StringVar(&note, "note", "", "why")
	return cmd
}

func (a *app) scheduleRemove() *cobra.Command {
	return a.operation("remove", "Take a schedule away; its runs go on",
		"Take a schedule away; runs that it started go on. If its file still wants it,\nthe next apply makes it again.",
		"orderly schedule remove daily-check/morning",
		func(ctx context.Context, k *keeping, id string) error {
			if err := k.Remove(ctx, id); err != nil {
				return err
			}
			return a.did(id, "removed")
		})
}

// signed is a note that says who.
func (a *app) signed(note, verb string) string {
	if note == "" {
		note = verb
	}
	if by := a.who(""); by != "" {
		note += " (" + by + ")"
	}
	return note
}

func (a *app) did(id, verb string) error {
	if a.json {
		return a.printJSON(map[string]string{"id": id, "now": verb})
	}
	a.print(screen.Clean(id) + " is " + verb)
	return nil
}
