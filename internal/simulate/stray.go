package simulate

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// Strays gives the files below `tests` that look like scenarios and are not read, because they are called .yml or
// are not tests/<procedure>/<scenario>.yaml: one that never runs must not look as if all were well. Other YAML that
// lies there is not meant, nor is what is hidden.
func Strays(sources []sops.Source) ([]File, error) {
	var files []File
	for _, s := range sources {
		err := fs.WalkDir(s.FS, Folder, func(p string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil && p == Folder:
				return fs.SkipAll // there are none
			case err != nil:
				return err
			case strings.HasPrefix(entry.Name(), "."):
				return skipped(entry)
			case entry.IsDir():
				return nil
			}
			end := path.Ext(p)
			if f := fileAt(s, p); (end == ".yml" || end == ".yaml" && strings.Count(p, "/") != 2) && f.looksLikeOne() {
				files = append(files, f)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("scenarios of %s: %w", s.Name, err)
		}
	}
	return files, nil
}

// skipped leaves out an entry, and all that is in it.
func skipped(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// fileAt is a file in its place. Of a stray one the procedure is a guess, and the name is all of it.
func fileAt(s sops.Source, p string) File {
	return File{Source: s, Path: p, Procedure: path.Base(path.Dir(p)), Name: strings.TrimSuffix(path.Base(p), ".yaml")}
}

// ownKeys begin the lines that only a scenario has.
var ownKeys = regexp.MustCompile(`(?m)^(scenario|procedure|expect|never)[ \t]*:`)

func (f File) looksLikeOne() bool {
	src, err := f.Read()
	return err == nil && ownKeys.Match(bytes.TrimPrefix(src, []byte("\uFEFF")))
}

// NotRead is the problem of a stray file.
func (f File) NotRead() sops.Problems {
	var ps sops.Problems
	ps.Add(Pos{File: f.Shown(), Line: 1, Col: 1}, "it is not read: a scenario is %s/<procedure>/<scenario>.yaml, no deeper and ending in .yaml; move or rename it", Folder)
	return ps
}
