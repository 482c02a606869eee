package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// temporal is the module of Temporal's server, ui that of its web UI.
const (
	temporal = "go.temporal.io/server"
	ui       = "github.com/temporalio/ui-server/v2"
)

// command is a program that an official image holds: the module and package it is built from, and its place.
type command struct{ module, pkg, to string }

var commands = map[string]command{
	"temporal-server":   {temporal, "/cmd/server", "usr/local/bin/temporal-server"},
	"temporal-sql-tool": {temporal, "/cmd/tools/sql", "usr/local/bin/temporal-sql-tool"},
	"ui-server":         {ui, "/cmd/server", "home/ui-server/ui-server"},
}

// programs builds commands of other modules with the versions in our go.mod, so that most of it is compiled
// already, and keeps them in .cache/images.
type programs struct {
	root string
	// mod is a copy of our go.mod that also has what the commands need, made at the first build.
	mod string
}

// path builds a command unless it is there, and answers where it is and its version.
func (p *programs) path(ctx context.Context, name string) (path, version string, err error) {
	c := commands[name]
	version, err = p.version(ctx, c.module)
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(p.root, ".cache", "images", name+"-"+version)
	if _, err := os.Stat(path); err == nil {
		return path, version, nil
	}
	if err := p.prepare(ctx); err != nil {
		return "", "", err
	}
	// Moved in place when it is whole: another test may build the same.
	unfinished := filepath.Join(filepath.Dir(p.mod), name)
	if _, err := p.golang(ctx, "build", "-modfile", p.mod, "-ldflags", "-s -w", "-o", unfinished, c.module+c.pkg); err != nil {
		return "", "", err
	}
	return path, version, os.Rename(unfinished, path)
}

// prepare adds to a copy of go.mod what the commands need besides their modules: a library for flags.
func (p *programs) prepare(ctx context.Context) error {
	if p.mod != "" {
		return nil
	}
	dir, err := os.MkdirTemp(filepath.Join(p.root, ".cache", "images"), "mod")
	if err != nil {
		return err
	}
	mod := filepath.Join(dir, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(p.root, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	args := []string{"get", "-modfile", mod}
	for _, c := range commands {
		version, err := p.version(ctx, c.module)
		if err != nil {
			return err
		}
		args = append(args, c.module+c.pkg+"@"+version)
	}
	p.mod = mod
	_, err = p.golang(ctx, args...)
	return err
}

// close removes what building needed.
func (p *programs) close() {
	if p.mod != "" {
		_ = os.RemoveAll(filepath.Dir(p.mod))
	}
}

func (p *programs) version(ctx context.Context, module string) (string, error) {
	return p.golang(ctx, "list", "-m", "-f", "{{.Version}}", module)
}

// module is the folder of a module's source.
func (p *programs) module(ctx context.Context, name string) (string, error) {
	return p.golang(ctx, "list", "-m", "-f", "{{.Dir}}", name)
}

func (p *programs) golang(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // our own arguments
	cmd.Dir = p.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=-trimpath")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
