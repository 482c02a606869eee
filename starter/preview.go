package main

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// previewed is the procedure that a preview rehearses.
//
//go:embed preview/*.yaml
var previewed embed.FS

const previewProcedure = "policy-preview"

func (a *app) previewCommand() *cobra.Command {
	var q previewQuestion
	at := ""
	cmd := &cobra.Command{
		Use:   "preview [policy]",
		Short: "Show who a policy pages when, if nobody answers",
		Long: `Show who is paged when, as which role and over which transports, if an incident
begins at a time and nobody ever answers: with the rotations and covers of that
night, tiers that reach nobody, the levels that follow, and the repeats of the
last tier. Nothing is sent: a real incident runs under skipped time.

Without a policy it is that of --severity, or the default one of org.yaml. The
exit code is 1 when nobody is paged at all.

With --json: {policy, severity, services, at, until, nobody, endless, every,
pages: [{at, after, policy, tier, repeat, reached, people: [{id, name, as,
backup, transports, failed}], nobody, skipped}], told: [{at, after, kind, to,
transports}], findings}. after and every are Go durations.`,
		Example: examples(
			"orderly preview level-1 --services api",
			"orderly preview --severity P0 --at '2026-12-24 22:00'",
			"orderly preview level-2 --for 2h --json | jq '.pages[].people[].id'"),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completePolicies,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				q.policy = args[0]
			}
			if q.at, err = timeAt(at); err != nil {
				return err
			}
			return a.preview(cmd.Context(), q)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "at", "", atHelp)
	flags.StringSliceVar(&q.services, "services", nil, "what is affected: its owners are paged too")
	flags.StringVar(&q.severity, "severity", "", "how grave it is: a grade of the default scale")
	flags.BoolVar(&q.drill, "drill", false, "as a drill: pages say so")
	flags.Var((*lengthFlag)(&q.length), "for", "show so much of it; default: until the last tier has repeated")
	return cmd
}

// lengthFlag is a duration as operators write it: 30m, 2d.
type lengthFlag time.Duration

func (l *lengthFlag) String() string {
	if *l == 0 {
		return ""
	}
	return sops.Duration(*l).String()
}
func (*lengthFlag) Type() string { return "duration" }
func (l *lengthFlag) Set(s string) error {
	d, err := sops.ParseDuration(s)
	if err == nil && time.Duration(d) > mostPreviewed {
		return fmt.Errorf("at most %s: by then the last tier only repeats", sops.Duration(mostPreviewed))
	}
	*l = lengthFlag(d)
	return err
}

// mostPreviewed bounds how far a preview looks: thousands of repeats take long, and tell nothing new.
const mostPreviewed = 35 * 24 * time.Hour

// previewQuestion is what a preview is asked.
type previewQuestion struct {
	policy, severity string
	services         []string
	at               time.Time
	drill            bool
	length           time.Duration // 0: until the last tier has repeated
}

func (a *app) preview(ctx context.Context, q previewQuestion) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	o, err := org(cfg)
	if err != nil {
		return err
	}
	if err := q.check(o); err != nil {
		return err
	}
	q.at = q.at.Truncate(time.Second)
	result, err := q.rehearse(ctx, sources(cfg))
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	p := q.answer(o, result)
	if a.json {
		if err := a.printJSON(p); err != nil {
			return err
		}
	} else {
		a.print(p.lines(a.paint(), a.width())...)
		a.sayMissingTransports(cfg, p)
	}
	if p.Nobody {
		return exit(exitFailed, "NOBODY IS PAGED: %s reaches no one at %s; add people who can be reached to its tiers, or a policy under next", p.Policy, minute(p.At))
	}
	return nil
}

// check wants all that is named to be in org.yaml.
func (q *previewQuestion) check(o *sops.Org) error {
	if known := slices.Sorted(maps.Keys(o.Policies)); q.policy != "" && !slices.Contains(known, q.policy) {
		return exit(exitNotFound, "%s has no policy %q%s", o.File, q.policy, cmp.Or(didYouMean(q.policy, known), "; there are "+strings.Join(known, ", ")))
	}
	known := slices.Sorted(maps.Keys(o.Services))
	for _, s := range q.services {
		if !slices.Contains(known, s) {
			return exit(exitNotFound, "%s has no service %q%s", o.File, s, cmp.Or(didYouMean(s, known), "; there are "+strings.Join(known, ", ")))
		}
	}
	if q.severity == "" {
		return nil
	}
	scale := o.Rules().Scale()
	var grades []string
	for _, s := range o.Severities[scale] {
		grades = append(grades, s.ID)
	}
	if !slices.Contains(grades, q.severity) {
		return exit(exitNotFound, "the scale %s of %s has no severity %q; there are %s", scale, o.File, q.severity, strings.Join(grades, ", "))
	}
	return nil
}

// enoughRepeats is how often the last tier is shown again before it is said that this goes on.
const enoughRepeats = 2

// mostPreview is the longest that a preview looks ahead by itself.
const mostPreview = 90 * 24 * time.Hour

// rehearse lets the incident happen. Without a length it looks ahead further and further, until the ladder
// repeats itself.
func (q *previewQuestion) rehearse(ctx context.Context, folders []sops.Source) (*simulate.Result, error) {
	own, err := fs.Sub(previewed, "preview")
	if err != nil {
		return nil, err
	}
	options := simulate.Options{Sources: append([]sops.Source{{Name: "preview", FS: own}}, folders...)}
	inputs := map[string]any{"policy": q.policy, "severity": q.severity, "services": []any{}}
	for _, s := range q.services {
		inputs["services"] = append(inputs["services"].([]any), s) //nolint:forcetypeassert // made just above
	}
	scenario := func(length time.Duration) *simulate.Scenario {
		return &simulate.Scenario{ID: "nobody-answers", Procedure: previewProcedure, At: q.at, Drill: q.drill, Inputs: inputs, Horizon: length}
	}
	if q.length > 0 {
		return simulate.Run(ctx, options, scenario(q.length))
	}
	for length := 15 * time.Minute; ; length *= 6 {
		result, err := simulate.Run(ctx, options, scenario(length))
		if err != nil || repeats(result.Record) >= enoughRepeats || length >= mostPreview {
			return result, err
		}
	}
}

// repeats is how often the last tier has been paged again.
func repeats(rec *workflows.Record) int {
	n := 0
	for _, p := range rec.Pages {
		n = max(n, p.Repeat)
	}
	return n
}

// sayMissingTransports says which transports a preview takes for granted.
func (a *app) sayMissingTransports(cfg *config.Config, p *previewInfo) {
	has := map[string]bool{"slack": cfg.Notify.Slack != nil, "email": cfg.Notify.Email != nil, "webhook": true}
	var missing []string
	for _, page := range p.Pages {
		for _, who := range page.People {
			for _, via := range who.Transports {
				if !has[via] && !slices.Contains(missing, via) {
					missing = append(missing, via)
				}
			}
		}
	}
	if len(missing) > 0 {
		a.say("This orderly.yaml has no notify for %s; the workers are taken to have it.", strings.Join(missing, ", "))
	}
}

// completePolicies offers the policies of org.yaml.
func (a *app) completePolicies(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	o, err := org(cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var policies []string
	for _, id := range slices.Sorted(maps.Keys(o.Policies)) {
		policies = append(policies, id+"\t"+o.Policies[id].Title)
	}
	return policies, cobra.ShellCompDirectiveNoFileComp
}
