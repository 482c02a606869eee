package config

import (
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/orderly-ops/orderly/sops"
)

// TargetNames lists the names of the targets by kind, sorted, for sops.Env.
func (c *Config) TargetNames() map[string][]string {
	return map[string][]string{
		"docker":   names(c.Targets.Docker),
		"postgres": names(c.Targets.Postgres),
		"redis":    names(c.Targets.Redis),
		"http":     names(c.Targets.HTTP),
		"s3":       names(c.Targets.S3),
	}
}

// CommandNames lists the commands exec.run may start, sorted, for sops.Env.
func (c *Config) CommandNames() []string { return names(c.Exec) }

// names is never nil: sops takes nil as "not known", and none is an answer.
func names[T any](m map[string]T) []string {
	all := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(all)
	return all
}

// ProcedureSources is where procedures are read from: the folders of the file, or else the embedded
// library.
func (c *Config) ProcedureSources(embedded fs.FS) []sops.Source {
	if len(c.Procedures) == 0 {
		return []sops.Source{{Name: "the embedded library", FS: embedded}}
	}
	sources := make([]sops.Source, len(c.Procedures))
	for i, folder := range c.Procedures {
		sources[i] = sops.Source{Name: folder, FS: os.DirFS(folder)}
	}
	return sources
}
