package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/diagram"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
)

// simulateRequest is what `orderly simulate` was asked for.
type simulateRequest struct {
	procedure string
	scenario  string
	inputs    []string
	at        string
	by        string
	drill     bool
	deeds     []string
	fails     []string
	kills     []string
	answers   bool
	horizon   time.Duration
	format    string
	flow      bool
	list      bool
	attempts  bool
	all       bool
}

func (a *app) simulateCommand() *cobra.Command {
	var req simulateRequest
	cmd := &cobra.Command{
		Use:   "simulate <procedure>",
		Short: "Rehearse a procedure in skipped time: who is paged when, and why",
		Long: `Rehearse a procedure: the real workflow code runs in skipped time, with the real
rotations of org.yaml. Nobody is told anything, no outside system is touched, no
server is needed. It prints what happens when, who is paged over what until
when, which promises are met, what is undone, and how it ends.

A scenario says how actions answer, what people do and when a worker dies; it is
a file tests/<procedure>/<scenario>.yaml beside the procedures (--list). Without
one nobody answers and everything works; flags are added to either. Answers that
nobody gave are plausible and listed as assumed.

Exit code 0: simulated, however the run ends. "orderly test" checks scenarios.`,
		Example: examples(
			"orderly simulate emergency-response -i reason=down --do '+7m ana: acknowledge'",
			"orderly simulate emergency-response --scenario nobody-answers",
			"orderly simulate weekly-maintenance --fail 'dump: no space' --answers",
			"orderly simulate weekly-maintenance --kill +3m/2m --format svg > run.svg",
			"orderly simulate weekly-maintenance --flow --format svg > flow.svg",
			"orderly simulate --list"),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeProcedures,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				req.procedure = args[0]
			}
			return a.simulate(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&req.scenario, "scenario", "s", "", "a scenario by name, or a file")
	flags.StringArrayVarP(&req.inputs, "input", "i", nil, "an input as key=value; lists and maps as YAML or JSON")
	flags.StringVar(&req.at, "at", "", "when it starts: '2026-11-21 02:14' or 02:14 (UTC), RFC 3339, 12h from now, -3d")
	flags.StringVar(&req.by, "by", "", "who starts it (default: a schedule)")
	flags.BoolVar(&req.drill, "drill", false, "as a drill: destructive actions are dry runs")
	flags.StringArrayVar(&req.deeds, "do", nil, "what somebody does: '+7m ana: acknowledge'")
	flags.StringArrayVar(&req.fails, "fail", nil, "a step or action that fails: 'dump: no space'")
	flags.StringArrayVar(&req.kills, "kill", nil, "the worker is dead: +3m/2m is from +3m for 2m")
	flags.BoolVar(&req.answers, "answers", false, "every question is answered after two minutes")
	flags.Var((*spanFlag)(&req.horizon), "horizon", "when an open run is stopped: 30m, 2h, 35d (default 72h)")
	formatFlag(cmd, &req.format, "a picture of the run")
	flags.BoolVar(&req.flow, "flow", false, "draw what the procedure does instead (mermaid or svg)")
	flags.BoolVar(&req.list, "list", false, "list the scenarios there are")
	flags.BoolVar(&req.all, "all", false, "every line of long timelines, inner runs as well")
	flags.BoolVar(&req.attempts, "attempts", false, "every attempt at an action as well")
	_ = cmd.RegisterFlagCompletionFunc("scenario", a.completeScenarios)
	return cmd
}

func (a *app) simulate(ctx context.Context, req simulateRequest) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if req.list {
		return a.listScenarios(cfg, req.procedure)
	}
	if err := checkFormat(req.format); err != nil {
		return err
	}
	if req.flow {
		return a.drawFlow(cfg, req.procedure, req.format)
	}
	s, err := a.scenario(cfg, req)
	if err != nil {
		return err
	}
	defer a.spendMemory()()
	result, err := simulate.Run(ctx, simulate.Options{Sources: sources(cfg)}, s)
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	switch {
	case a.json:
		return a.printJSON(result)
	case req.format == formatText:
		t := simulation{Result: result, paint: a.paint(), width: min(a.width(), defaultWidth), all: req.all}
		a.print(t.text(s.Check(result), req.attempts)...)
		return nil
	}
	a.draw(diagram.Timeline(result.Record), req.format)
	return nil
}

// scenario is the one that was asked for, with what the flags add. Reading all procedures takes longer than most
// simulations: that is for whoever is to be told what is wrong, and what there is instead.
func (a *app) scenario(cfg *config.Config, req simulateRequest) (*simulate.Scenario, error) {
	if s, err := a.scenarioOf(cfg, req, nearEnv(cfg)); err == nil {
		return s, nil
	}
	return a.scenarioOf(cfg, req, scenarioEnv(cfg))
}

