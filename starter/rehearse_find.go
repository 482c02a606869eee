package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
)

// stage is folders of procedures, and the scenarios of them that are to be rehearsed.
type stage struct {
	shown   string // for messages
	sources []sops.Source
	files   []simulate.File
	strays  []simulate.File // look like scenarios, and are not read
	env     simulate.Env
	cache   simulate.Cache
}

// play is a scenario to be rehearsed, or a file that can't be because of where it is.
type play struct {
	stage *stage
	file  simulate.File
	stray bool
}

// findStages finds the scenarios of the paths, those of the configured folders when there are none.
func findStages(cfg *config.Config, paths []string) ([]*stage, error) {
	if len(paths) == 0 {
		folders := sources(cfg)
		names := make([]string, len(folders))
		for i, f := range folders {
			names[i] = f.Name
		}
		s := &stage{shown: strings.Join(names, ", "), sources: folders}
		err := s.fill(func(simulate.File) bool { return true })
		return []*stage{s}, err
	}
	stages := make([]*stage, 0, len(paths))
	for _, path := range paths {
		s, err := stageOf(cfg, path)
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// stageOf is the stage of a path: the folder of procedures is the one that holds `tests`, whether the path is
// that folder or something inside it.
func stageOf(cfg *config.Config, path string) (*stage, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	base, inside := splitTests(path)
	if !info.IsDir() && inside == "" {
		return nil, exit(exitUsage, "%s is not read: a scenario is a file tests/<procedure>/<scenario>.yaml beside the procedures", path)
	}
	s := &stage{shown: path, sources: configured(cfg, base)}
	own := sops.Source{Name: base, FS: os.DirFS(base)}
	if s.sources == nil {
		s.sources = append([]sops.Source{own}, othersOf(cfg, own)...)
	}
	err = s.fill(func(f simulate.File) bool {
		return sameFolder(f.Source.Name, base) && (inside == "" || f.Path == inside || strings.HasPrefix(f.Path, inside+"/"))
	})
	return s, err
}

// splitTests splits a path before its last `tests`; inside is what follows, with slashes, "" for all of it.
func splitTests(path string) (base, inside string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path, ""
	}
	parts := strings.Split(filepath.ToSlash(abs), "/")
	at := -1
	for i, part := range parts {
		if part == simulate.Folder && len(parts)-i <= 4 { // tests, tests/<procedure>, tests/<procedure>/<scenario>.yaml, and what is too deep
			at = i
		}
	}
	if at < 0 {
		return path, ""
	}
	base = filepath.FromSlash(strings.Join(parts[:at], "/"))
	if here, err := filepath.Abs("."); err == nil {
		if rel, err := filepath.Rel(here, base); err == nil && filepath.IsLocal(rel) {
			base = rel // as people type it
		}
	}
	return base, strings.Join(parts[at:], "/")
}

// othersOf are the configured folders, where a folder has no org.yaml of its own: its people are theirs then.
func othersOf(cfg *config.Config, own sops.Source) []sops.Source {
	if _, err := fs.Stat(own.FS, sops.OrgFile); err == nil {
		return nil
	}
	return sources(cfg)
}

func sameFolder(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// fill lists the scenarios that are wanted and reads what they are checked against.
func (s *stage) fill(wanted func(simulate.File) bool) error {
	files, err := simulate.List(s.sources)
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	for _, f := range files {
		if wanted(f) {
			s.files = append(s.files, f)
		}
	}
	strays, err := simulate.Strays(s.sources)
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	for _, f := range strays {
		if wanted(f) {
			s.strays = append(s.strays, f)
		}
	}
	lib, problems := sops.LoadLibrary(s.sources, sops.Env{Catalogue: activities.Catalogue()})
	s.env = simulate.Env{Catalogue: activities.Catalogue(), Procedures: lib.Get, IDs: lib.IDs(), Broken: problems}
	switch o, err := sops.FindOrg(s.sources); {
	case err == nil:
		s.env.Org = o
	case !errors.Is(err, sops.ErrNoOrg):
		return exit(exitFailed, "%w", err)
	}
	return nil
}

// pick gives the scenarios whose names match, each once, and after them what is not read.
func pick(stages []*stage, wanted *regexp.Regexp) []*play {
	var plays []*play
	add := func(s *stage, files []simulate.File, stray bool) {
		for _, f := range files {
			twice := slices.ContainsFunc(plays, func(p *play) bool {
				return p.file.Path == f.Path && sameFolder(p.file.Source.Name, f.Source.Name)
			})
			if !twice && wanted.MatchString(f.Procedure+"/"+f.Name) {
				plays = append(plays, &play{stage: s, file: f, stray: stray})
			}
		}
	}
	for _, s := range stages {
		add(s, s.files, false)
	}
	for _, s := range stages {
		add(s, s.strays, true)
	}
	return plays
}
