package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// settingsFile is --config, $ORDERLY_CONFIG, or "" for ./orderly.yaml.
func (a *app) settingsFile() string { return cmp.Or(a.configFile, a.getenv("ORDERLY_CONFIG")) }

// config reads the settings file. The secrets of targets need not be here: only workers use them.
func (a *app) config() (*config.Config, error) {
	cfg, err := config.LoadWithoutSecrets(a.settingsFile())
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	return cfg, nil
}

// sources is where the procedures are.
func sources(cfg *config.Config) []sops.Source { return cfg.ProcedureSources(library.FS) }

// procedures reads the configured procedures. Targets are not checked: the orderly.yaml of somebody's
// own machine need not name those that the workers reach. Files with problems are left out: one broken
// file must not keep the others from being started.
func procedures(cfg *config.Config) (*sops.Library, sops.Problems) {
	lib, problems := sops.LoadLibrary(sources(cfg), sops.Env{Catalogue: activities.Catalogue()})
	return lib, problems.Sorted()
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
