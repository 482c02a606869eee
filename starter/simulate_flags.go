package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

// spanFlag is how long, as operators write it: 30m, 2d.
type spanFlag time.Duration

func (f *spanFlag) String() string {
	if *f == 0 {
		return ""
	}
	return sops.Duration(*f).String()
}
func (*spanFlag) Type() string { return "duration" }
func (f *spanFlag) Set(s string) error {
	d, err := sops.ParseDuration(s)
	*f = spanFlag(d)
	return err
}

// apply adds what the flags say to a scenario. Every problem is reported.
func (req simulateRequest) apply(a *app, s *simulate.Scenario, declared map[string]sops.Input) error {
	inputs, err := a.readInputs(startRequest{inputs: req.inputs}, declared)
	problems := []error{err}
	if s.Inputs == nil {
		s.Inputs = map[string]any{}
	}
	for name, v := range inputs {
		s.Inputs[name] = v
	}
	if req.at != "" {
		s.At, err = timeAt(req.at)
		s.At = s.At.Truncate(time.Second)
		problems = append(problems, err)
	}
	if req.by != "" {
		s.By = req.by
	}
	s.Drill = s.Drill || req.drill
	if req.horizon != 0 {
		s.Horizon = req.horizon
	}
	problems = append(problems, req.events(s)...)
	if err := errors.Join(problems...); err != nil {
		return exit(exitUsage, "%w", err)
	}
	return nil
}

// events adds what happens around the run.
func (req simulateRequest) events(s *simulate.Scenario) (problems []error) {
	for _, text := range req.deeds {
		d, err := simulate.ParseDeed(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--do: %w", err))
			continue
		}
		s.People = append(s.People, d)
	}
	for _, text := range req.kills {
		k, err := parseKill(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.Kills = append(s.Kills, k)
	}
	for _, text := range req.fails {
		what, message, _ := strings.Cut(text, ": ")
		if message == "" {
			message = "it fails in this simulation"
		}
		if s.Actions == nil {
			s.Actions = map[string]simulate.Script{}
		}
		s.Actions[what] = simulate.Script{Answers: []simulate.Answer{{Fails: &simulate.Fault{Message: message}}}}
	}
	if _, given := s.Answers["default"]; req.answers && !given {
		if s.Answers == nil {
			s.Answers = map[string]simulate.Reply{}
		}
		s.Answers["default"] = simulate.Reply{After: 2 * time.Minute}
	}
	return problems
}

// parseKill reads "+3m/2m".
func parseKill(text string) (simulate.Kill, error) {
	wrong := fmt.Errorf("--kill: %q is not a time without a worker; write it like +3m/2m: from +3m on, for 2m", text)
	from, length, ok := strings.Cut(text, "/")
	if !ok {
		return simulate.Kill{}, wrong
	}
	at, err := simulate.ParseMoment(from)
	if err != nil {
		return simulate.Kill{}, wrong
	}
	d, err := yamldoc.ParseDuration(length)
	if err != nil || d == 0 {
		return simulate.Kill{}, wrong
	}
	return simulate.Kill{At: at, For: d}, nil
}

// scenarioRow is a line of `orderly simulate --list --json`. Its fields are stable.
type scenarioRow struct {
	Procedure string `json:"procedure"`
	Scenario  string `json:"scenario"`
	Title     string `json:"title"`
	File      string `json:"file"`
}

// listScenarios lists those of a procedure, or all.
func (a *app) listScenarios(cfg *config.Config, procedure string) error {
	files, err := simulate.List(sources(cfg))
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	rows := []scenarioRow{}
	for _, f := range files {
		if procedure != "" && f.Procedure != procedure {
			continue
		}
		row := scenarioRow{Procedure: f.Procedure, Scenario: f.Name, File: f.Shown()}
		if s, problems := f.Parse(simulate.Env{}); s != nil {
			row.Title = s.Title
		} else {
			row.Title = "(has problems: " + problems[0].Message + ")"
		}
		rows = append(rows, row)
	}
	if err := a.sayStrays(cfg); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(rows)
	}
	table := screen.Table{Header: []string{"PROCEDURE", "SCENARIO", "TITLE"}, Wraps: 2, Paint: a.paint()}
	for _, row := range rows {
		table.Add(row.Procedure, row.Scenario, row.Title)
	}
	if len(rows) > 0 {
		a.print(table.Lines(a.room())...)
	}
	a.say("%s", plural(len(rows), "scenario"))
	return nil
}

// sayStrays names the files that look like scenarios and are not listed.
func (a *app) sayStrays(cfg *config.Config) error {
	strays, err := simulate.Strays(sources(cfg))
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	for _, f := range strays {
		a.say("%s", f.NotRead()[0])
	}
	return nil
}

// completeScenarios offers the scenarios of the procedure that was typed, or all.
func (a *app) completeScenarios(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	files, err := simulate.List(sources(cfg))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, f := range files {
		if len(args) == 0 || f.Procedure == args[0] {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveDefault
}
