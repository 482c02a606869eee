package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) validateCommand() *cobra.Command {
	secrets := false
	cmd := &cobra.Command{
		Use:   "validate [path…]",
		Short: "Check procedure files, org.yaml, and orderly.yaml",
		Long: `Check procedure files and folders of them against the actions there are, the
targets in orderly.yaml, the roles and policies in org.yaml, and each other.
Without paths the configured folders are checked. Every problem is printed as
file:line:col: message; their number goes to stderr. The exit code is 1 when
there are any.

With --json: {files, problems: [{pos: {file, line, col}, message}]}.`,
		Example: examples(
			"orderly validate",
			"orderly validate sops/library/daily-check.yaml",
			"orderly validate --json my-procedures | jq '.problems | length'"),
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(args, secrets) },
	}
	cmd.Flags().BoolVar(&secrets, "secrets", false, "also want every secret that orderly.yaml names, as a worker does")
	return cmd
}

// validation is the answer of `orderly validate --json`. Its fields are stable.
type validation struct {
	Files    int           `json:"files"`
	Problems sops.Problems `json:"problems"`
}

func (a *app) validate(paths []string, secrets bool) error {
	cfg, problems, err := a.checkedConfig(secrets)
	if err != nil {
		return err
	}
	v := validation{Problems: problems}
	if cfg.File != "" || len(problems) > 0 {
		v.Files = 1
	}
	env := sops.Env{Catalogue: activities.Catalogue()}
	if len(problems) == 0 {
		env.Targets, env.Commands = cfg.TargetNames(), cfg.CommandNames()
	}
	o, more, n := checkOrg(sources(cfg))
	env.Org = o
	v.Problems, v.Files = append(v.Problems, more...), v.Files+n
	more, n, err = checkPaths(cfg, env, paths)
	if err != nil {
		return err
	}
	v.Problems = append(v.Problems, more...).Sorted()
	v.Files += n
	return a.reportValidation(v)
}

// checkedConfig is orderly.yaml and what is wrong with it. A broken one still lets the procedures be
// checked, only not against targets.
func (a *app) checkedConfig(secrets bool) (*config.Config, sops.Problems, error) {
	load := config.LoadWithoutSecrets
	if secrets {
		load = config.Load
	}
	cfg, err := load(a.settingsFile())
	if err == nil {
		return cfg, nil, nil
	}
	problems, ok := problemsIn(err)
	if !ok {
		return nil, nil, exit(exitUsage, "%w", err)
	}
	return &config.Config{File: problems[0].Pos.File}, problems, nil
}

// checkOrg reads the org.yaml of the folders. Without one, roles and policies are left unchecked.
func checkOrg(folders []sops.Source) (*sops.Org, sops.Problems, int) {
	o, err := sops.FindOrg(folders)
	switch problems, placed := problemsIn(err); {
	case err == nil:
		return o, nil, 1
	case errors.Is(err, sops.ErrNoOrg):
		return nil, nil, 0
	case placed:
		return nil, problems, 1
	}
	var problems sops.Problems
	problems.Add(sops.Pos{File: sops.OrgFile}, "%v", err)
	return nil, problems, 0
}

// checkPaths checks files and folders, those of the configuration when none are named.
func checkPaths(cfg *config.Config, env sops.Env, paths []string) (sops.Problems, int, error) {
	lib, problems := sops.LoadLibrary(sources(cfg), env)
	if len(paths) == 0 {
		return problems, countFiles(sources(cfg)), nil
	}
	env.Procedures = lib.Get
	var all sops.Problems
	files := 0
	for _, path := range paths {
		found, n, err := checkPath(path, env)
		if err != nil {
			return nil, 0, err
		}
		all, files = append(all, found...), files+n
	}
	return all, files, nil
}

func checkPath(path string, env sops.Env) (sops.Problems, int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, exit(exitUsage, "%w", err)
	}
	if info.IsDir() {
		folder := []sops.Source{{Name: path, FS: os.DirFS(path)}}
		o, problems, n := checkOrg(folder)
		if n > 0 {
			env.Org = o
		}
		_, more := sops.LoadLibrary(folder, env)
		return append(problems, more...), countFiles(folder) + n, nil
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, exit(exitUsage, "%w", err)
	}
	if filepath.Base(path) == sops.OrgFile {
		_, problems := sops.ParseOrg(path, src)
		return problems, 1, nil
	}
	_, problems := sops.Parse(path, src, env)
	return problems, 1, nil
}

// countFiles counts the procedure files of folders; org.yaml is none.
func countFiles(folders []sops.Source) int {
	n := 0
	for _, f := range folders {
		names, _ := fs.Glob(f.FS, "*.yaml")
		for _, name := range names {
			if filepath.Base(name) != sops.OrgFile {
				n++
			}
		}
	}
	return n
}

func (a *app) reportValidation(v validation) error {
	if a.json {
		if v.Problems == nil {
			v.Problems = sops.Problems{}
		}
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else {
		for _, p := range v.Problems {
			a.print(screen.Clean(p.String()))
		}
		a.say("%s checked, %s", plural(v.Files, "file"), countProblems(len(v.Problems)))
	}
	if len(v.Problems) > 0 {
		return quietly(exitFailed)
	}
	return nil
}

func countProblems(n int) string {
	if n == 0 {
		return "no problems"
	}
	return plural(n, "problem") + " found"
}
