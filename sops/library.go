package sops

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Library is the procedures of some folders.
type Library struct {
	procedures map[string]*Procedure
}

// Source is a folder of procedures: on disk, or embedded.
type Source struct {
	Name string // as shown in messages
	FS   fs.FS
}

// LoadLibrary reads every *.yaml of the folders (not below them; org.yaml and coverage.yaml are no procedures). Env's
// Procedures is the library itself. The library holds the procedures that have no problem. Of two files
// for the same procedure neither wins: that is a problem.
func LoadLibrary(sources []Source, env Env) (*Library, Problems) {
	var problems Problems
	files := listAll(sources, &problems)
	read := make([]*checker, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			read[i] = f.read(env)
			return nil
		})
	}
	_ = g.Wait() // the readers keep their problems
	lib := assemble(read, &problems)
	return lib, problems.Sorted()
}

// LoadReach is LoadLibrary for whoever wants one procedure: it reads the files that serve it only, and those of the
// procedures that it runs or starts, as far as that goes.
func LoadReach(sources []Source, env Env, id string) (*Library, Problems) {
	var problems Problems
	files := map[string][]libraryFile{}
	for _, f := range listAll(sources, &problems) {
		serves := WorkflowType(strings.TrimSuffix(f.name, ".yaml"))
		files[serves] = append(files[serves], f)
	}
	var read []*checker
	for ids := []string{id}; len(ids) > 0; ids = ids[1:] {
		serves := WorkflowType(ids[0])
		for _, f := range files[serves] {
			c := f.read(env)
			read = append(read, c)
			if c.p != nil {
				for s := range c.p.Steps() {
					ids = append(ids, s.Run, s.Start)
				}
			}
		}
		delete(files, serves)
	}
	lib := assemble(read, &problems)
	return lib, problems.Sorted()
}

// assemble checks the procedures against each other.
func assemble(read []*checker, problems *Problems) *Library {
	byID, byType := map[string]*checker{}, map[string]*checker{}
	for _, c := range read {
		if c.p == nil || c.p.ID == "" {
			continue
		}
		if other, twice := byID[c.p.ID]; twice {
			c.problems.Add(c.places.Value(c.p, "sop"), "procedure %q is in %s as well", c.p.ID, other.p.File)
			other.problems.Add(other.places.Value(other.p, "sop"), "procedure %q is in %s as well", c.p.ID, c.p.File)
			continue
		}
		byID[c.p.ID] = c
		name := WorkflowType(c.p.ID)
		if other, twice := byType[name]; twice {
			c.problems.Add(c.places.Value(c.p, "sop"), "%q and %q have the same workflow type %s; rename one", c.p.ID, other.p.ID, name)
		}
		byType[name] = c
	}
	find := func(id string) (*Procedure, bool) {
		c, ok := byID[id]
		if !ok {
			return nil, false
		}
		return c.p, true
	}
	lib := &Library{procedures: map[string]*Procedure{}}
	for _, c := range read {
		c.crossCheck(find)
		*problems = append(*problems, c.problems...)
		if len(c.problems) == 0 {
			lib.procedures[c.p.ID] = c.p
		}
	}
	return lib
}

// IDs lists the procedures, sorted.
func (l *Library) IDs() []string { return sortedKeys(l.procedures) }

// Get finds a procedure by id.
func (l *Library) Get(id string) (*Procedure, bool) {
	p, ok := l.procedures[id]
	return p, ok
}

// ErrNoProcedure is what Find answers when every folder could be read and none has such a file.
var ErrNoProcedure = errors.New("no procedure")

// Find reads the one file that serves a workflow type, without reading the others: the file
// `<id>.yaml` of the first source that has it. It reports the known ids when there is none; that error is
// ErrNoProcedure, and any other means that a folder or file could not be read.
func Find(sources []Source, workflowType string) (file string, src []byte, err error) {
	var problems Problems
	var known []string
	for _, f := range listAll(sources, &problems) {
		id := strings.TrimSuffix(f.name, ".yaml")
		if WorkflowType(id) == workflowType || id == workflowType {
			src, err = f.bytes()
			return f.path(), src, err
		}
		known = append(known, id)
	}
	if err := problems.Err(); err != nil {
		return "", nil, err
	}
	slices.Sort(known)
	if len(known) == 0 {
		return "", nil, fmt.Errorf("%w serves %q: there are no procedures at all", ErrNoProcedure, workflowType)
	}
	types := make([]string, len(known))
	for i, id := range known {
		types[i] = WorkflowType(id)
	}
	return "", nil, fmt.Errorf("%w serves %q%s; there are %s", ErrNoProcedure, workflowType, hint(workflowType, types), strings.Join(slices.Compact(known), ", "))
}

// libraryFile is a file of a source.
type libraryFile struct {
	source Source
	name   string
}

// beside are the files of a folder that are no procedures: the org, and which row of a written procedure is
// carried out by what.
var beside = []string{OrgFile, "coverage.yaml"}

// listAll lists the procedure files of all sources, in their order.
func listAll(sources []Source, problems *Problems) []libraryFile {
	var files []libraryFile
	for _, s := range sources {
		entries, err := fs.ReadDir(s.FS, ".")
		if err != nil {
			problems.Add(Pos{File: s.Name}, "procedures: %v", err)
			continue
		}
		for _, e := range entries {
			name := e.Name()
			if !e.IsDir() && path.Ext(name) == ".yaml" && !slices.Contains(beside, name) && !strings.HasPrefix(name, ".") {
				files = append(files, libraryFile{s, name})
			}
		}
	}
	return files
}

func (f libraryFile) path() string { return path.Join(f.source.Name, f.name) }

// bytes reads the file, but never much more than a procedure may be long.
func (f libraryFile) bytes() ([]byte, error) {
	file, err := f.source.FS.Open(f.name)
	if err != nil {
		return nil, fmt.Errorf("procedure %s: %w", f.path(), err)
	}
	src, err := io.ReadAll(io.LimitReader(file, int64(yamldoc.DefaultLimits.Bytes)+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("procedure %s: %w", f.path(), err)
	}
	return src, nil
}

func (f libraryFile) read(env Env) *checker {
	src, err := f.bytes()
	if err != nil {
		c := &checker{}
		c.problems.Add(Pos{File: f.path()}, "%v", err)
		return c
	}
	return read(f.path(), src, env)
}
