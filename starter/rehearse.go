package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

// rehearsal is what `orderly test` was asked for.
type rehearsal struct {
	paths    []string
	pattern  string
	junit    string
	list     bool
	verbose  bool
	coverage bool
	parallel int
}

func (a *app) testCommand() *cobra.Command {
	var req rehearsal
	cmd := &cobra.Command{
		Use:   "test [path…]",
		Short: "Rehearse every scenario and compare it with what it expects",
		Long: `Rehearse scenarios in skipped time and compare what happens with what each one
expects: who is paged when, how steps and promises end, what is undone, what
never happens. No server is needed and nothing outside is touched.

A scenario is a file tests/<procedure>/<scenario>.yaml beside the procedures;
"orderly simulate" shows one, docs/simulate.md says what it can hold. Without
paths it is those of the configured folders. A path is a scenario, or a folder
with scenarios in it or below it.

The exit code is 1 when one fails, has problems or expects nothing, and with
--coverage when a procedure has fewer than three.

With --json: {scenarios: [{procedure, scenario, title, file, verdict: ok|failed|
broken, simulated, took_ms, problems, mismatches: [{pos, what, expected, actual,
want, got}], error, assumed}], ok, failed, broken, took_ms, procedures:
[{procedure, scenarios}]}. simulated is a Go duration.`,
		Example: examples(
			"orderly test",
			"orderly test --run emergency-response -v",
			"orderly test my-procedures/tests/restart/all-well.yaml",
			"orderly test --junit scenarios.xml --coverage"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.paths = args
			return a.test(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.pattern, "run", "", "only scenarios whose procedure/scenario matches, a regular expression")
	flags.StringVar(&req.junit, "junit", "", "also write a JUnit XML file")
	flags.BoolVar(&req.list, "list", false, "list the scenarios, run none")
	flags.BoolVarP(&req.verbose, "verbose", "v", false, "show what happened in those that fail")
	flags.BoolVar(&req.coverage, "coverage", false, "how many scenarios each procedure has; three are wanted")
	flags.IntVar(&req.parallel, "parallel", runtime.GOMAXPROCS(0), "so many at once")
	return cmd
}

func (a *app) test(ctx context.Context, req rehearsal) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	wanted, err := regexp.Compile(req.pattern)
	if err != nil {
		return exit(exitUsage, "--run: %w", err)
	}
	if req.parallel < 1 {
		return exit(exitUsage, "--parallel: at least one at a time")
	}
	stages, err := findStages(cfg, req.paths)
	if err != nil {
		return err
	}
	plays := pick(stages, wanted)
	if len(plays) == 0 {
		return noScenarios(stages, req)
	}
	if req.list {
		return a.listPlays(plays)
	}
	began := time.Now()
	report := &rehearsed{Scenarios: make([]*verdict, len(plays))}
	show := func(v *verdict) {
		if !a.json {
			a.print(v.lines(a.paint(), a.width(), req.verbose)...)
		}
	}
	playAll(ctx, plays, req.parallel, report.Scenarios, show)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report.sum(stages, time.Since(began))
	return a.reportTests(req, report)
}

// noScenarios says why nothing is rehearsed.
func noScenarios(stages []*stage, req rehearsal) error {
	total := 0
	for _, s := range stages {
		total += len(s.files)
	}
	if req.pattern != "" && total > 0 {
		return exit(exitUsage, "none of %s matches --run %s", plural(total, "scenario"), req.pattern)
	}
	where := make([]string, len(stages))
	for i, s := range stages {
		where[i] = s.shown
	}
	return exit(exitUsage, "there are no scenarios in %s; they are files tests/<procedure>/<scenario>.yaml beside the procedures", strings.Join(where, ", "))
}

// reportTests prints the summary and gives the exit code.
func (a *app) reportTests(req rehearsal, r *rehearsed) error {
	if req.junit != "" {
		if err := writeJUnit(req.junit, r); err != nil {
			return exit(exitUsage, "--junit: %w", err)
		}
	}
	thin := r.thin()
	switch {
	case a.json:
		if err := a.printJSON(r); err != nil {
			return err
		}
	case req.coverage:
		a.print(r.coverageLines(a.paint(), a.width())...)
	}
	if !a.json {
		a.say("%s", r.summary())
	}
	if len(thin) > 0 && !req.coverage && len(req.paths) == 0 && req.pattern == "" {
		a.say("%d of %d procedures have fewer than %d scenarios; --coverage lists them", len(thin), len(r.Procedures), wantedScenarios)
	}
	if r.Failed+r.Broken > 0 || req.coverage && len(thin) > 0 {
		return quietly(exitFailed)
	}
	return nil
}

func (a *app) listPlays(plays []*play) error {
	rows := make([]scenarioRow, 0, len(plays))
	for _, p := range plays {
		if p.stray {
			a.say("%s", p.file.NotRead()[0])
			continue
		}
		rows = append(rows, scenarioRow{Procedure: p.file.Procedure, Scenario: p.file.Name, File: p.file.Shown()})
	}
	if a.json {
		return a.printJSON(rows)
	}
	for _, r := range rows {
		a.print(r.Procedure + "/" + r.Scenario)
	}
	a.say("%s", plural(len(rows), "scenario"))
	return nil
}

// summary is the last line.
func (r *rehearsed) summary() string {
	text := "all as expected"
	if r.Failed+r.Broken > 0 {
		text = fmt.Sprintf("%d ok", r.OK)
	}
	if r.Failed > 0 {
		text += fmt.Sprintf(", %d failed", r.Failed)
	}
	if r.Broken > 0 {
		text += fmt.Sprintf(", %d with problems", r.Broken)
	}
	return plural(len(r.Scenarios), "scenario") + ": " + text + ", in " + (time.Duration(r.TookMS) * time.Millisecond).String()
}

// configured says whether a folder is one that orderly.yaml names.
func configured(cfg *config.Config, folder string) []sops.Source {
	for _, s := range sources(cfg) {
		if sameFolder(s.Name, folder) {
			return sources(cfg)
		}
	}
	return nil
}
