package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/kpi"
	"github.com/orderly-ops/orderly/sops"
)

// kpiRequest is what `orderly kpi` was asked for.
type kpiRequest struct {
	since, until string
	by           string
	procedure    string
	zone         string
	csv          bool
	prometheus   bool
}

func (a *app) kpiCommand() *cobra.Command {
	var req kpiRequest
	cmd := &cobra.Command{
		Use:   "kpi",
		Short: "Key figures of incidents against their targets, from the records",
		Long: `Show the key figures of incidents against their targets: time to acknowledge and
to resolve, time between failures, what came back, escalation, SLA,
documentation, participation, satisfaction. They are made from the records in
the journal and from nothing else; drills do not count. Needs no server, only
the journal that journal.dsn of orderly.yaml names. docs/kpi.md defines each.

With --json: {since, until, observed, time_zone, procedure, incidents, figures,
by, groups, left_out}; a figure is {id, title, unit, value, n, of, target, met,
text, target_text}, its value null without data. --csv has the columns by,
group, figure, value, unit, records, target, met, since, until. --prometheus
prints gauges, for a textfile collector.`,
		Example: examples(
			"orderly kpi",
			"orderly kpi --since 2026-10-01 --until 2026-11-01 --by service",
			"orderly kpi --since 90d --by week --csv > kpi.csv",
			"orderly kpi --json | jq '.figures[] | select(.met == false).title'"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.kpi(cmd.Context(), req) },
	}
	flags := cmd.Flags()
	flags.StringVar(&req.since, "since", "30d", "the period begins so long ago, on a day or in a month")
	flags.StringVar(&req.until, "until", "", "the period ends before this day, or so long ago (default now)")
	flags.StringVar(&req.by, "by", "", "also by procedure, service, person or week")
	flags.StringVar(&req.procedure, "procedure", "", "only incidents of this procedure")
	flags.StringVar(&req.zone, "time-zone", "UTC", "of days and weeks, such as Europe/Berlin")
	flags.BoolVar(&req.csv, "csv", false, "print comma-separated values")
	flags.BoolVar(&req.prometheus, "prometheus", false, "print Prometheus' text format")
	cmd.MarkFlagsMutuallyExclusive("csv", "prometheus")
	_ = cmd.RegisterFlagCompletionFunc("procedure", a.completeProcedures)
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"procedure", "service", "person", "week"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) kpi(ctx context.Context, req kpiRequest) error {
	if a.json && (req.csv || req.prometheus) {
		return exit(exitUsage, "one format at a time: --json, --csv or --prometheus")
	}
	options, err := req.options(now())
	if err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	j, err := openJournal(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	set, err := kpi.Read(ctx, j, options)
	if err != nil {
		return err
	}
	a.sayLeftOut(set.LeftOut)
	switch {
	case a.json:
		return a.printJSON(set)
	case req.csv:
		return set.WriteCSV(a.stdout)
	case req.prometheus:
		return set.WritePrometheus(a.stdout)
	default:
		a.printFigures(set)
		return nil
	}
}

// namedAtMost is how many damaged records are named one by one.
const namedAtMost = 20

func (a *app) sayLeftOut(all []kpi.LeftOut) {
	for i, l := range all {
		if i == namedAtMost {
			a.say("left out: %d more, all of which --json names", len(all)-i)
			return
		}
		a.say("left out: %s (run %s): %s", l.WorkflowID, l.RunID, l.Why)
	}
}

func (req kpiRequest) options(at time.Time) (kpi.Options, error) {
	o := kpi.Options{By: kpi.By(req.by), Procedure: req.procedure, Until: at, Now: at}
	var err error
	if o.Location, err = time.LoadLocation(req.zone); err != nil {
		return o, exit(exitUsage, "--time-zone %s: there is no such zone; give a name such as Europe/Berlin", req.zone)
	}
	if o.Since, err = momentOf(req.since, at, o.Location); err != nil {
		return o, exit(exitUsage, "--since %w", err)
	}
	if req.until != "" {
		if o.Until, err = momentOf(req.until, at, o.Location); err != nil {
			return o, exit(exitUsage, "--until %w", err)
		}
	}
	switch {
	case !o.Since.Before(o.Until):
		return o, exit(exitUsage, "the period is empty: it begins at %s and ends at %s", o.Since.Format(time.RFC3339), o.Until.Format(time.RFC3339))
	case req.prometheus && o.By == kpi.ByWeek:
		return o, exit(exitUsage, "--prometheus can't be by week: Prometheus keeps the course of time itself")
	}
	switch o.By {
	case kpi.ByNothing, kpi.ByProcedure, kpi.ByService, kpi.ByPerson, kpi.ByWeek:
		return o, nil
	default:
		return o, exit(exitUsage, "--by %s: it is procedure, service, person or week", req.by)
	}
}

// momentOf is the beginning of a month or a day, a moment, or so long before now.
func momentOf(s string, at time.Time, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01", time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	d, err := sops.ParseDuration(strings.TrimPrefix(s, "-")) // -30d is what others take
	if err != nil {
		return time.Time{}, exit(exitUsage, "%s: write a day like 2026-11-01 or a month like 2026-11, a moment like '2026-11-01 08:00', or how long ago, like 30d", s)
	}
	return at.Add(-time.Duration(d)), nil
}
