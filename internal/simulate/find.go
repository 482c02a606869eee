package simulate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

// Folder is where scenarios are, below each folder of procedures: tests/<procedure>/<scenario>.yaml.
const Folder = "tests"

// File is a scenario's file.
type File struct {
	Source    sops.Source
	Path      string // in the source
	Procedure string // by the folder it is in
	Name      string
}

// Shown is how messages name the file.
func (f File) Shown() string { return path.Join(f.Source.Name, f.Path) }

// maxFile is how much of a file is read at the most.
var maxFile = int64(yamldoc.DefaultLimits.Bytes) + 1

// Read gives the text of the file.
func (f File) Read() ([]byte, error) {
	file, err := f.Source.FS.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", f.Shown(), err)
	}
	src, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", f.Shown(), err)
	}
	return src, nil
}

// Parse reads and checks the file.
func (f File) Parse(env Env) (*Scenario, sops.Problems) {
	src, err := f.Read()
	if err != nil {
		var ps sops.Problems
		ps.Add(Pos{File: f.Shown()}, "%v", err)
		return nil, ps
	}
	return Parse(f.Shown(), src, env)
}

// List gives the scenario files of all folders, by procedure and name.
func List(sources []sops.Source) ([]File, error) {
	var files []File
	for _, s := range sources {
		found, err := fs.Glob(s.FS, Folder+"/*/*.yaml")
		if err != nil {
			return nil, fmt.Errorf("scenarios of %s: %w", s.Name, err)
		}
		for _, p := range found {
			if f := fileAt(s, p); !strings.HasPrefix(f.Name, ".") {
				files = append(files, f)
			}
		}
	}
	slices.SortStableFunc(files, func(a, b File) int {
		if c := strings.Compare(a.Procedure, b.Procedure); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return files, nil
}

// Find gives the scenario of a procedure by name. The error of one that is not there says which there are.
func Find(sources []sops.Source, procedure, name string) (File, error) {
	files, err := List(sources)
	if err != nil {
		return File{}, err
	}
	var names []string
	for _, f := range files {
		if f.Procedure != procedure {
			continue
		}
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return File{}, fmt.Errorf("%s has no scenarios; put them into %s/%s/ beside the procedures", procedure, Folder, procedure)
	}
	near := ""
	if s := yamldoc.Suggest(name, names); s != "" {
		near = fmt.Sprintf("; did you mean %q?", s)
	}
	return File{}, fmt.Errorf("%s has no scenario %q%s There are: %s", procedure, name, sentence(near), strings.Join(names, ", "))
}

// sentence ends what goes before with a full stop, unless it has an end.
func sentence(near string) string {
	if near == "" {
		return "."
	}
	return near
}
