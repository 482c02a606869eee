package postgres

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
)

// tool is one of PostgreSQL's own client programs.
type tool struct {
	path    string
	version string // as it says: 15.14
	major   int
}

// debianTools is where Debian keeps the programs of each major version.
const debianTools = "/usr/lib/postgresql/*/bin"

// askWithin bounds asking a program for its version.
const askWithin = 10 * time.Second

// findTool finds a client program (pg_dump, pg_restore) that is not older than a major version: an older
// pg_dump refuses the server, and an older pg_restore the archive. The target's own folder decides alone.
// Without one it is the closest of those in PATH and those that Debian has installed: what a newer pg_restore
// writes an older server does not always take (17 sets transaction_timeout, which 16 does not know).
func (d *database) findTool(ctx context.Context, name string, atLeast int) (tool, error) {
	var best, old tool
	for _, path := range d.candidates(name) {
		t, err := askTool(ctx, path)
		switch {
		case ctx.Err() != nil:
			return tool{}, ctx.Err()
		case err != nil: // what can't say its version can't be used
		case t.major < atLeast:
			old = cmp.Or(old, t)
		case best.path == "" || t.major < best.major:
			best = t
		}
	}
	if best.path != "" {
		return best, nil
	}
	help := fmt.Sprintf("install postgresql-client-%d where the worker runs, or name its folder as targets.postgres.%s.tools", atLeast, d.name)
	if old.path == "" {
		return tool{}, action.Permanent(action.ErrNotConfigured, "postgres %q: %s is not there: %s", d.name, name, help)
	}
	return tool{}, action.Permanent(action.ErrNotConfigured, "postgres %q: %s %s (%s) is too old, want version %d or newer: %s",
		d.name, name, old.version, old.path, atLeast, help)
}

// candidates are the paths to try, in order; of equal versions the first is taken.
func (d *database) candidates(name string) []string {
	if d.target.Tools != "" {
		return []string{filepath.Join(d.target.Tools, name)}
	}
	var all []string
	if path, err := exec.LookPath(name); err == nil {
		all = append(all, path)
	}
	installed, err := filepath.Glob(filepath.Join(debianTools, name))
	if err != nil {
		return all // the pattern is ours and well-formed
	}
	return append(all, installed...)
}

var toolVersion = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// askTool asks a program which version it is.
func askTool(ctx context.Context, path string) (tool, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = toolEnv()
	said, err := cmd.Output()
	if err != nil {
		return tool{}, fmt.Errorf("%s --version: %w", path, err)
	}
	m := toolVersion.FindSubmatch(said)
	if m == nil {
		return tool{}, fmt.Errorf("%s does not say its version", path)
	}
	major, err := strconv.Atoi(string(m[2]))
	return tool{path: path, version: string(m[1]), major: major}, err
}

// toolEnv is what every client program gets of the worker's environment: little, and none of its secrets.
func toolEnv() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// tail keeps the end of what a program prints: that is where it says what went wrong.
type tail struct{ text []byte }

// maxTail bounds what an error shows of it.
const maxTail = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if extra := len(t.text) - maxTail; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// String is the end, on one line, fit for an error.
func (t *tail) String() string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(t.text), "?"), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
