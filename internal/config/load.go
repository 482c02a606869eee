package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// DefaultPath is read when no file is named. It alone may be missing.
const DefaultPath = "./orderly.yaml"

//go:embed defaults.yaml
var defaults []byte

// Load reads orderly.yaml. An empty path means DefaultPath. When DefaultPath does not exist the embedded
// defaults are used: this machine's Docker, the embedded procedures, files below ./data. The error lists
// every problem of the file, one a line, as file:line:col; it never shows a secret.
func Load(path string) (*Config, error) { return load(path, reading{env: os.LookupEnv}) }

// LoadWithoutSecrets is Load for a program that only talks to Temporal and reads procedures, such as the
// CLI on somebody's own machine: a variable that is not set, or a secret's file that is not there, leaves
// its value empty and unchecked. What stands under temporal has to be there all the same.
func LoadWithoutSecrets(path string) (*Config, error) {
	return load(path, reading{env: os.LookupEnv, lenient: true})
}

// reading is how a file is read.
type reading struct {
	base    string // where relative paths in it start
	env     environment
	lenient bool // what can't be filled in stays empty
}

func load(path string, r reading) (*Config, error) {
	if path == "" {
		path = DefaultPath
	}
	src, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == DefaultPath:
		return r.defaults()
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w; name another file with --config", err)
	}
	r.base = filepath.Dir(path)
	return r.parse(path, src)
}

func (r reading) defaults() (*Config, error) {
	r.base = "."
	cfg, err := r.parse("the embedded orderly.yaml", defaults)
	if err != nil {
		return nil, err
	}
	cfg.File = ""
	return cfg, nil
}

// parse reads a file's text.
func (r reading) parse(file string, src []byte) (*Config, error) {
	node, problems := yamldoc.Parse(file, src, yamldoc.Limits{})
	if len(problems) > 0 {
		return nil, withoutQuotes(problems).Err()
	}
	x := expander{file: file, reading: r, filled: map[place]string{}, left: map[place]bool{}}
	x.expand(node, "")
	cfg := &Config{File: file}
	places, wrong := yamldoc.DecodePlaces(node, file, cfg)
	problems = slices.Concat(x.problems, x.hide(wrong))
	cfg.fillIn()
	if len(problems) == 0 { // what could not be read would only be reported again
		problems = x.known(check(cfg, places))
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	cfg.relativeTo(r.base)
	cfg.redactor = newRedactor(slices.Concat(x.secrets, secretsOf(cfg)))
	return cfg, nil
}

// quoted is where a message about YAML's own signs repeats what follows them, which may be a password
// that somebody wrote without quotes.
var quoted = regexp.MustCompile(`(alias \*|anchor &|anchor '|tag )[^ ':]+`)

func withoutQuotes(problems yamldoc.Problems) yamldoc.Problems {
	out := slices.Clone(problems)
	for i := range out {
		out[i].Message = quoted.ReplaceAllString(out[i].Message, "${1}"+hidden)
	}
	return out
}
