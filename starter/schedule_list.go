package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/schedules"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the schedules of the cluster and when they are due",
		Long: `List the schedules that Orderly keeps in the cluster, and those that the files
want but the cluster lacks. "orderly schedule diff" shows how they differ.

With --json: {id, cron, time_zone, overlap, catchup, managed, paused, note, next,
last: {at, workflow_id, run_id}, missed, skipped, running, differs}.`,
		Example: examples("orderly schedule list", "orderly schedule list --json | jq -r '.[] | select(.paused) | .id'"),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withSchedules(cmd.Context(), a.listSchedules)
		},
	}
}

// listedSchedule is how `--json` lists a schedule. Its fields are stable.
type listedSchedule struct {
	schedules.Status
	Differs []string `json:"differs,omitempty"` // fields in which the cluster differs from the file
}

// differs are the fields in which a schedule is not as its file says.
func differs(plan schedules.Plan, id string) []string {
	i := slices.IndexFunc(plan, func(c schedules.Change) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	var fields []string
	for _, f := range plan[i].Fields {
		fields = append(fields, f.Field)
	}
	return fields
}

func (a *app) listSchedules(ctx context.Context, k *keeping) error {
	ids, err := k.ids(ctx)
	if err != nil {
		return failed("list schedules", err)
	}
	plan, err := k.Plan(ctx, k.wanted, false)
	if err != nil {
		return failed("compare schedules", err)
	}
	all := []listedSchedule{}
	for _, id := range ids {
		s, err := k.Status(ctx, id)
		if errors.Is(err, schedules.ErrNotFound) {
			a.say("%s is not in the cluster; `orderly schedule apply` makes it", id)
			continue
		}
		if err != nil {
			return failed("schedule "+id, err)
		}
		all = append(all, listedSchedule{Status: s, Differs: differs(plan, id)})
	}
	if a.json {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		a.say("no schedules")
		return nil
	}
	table := &screen.Table{Header: []string{"SCHEDULE", "WHEN", "NEXT (UTC)", "LAST (UTC)", "STATE"}, Wraps: 4, Paint: a.paint()}
	for _, s := range all {
		table.Add(s.ID, s.Cron+" "+s.TimeZone, moment(s.Next), lastMoment(s.Last), scheduleState(s))
	}
	a.print(table.Lines(a.room())...)
	return nil
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("01-02 15:04")
}

func lastMoment(s *schedules.Started) string {
	if s == nil {
		return "-"
	}
	return moment(&s.At)
}

func scheduleState(s listedSchedule) string {
	parts := []string{"active"}
	if s.Paused {
		parts[0] = "paused"
	}
	if s.Paused && s.Note != "" {
		parts[0] += ": " + s.Note
	}
	if len(s.Running) > 0 {
		parts = append(parts, plural(len(s.Running), "run")+" open")
	}
	if s.Missed > 0 {
		parts = append(parts, fmt.Sprintf("%d missed", s.Missed))
	}
	if len(s.Differs) > 0 {
		parts = append(parts, "differs from its file: "+strings.Join(s.Differs, ", "))
	}
	if !s.Managed {
		parts = append(parts, "not Orderly's")
	}
	return strings.Join(parts, ", ")
}
