package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// environment looks a variable up, as os.LookupEnv does.
type environment func(name string) (string, bool)

// expander fills ${…} in. It works on the nodes before they are decoded, so that it needs to know
// nothing of the keys:
//
//	${NAME}             the variable, which has to be set
//	${NAME:-default}    the variable, or the default when it is unset or empty
//	${file:/run/x}      the file's text without the white space around it
//	$${                 the two characters ${
type expander struct {
	reading
	file     string
	secrets  []string         // what was filled in
	filled   map[place]string // the values that hold some of it, as the file has them
	left     map[place]bool   // the values that could not be filled in, when that is no problem
	problems yamldoc.Problems
}

type place struct{ line, col int }

// A value can only be looked up as a whole: what stands between the braces holds no brace itself.
var (
	reference = regexp.MustCompile(`\$\$\{|\$\{([^{}]*)(\}?)`)
	variable  = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)
)

// expand fills in every text value of a node. path is its key, for messages.
func (x *expander) expand(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for k, v := range yamldoc.Pairs(n) {
			x.expand(v, strings.TrimPrefix(path+"."+k.Value, "."))
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			x.expand(item, fmt.Sprintf("%s[%d]", path, i))
		}
	case yaml.ScalarNode:
		if n.Tag == "!!str" && strings.Contains(n.Value, "${") {
			x.scalar(n, path)
		}
	}
}

func (x *expander) scalar(n *yaml.Node, path string) {
	written := n.Value
	n.Value = reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
		if ref == "$${" {
			return "${"
		}
		parts := reference.FindStringSubmatch(ref)
		if parts[2] == "" {
			x.problem(n, "%s: a ${ without its }; write $${ for the characters themselves", path)
			return ""
		}
		value, err := x.lookUp(parts[1])
		switch {
		case isAbsent(err) && x.lenient && !strings.HasPrefix(path, "temporal."):
			x.left[place{n.Line, n.Column}] = true
			return ""
		case err != nil:
			x.problem(n, "%s: %s", path, err)
			return ""
		}
		x.secrets = append(x.secrets, value)
		x.filled[place{n.Line, n.Column}] = written
		return value
	})
}

// absent says that the variable or file that a reference names is not there for us.
type absent string

func (a absent) Error() string { return string(a) }

func isAbsent(err error) bool {
	_, ok := errors.AsType[absent](err)
	return ok
}

func (x *expander) lookUp(name string) (string, error) {
	if path, isFile := strings.CutPrefix(name, "file:"); isFile {
		return x.readFile(path)
	}
	m := variable.FindStringSubmatch(name)
	if m == nil {
		return "", fmt.Errorf("${%s} names no variable; write ${NAME}, ${NAME:-default} or ${file:/path}", name)
	}
	value, set := x.env(m[1])
	switch {
	case m[2] != "" && value == "":
		return m[3], nil
	case !set:
		return "", absent("the environment variable " + m[1] + " is not set")
	}
	return value, nil
}

// maxSecretFile is far above any key or certificate.
const maxSecretFile = 64 << 10

func (x *expander) readFile(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.base, path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "", absent("the file " + path + " does not exist or may not be read")
	case err != nil:
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is not a file of at most %d KiB", path, maxSecretFile>>10)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrPermission) {
		return "", absent("the file " + path + " does not exist or may not be read")
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

func (x *expander) problem(n *yaml.Node, format string, args ...any) {
	x.problems.Add(yamldoc.Pos{File: x.file, Line: n.Line, Col: n.Column}, format, args...)
}

// hide takes what was filled in out of problems: a message about such a value may quote it, also in
// part, so all that is said is where it stands and how it was written.
func (x *expander) hide(problems yamldoc.Problems) yamldoc.Problems {
	out := slices.Clone(problems)
	for i, p := range out {
		if written, ok := x.filled[place{p.Pos.Line, p.Pos.Col}]; ok {
			out[i].Message = fmt.Sprintf("what %s gives can't be used here; its value is not shown", written)
		}
	}
	return x.known(out)
}

// known leaves out the problems of values that could not be filled in.
func (x *expander) known(problems yamldoc.Problems) yamldoc.Problems {
	return slices.DeleteFunc(problems, func(p yamldoc.Problem) bool { return x.left[place{p.Pos.Line, p.Pos.Col}] })
}
