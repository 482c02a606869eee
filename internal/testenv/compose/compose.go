// Package compose runs Docker Compose for tests: a project of a compose file on the tests' Docker Engine, with
// everything that it made gone at the end.
package compose

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// downWithin bounds how long a project may take to go.
const downWithin = 2 * time.Minute

// Project is a compose file with what it is told.
type Project struct {
	// Name is the project's, unique on the engine.
	Name string
	// File is the compose file.
	File string
	// Docker is the engine's address.
	Docker string
	// Env is the variables that the file uses, as KEY=value. Nothing else of the environment reaches it,
	// so that a developer's own settings don't decide what is tested.
	Env []string
}

// Up starts the project and waits until all of it is well. It goes when the test ends.
func (p *Project) Up(t testing.TB, args ...string) {
	t.Helper()
	t.Cleanup(func() { p.down(t) })
	if out, err := p.Run(t.Context(), append([]string{"up", "--wait", "--wait-timeout", "240"}, args...)...); err != nil {
		logs, _ := p.Run(context.WithoutCancel(t.Context()), "logs", "--no-color", "--tail", "40")
		state, _ := p.Run(context.WithoutCancel(t.Context()), "ps", "--all")
		t.Fatalf("compose up: %v\n%s\n%s\n%s", err, out, state, logs)
	}
}

func (p *Project) down(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), downWithin)
	defer cancel()
	if out, err := p.Run(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "5"); err != nil {
		t.Errorf("compose down: %v\n%s", err, out)
	}
}

// Run runs one command of Compose and answers what it printed.
func (p *Project) Run(ctx context.Context, args ...string) (string, error) {
	program, err := find()
	if err != nil {
		return "", err
	}
	args = append([]string{"--project-name", p.Name, "--file", p.File, "--progress", "plain"}, args...)
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // running it is this function's purpose
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DOCKER_HOST=" + p.Docker, "NO_COLOR=1",
	}, p.Env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func find() (string, error) {
	path := filepath.Join(Root(), ".cache", "bin", "docker-compose")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("Docker Compose is not in .cache/bin: run .ci/deps (`make test` does)") //nolint:staticcheck // a name
	}
	return path, nil
}

// Root is the top folder of the source, above the working directory of every test.
func Root() string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return "." // not below the source: what is looked for in it is then said to be missing
}
