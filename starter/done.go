package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// doneRequest is what `orderly done` was asked for.
type doneRequest struct {
	run, step string
	fields    []string // key=value
	formFile  string
	by        string
}

// stepRespond is what `done` calls an incident's first mitigation.
const stepRespond = "respond"

func (a *app) doneCommand() *cobra.Command {
	var req doneRequest
	cmd := &cobra.Command{
		Use:   "done <run> [step]",
		Short: "Say that a step which was asked of you is done",
		Long: `Say that a step which waits for people is done, with the answers of its form.
Without <step> it is the one that waits, if there is only one. "respond" says
that an incident has its first mitigation. On a terminal the form's required
answers are asked for one by one; elsewhere those that are missing are named.

` + refusedHelp,
		Example: examples(
			"orderly done weekly-maintenance/docs-db ready",
			"orderly done emergency-response/api assess -f level=level-2 -f users=12",
			"orderly done emergency-response/api respond"),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("say which run")
			case len(args) > 2:
				return fmt.Errorf("one step at a time; found %s. Answers are given as -f field=value", strings.Join(args[1:], ", "))
			}
			return nil
		},
		ValidArgsFunction: a.completeMessage(offerDone),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.run = args[0]
			if len(args) > 1 {
				req.step = args[1]
			}
			return a.done(cmd.Context(), req)
		},
	}
	cmd.Flags().StringArrayVarP(&req.fields, "field", "f", nil, "an answer of the form as field=value")
	cmd.Flags().StringVar(&req.formFile, "form-file", "", "answers as one YAML or JSON object, - for stdin; -f wins over it")
	byFlag(cmd, &req.by)
	return cmd
}

func (a *app) done(ctx context.Context, req doneRequest) error {
	return a.withOpenRun(ctx, req.run, func(c *cluster, run *workflowpb.WorkflowExecutionInfo) error {
		m := workflows.Complete{By: a.who(req.by), Step: req.step}
		if m.Step != stepRespond {
			r, err := c.status(ctx, run.GetExecution().GetWorkflowId(), "")
			if err != nil {
				return failed("ask "+run.GetExecution().GetWorkflowId()+" what waits", err)
			}
			if m.Step, err = stepToAnswer(r, req.step); err != nil {
				return err
			}
			if m.Form, err = a.form(r, m.Step, req); err != nil {
				return err
			}
		}
		return a.deliver(ctx, c, run, workflows.MessageComplete, m)
	})
}

// stepToAnswer is the step that was named, or the only one that waits.
func stepToAnswer(r *workflows.Record, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	var open []string
	for _, s := range r.Waiting() {
		if s.Kind == string(sops.KindAsk) {
			open = append(open, s.Path)
		}
	}
	switch len(open) {
	case 1:
		return open[0], nil
	case 0:
		return "", exit(exitRefused, "nothing waits to be done in %s; `%s` shows how it stands",
			r.WorkflowID, screen.Command("orderly", "show", r.WorkflowID))
	}
	return "", exit(exitUsage, "%d steps wait; say which of %s", len(open), strings.Join(open, ", "))
}

// form is what was answered, with what a person at the terminal adds.
func (a *app) form(r *workflows.Record, step string, req doneRequest) (map[string]any, error) {
	fields, known := formOf(r, step)
	answers, err := a.readForm(req, fields)
	if err != nil || !known {
		return answers, err
	}
	if missing := missingFields(fields, answers); len(missing) > 0 {
		if !a.asks() {
			return nil, exit(exitUsage, "%s needs answers:\n  %s", step, strings.Join(fieldLines(fields, missing), "\n  "))
		}
		q := &questions{in: a.stdin, out: a.stderr}
		if err := q.ask(fields, missing, answers); err != nil {
			return nil, err
		}
	}
	if _, err := sops.CheckForm(fields, answers); err != nil {
		return nil, exit(exitUsage, "%s: %w", step, err)
	}
	return answers, nil
}

// formOf finds the form of a step that waits. What a name means that fits none or several, the run says.
func formOf(r *workflows.Record, step string) (map[string]sops.FormField, bool) {
	var found []*workflows.Step
	for _, s := range r.Waiting() {
		switch {
		case s.Kind != string(sops.KindAsk):
		case s.Path == step:
			return s.Ask.Fields, true
		case s.ID == step:
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return nil, false
	}
	return found[0].Ask.Fields, true
}

// readForm joins --form-file and -f.
func (a *app) readForm(req doneRequest, fields map[string]sops.FormField) (map[string]any, error) {
	answers := map[string]any{}
	if req.formFile != "" {
		if err := a.readFormFile(req.formFile, &answers); err != nil {
			return nil, exit(exitUsage, "%w", err)
		}
	}
	var problems []error
	for _, pair := range req.fields {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			problems = append(problems, fmt.Errorf("-f %q: write it as field=value", pair))
			continue
		}
		value, err := typedAnswer(text, fields[name].Type)
		if err != nil {
			problems = append(problems, fmt.Errorf("-f %s: %w", name, err))
			continue
		}
		answers[name] = value
	}
	if err := errors.Join(problems...); err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return answers, nil
}

func (a *app) readFormFile(name string, into *map[string]any) error {
	src := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("--form-file: %w", err)
		}
		defer func() { _ = f.Close() }()
		src = f
	}
	text, err := readAll(src, "--form-file "+name)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("--form-file %s: not one YAML or JSON object: %w", name, err)
	}
	if *into == nil {
		*into = map[string]any{}
	}
	return nil
}

// typedAnswer reads an answer as its field wants it; one of a field that nobody here knows is YAML.
func typedAnswer(text, kind string) (any, error) {
	switch kind {
	case "string", "text", "choice", "time":
		return text, nil
	case "bool":
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "yes", "y":
			return true, nil
		case "false", "no", "n":
			return false, nil
		}
		return nil, fmt.Errorf("%q is neither yes nor no", text)
	}
	return typed(text, kind)
}

// missingFields are the required ones without an answer, sorted.
func missingFields(fields map[string]sops.FormField, answers map[string]any) []string {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, isText := answers[name].(string)
		given := answers[name] != nil && (!isText || strings.TrimSpace(text) != "")
		if f := fields[name]; f.Required && f.Default == nil && !given {
			missing = append(missing, name)
		}
	}
	return missing
}

// fieldLines is a line for each: how to give it, what it may be, what it means.
func fieldLines(fields map[string]sops.FormField, names []string) []string {
	lines := make([]string, len(names))
	for i, name := range names {
		f := fields[name]
		lines[i] = "-f " + name + "=…  " + kindOfAnswer(f)
		if f.Title != "" {
			lines[i] += ": " + f.Title
		}
	}
	return lines
}

func kindOfAnswer(f sops.FormField) string {
	switch f.Type {
	case "choice":
		return "one of " + strings.Join(f.Options, ", ")
	case "bool":
		return "yes or no"
	case "int":
		return "a whole number"
	case "number":
		return "a number"
	case "time":
		return "a time such as 2026-12-24T18:00:00Z"
	default:
		return "text"
	}
}
