package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// config reads the settings file: --config, $ORDERLY_CONFIG, or ./orderly.yaml.
func (a *app) config() (*config.Config, error) {
	file := a.configFile
	if file == "" {
		file = a.getenv("ORDERLY_CONFIG")
	}
	cfg, err := config.Load(file)
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return cfg, nil
}

// sources is where the procedures are.
func sources(cfg *config.Config) []sops.Source { return cfg.ProcedureSources(library.FS) }

// environment is what procedures are checked against here.
func environment(cfg *config.Config) sops.Env {
	return sops.Env{
		Catalogue: activities.Catalogue(), Targets: cfg.TargetNames(), Commands: cfg.CommandNames(),
	}
}

// procedures reads the configured procedures. Files with problems are left out and named on stderr: one
// broken file must not keep the others from being started. broken lists them.
func (a *app) procedures(cfg *config.Config) (lib *sops.Library, broken []string) {
	lib, problems := sops.LoadLibrary(sources(cfg), environment(cfg))
	broken = files(problems)
	if len(broken) > 0 {
		a.say("%s left out: %s; `orderly validate` shows all", plural(len(broken), "procedure file"), problems.Sorted()[0])
	}
	return lib, broken
}

// files are the files that have problems.
func files(problems sops.Problems) []string {
	var names []string
	for _, p := range problems {
		if !slices.Contains(names, p.Pos.File) {
			names = append(names, p.Pos.File)
		}
	}
	return names
}

// nearest finds what was probably meant, "" when nothing is near.
func nearest(word string, known []string) string {
	best, distance := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(k), nil); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// didYouMean is the end of a sentence that says that something is unknown.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// problemsIn finds the problems with places in an error.
func problemsIn(err error) (sops.Problems, bool) {
	var problems sops.Problems
	ok := errors.As(err, &problems) && len(problems) > 0
	return problems, ok
}
