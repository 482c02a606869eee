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
func Load(path string) (*Config, error) {
	if path == "" {
		path = DefaultPath
	}
	src, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == DefaultPath:
		cfg, err := parse("the embedded orderly.yaml", defaults, ".", os.LookupEnv)
		if cfg != nil {
			cfg.File = ""
		}
		return cfg, err
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w; name another file with --config", err)
	}
	return parse(path, src, filepath.Dir(path), os.LookupEnv)
}

// parse reads a file's text. Relative paths in it start at base.
func parse(file string, src []byte, base string, env environment) (*Config, error) {
	node, problems := yamldoc.Parse(file, src, yamldoc.Limits{})
	if len(problems) > 0 {
		return nil, withoutQuotes(problems).Err()
	}
	x := expander{file: file, base: base, env: env, filled: map[place]string{}}
	x.expand(node, "")
	cfg := &Config{File: file}
	places, wrong := yamldoc.DecodePlaces(node, file, cfg)
	problems = append(x.problems, x.hide(wrong)...)
	cfg.fillIn()
	if len(problems) == 0 { // what could not be read would only be reported again
		problems = check(cfg, places)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	cfg.relativeTo(base)
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
