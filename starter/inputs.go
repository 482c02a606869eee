package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

// How many columns of a procedure's title and description its runs carry for the Temporal UI: Temporal takes
// 400 and 20,000 bytes, and one column may be six.
const (
	titleLimit = 60
	aboutLimit = 3000
)

// plan checks everything that can be checked before anything starts.
func (a *app) plan(cfg *config.Config, req startRequest) (plan, error) {
	p := plan{procedure: req.procedure, key: req.key, by: a.who(req.by), drill: req.drill}
	lib, problems := procedures(cfg)
	proc, known := lib.Get(req.procedure)
	if !known {
		if err := a.unknown(req.procedure, lib, problems); err != nil {
			return p, err
		}
	}
	var declared map[string]sops.Input
	if known {
		declared = proc.Inputs
	}
	inputs, err := a.readInputs(req, declared)
	if err != nil {
		return p, err
	}
	p.inputs = inputs
	if !known {
		return p, nil
	}
	p.incident = proc.Incident != nil
	p.title, p.about = screen.Cut(proc.Title, titleLimit), screen.Cut(proc.Description, aboutLimit)
	err = p.check(proc)
	return p, err
}

// check checks the inputs against the procedure and works the key out.
func (p *plan) check(proc *sops.Procedure) error {
	full, err := proc.CheckInputs(maps.Clone(p.inputs))
	if err != nil {
		return exit(exitUsage, "inputs of %s:\n  %s", proc.ID, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if p.key != "" {
		return nil
	}
	p.key, err = proc.RunKey(full, now())
	if err != nil {
		return exit(exitUsage, "key of %s: %w", proc.ID, err)
	}
	return nil
}

// unknown decides what becomes of a procedure that is not here. One that looks like a slip of the
// finger is refused, and so is one whose file here is broken; another may be known to the workers, which
// have the last word.
func (a *app) unknown(id string, lib *sops.Library, problems sops.Problems) error {
	broken := slices.DeleteFunc(slices.Clone(problems), func(p yamldoc.Problem) bool {
		return path.Base(filepath.ToSlash(p.Pos.File)) != id+".yaml"
	})
	if len(broken) > 0 {
		return exit(exitUsage, "%s can't be started, its file has problems:\n%w", id, broken.Err())
	}
	if near := nearest(id, lib.IDs()); near != "" {
		return exit(exitNotFound, "there is no procedure %q here; did you mean %s?", id, near)
	}
	if !idShape.MatchString(id) {
		return exit(exitNotFound, "there is no procedure %q; there are: %s", id, strings.Join(lib.IDs(), ", "))
	}
	a.say("%s is not in the procedures here; the workers decide whether they know it", id)
	return nil
}

// readInputs joins --input-file and -i.
func (a *app) readInputs(req startRequest, declared map[string]sops.Input) (map[string]any, error) {
	inputs := map[string]any{}
	if req.inputFile != "" {
		if err := a.readInputFile(req.inputFile, &inputs); err != nil {
			return nil, exit(exitUsage, "%w", err)
		}
	}
	var problems []error
	for _, pair := range req.inputs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			problems = append(problems, fmt.Errorf("-i %q: write it as key=value", pair))
			continue
		}
		value, err := typed(text, declared[key].Type)
		if err != nil {
			problems = append(problems, fmt.Errorf("-i %s: %w", key, err))
			continue
		}
		inputs[key] = value
	}
	if err := errors.Join(problems...); err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return inputs, nil
}

// maxInput is how large an input file may be: Temporal takes 2 MB a payload.
const maxInput = 2 << 20

func (a *app) readInputFile(name string, into *map[string]any) error {
	src := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("--input-file: %w", err)
		}
		defer func() { _ = f.Close() }()
		src = f
	}
	text, err := readAll(src, "--input-file "+name)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("--input-file %s: not one YAML or JSON object: %w", name, err)
	}
	if *into == nil {
		*into = map[string]any{}
	}
	return nil
}

// readAll reads a file or stdin to its end.
func readAll(src io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(src, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("%s: larger than 2 MB, which is all that Temporal takes", name)
	}
	return text, nil
}

// typed reads the text of a -i as the declared type wants it. Text, durations and times stay text: in
// JSON that is what they are. Everything else, and inputs that nobody declared, is YAML.
func typed(text, kind string) (any, error) {
	switch kind {
	case "string", "duration", "time":
		return text, nil
	}
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("%q is not a %s: %w", text, kind, err)
	}
	if v == nil && text != "null" && text != "~" {
		return text, nil
	}
	return v, nil
}