func (a *app) scenarioOf(cfg *config.Config, req simulateRequest, env simulate.Env) (*simulate.Scenario, error) {
	s, err := a.givenScenario(cfg, req, env)
	if err != nil {
		return nil, err
	}
	proc, known := env.Procedures(s.Procedure)
	if !known {
		return nil, noProcedure(s.Procedure, env.IDs, env.Broken)
	}
	if err := req.apply(a, s, proc.Inputs); err != nil {
		return nil, err
	}
	if problems := s.Verify(env); len(problems) > 0 {
		return nil, exit(exitUsage, "%s", strings.Join(messages(problems), "\n"))
	}
	return s, nil
}

// spendMemory lets garbage lie longer until what it returns is called: a quarter of the time for half as much memory
// again, in a program that soon ends. What GOGC says goes before.
func (a *app) spendMemory() (restore func()) {
	if a.getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(400)
	return func() { debug.SetGCPercent(before) }
}

// messages are problems without their places: what is left to be found came with flags.
func messages(problems sops.Problems) []string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Message
	}
	return texts
}

// noProcedure says why there is none: there is no such file, or it is broken.
func noProcedure(id string, known []string, problems sops.Problems) error {
	var broken sops.Problems
	for _, p := range problems {
		if path.Base(filepath.ToSlash(p.Pos.File)) == id+".yaml" {
			broken = append(broken, p)
		}
	}
	if len(broken) > 0 {
		return exit(exitFailed, "%s can't be simulated, its file has problems:\n%w", id, broken.Err())
	}
	return exit(exitNotFound, "there is no procedure %q%s", id, orList(didYouMean(id, known), known))
}

// orList is a hint, or else what there is.
func orList(hint string, known []string) string {
	if hint != "" {
		return hint
	}
	if len(known) == 0 {
		return "; there are none"
	}
	return "; there are: " + strings.Join(known, ", ")
}

// givenScenario reads --scenario; without it, it is one in which nobody answers and everything works.
func (a *app) givenScenario(cfg *config.Config, req simulateRequest, env simulate.Env) (*simulate.Scenario, error) {
	if req.scenario == "" {
		if req.procedure == "" {
			return nil, exit(exitUsage, "say which procedure; `orderly simulate --list` lists scenarios")
		}
		id := "nobody answers"
		if req.answers || len(req.deeds) > 0 {
			id = "as the flags say"
		}
		return &simulate.Scenario{ID: id, Procedure: req.procedure}, nil
	}
	if req.procedure == "" && !isFile(req.scenario) {
		return nil, exit(exitUsage, "say which procedure has the scenario %q, or give its file", req.scenario)
	}
	var s *simulate.Scenario
	var problems sops.Problems
	if isFile(req.scenario) {
		src, err := os.ReadFile(req.scenario)
		if err != nil {
			return nil, exit(exitUsage, "--scenario: %w", err)
		}
		abs, err := filepath.Abs(req.scenario)
		if err != nil {
			return nil, exit(exitUsage, "--scenario: %w", err)
		}
		if s, problems = simulate.Parse(filepath.ToSlash(abs), src, env); s != nil {
			s.File = req.scenario
		}
	} else {
		file, err := simulate.Find(sources(cfg), req.procedure, req.scenario)
		if err != nil {
			return nil, exit(exitNotFound, "%w", err)
		}
		s, problems = file.Parse(env)
	}
	switch {
	case len(problems) > 0:
		return nil, exit(exitFailed, "the scenario has problems:\n%w", problems.Err())
	case req.procedure != "" && s.Procedure != req.procedure:
		return nil, exit(exitUsage, "%s is a scenario of %s, not of %s", req.scenario, s.Procedure, req.procedure)
	}
	return s, nil
}

// isFile tells a scenario's file from its name.
func isFile(scenario string) bool {
	return strings.HasSuffix(scenario, ".yaml") || strings.HasSuffix(scenario, ".yml") || strings.ContainsRune(scenario, filepath.Separator)
}

// scenarioEnv is what scenarios are checked against here.
func scenarioEnv(cfg *config.Config) simulate.Env {
	lib, problems := procedures(cfg)
	return withOrg(cfg, simulate.Env{Catalogue: activities.Catalogue(), Procedures: lib.Get, IDs: lib.IDs(), Broken: problems})
}

// nearEnv is scenarioEnv for what has no problem: it reads only the procedures that are asked for.
func nearEnv(cfg *config.Config) simulate.Env {
	catalogue := activities.Catalogue()
	read := map[string]*sops.Library{}
	find := func(id string) (*sops.Procedure, bool) {
		if read[id] == nil {
			read[id], _ = sops.LoadReach(sources(cfg), sops.Env{Catalogue: catalogue}, id)
		}
		return read[id].Get(id)
	}
	return withOrg(cfg, simulate.Env{Catalogue: catalogue, Procedures: find})
}

func withOrg(cfg *config.Config, env simulate.Env) simulate.Env {
	if org, err := sops.FindOrg(sources(cfg)); err == nil {
		env.Org = org
	} else if !errors.Is(err, sops.ErrNoOrg) {
		env.Org = nil
	}
	return env
}
