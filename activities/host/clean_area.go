package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/config"
)

// area cleans one folder. What goes wrong in it is told and does not keep others from being cleaned; only
// a cancellation is an error.
func (s *sweep) area(ctx context.Context, name string, settings config.Clean) error {
	w := &walk{sweep: s, settings: settings, told: CleanArea{Area: name, Dir: settings.Dir, Largest: []CleanedFile{}, Problems: []string{}}}
	w.before = s.now().Add(-cmp.Or(s.in.OlderThan.D(), settings.MinAge))
	w.told.FreeBefore = s.free(ctx, settings.Dir)
	if err := w.start(ctx); err != nil {
		return err
	}
	w.told.FreeAfter = s.free(ctx, settings.Dir)
	s.out.Open += w.told.Open
	s.out.Problems += w.problems
	s.out.Areas = append(s.out.Areas, w.told)
	return nil
}

func (s *sweep) free(ctx context.Context, dir string) int64 {
	usage, err := s.machine.usage(ctx, dir)
	if err != nil {
		return 0 // the walk tells of a folder that can't be looked at
	}
	return int64(usage.Free)
}

// walk goes through one area. Every folder is held open while it is cleaned, and every change is made
// relative to it, so whoever swaps a folder for a link meanwhile leads nowhere.
type walk struct {
	*sweep
	settings config.Clean
	before   time.Time // files changed later stay
	device   uint64
	told     CleanArea
	problems int // also those that are not told
}

func (w *walk) start(ctx context.Context) error {
	dir, err := resolve(w.settings.Dir, w.us)
	if err == nil {
		err = config.Cleanable(dir) // a link may lead where orderly.yaml could not
	}
	if err == nil && w.inside(dir) {
		err = errors.New("is where Orderly keeps its own files")
	}
	if err != nil {
		w.problem(".", err)
		return ctx.Err()
	}
	root, err := openPlace(dir)
	if err != nil {
		w.problem(".", err)
		return ctx.Err()
	}
	defer func() { _ = root.Close() }() // only a handle
	info, err := root.Stat(".")
	if err != nil {
		w.problem(".", err)
		return ctx.Err()
	}
	w.device = identify(info).device
	return w.folder(ctx, root, place{dir: dir})
}

// inside says that a folder is Orderly's own, or in one that is.
func (w *walk) inside(dir string) bool {
	return slices.ContainsFunc(w.spare, func(own string) bool { return dir == own || strings.HasPrefix(dir, own+string(filepath.Separator)) })
}

// place is where the walk is.
type place struct {
	dir   string // absolute
	below string // relative to the area, with slashes
	depth int
}

func (p place) entry(name string) (abs, below string) {
	return filepath.Join(p.dir, name), path.Join(p.below, name)
}

// folder cleans what is in a folder, in portions: there may be millions of files.
func (w *walk) folder(ctx context.Context, root *os.Root, at place) error {
	f, err := root.Open(".")
	if err != nil {
		w.problem(at.below, err)
		return ctx.Err()
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.entry(ctx, root, at, e); err != nil {
				return err
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.problem(at.below, err)
			}
			return ctx.Err()
		}
	}
}

// entry looks at one thing in a folder.
func (w *walk) entry(ctx context.Context, root *os.Root, at place, e fs.DirEntry) error {
	abs, below := at.entry(e.Name())
	if w.mounts[abs] || slices.Contains(w.spare, abs) {
		w.told.Other++
		return nil
	}
	info, err := root.Lstat(e.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist): // it went by itself
	case err != nil:
		w.problem(below, err)
	case info.IsDir():
		return w.subfolder(ctx, root, at, info)
	case !info.Mode().IsRegular() || identify(info).device != w.device:
		w.told.Other++
	default:
		w.file(root, below, info)
	}
	return nil
}

// subfolder cleans a folder and deletes it when it is empty then and has been left alone for long.
func (w *walk) subfolder(ctx context.Context, root *os.Root, at place, info fs.FileInfo) error {
	abs, below := at.entry(info.Name())
	if identify(info).device != w.device {
		w.told.Other++
		return nil
	}
	if at.depth >= maxDepth {
		w.problem(below, fmt.Errorf("is more than %d folders deep", maxDepth))
		return nil
	}
	sub, err := root.OpenRoot(info.Name())
	if err != nil {
		w.problem(below, err)
		return nil
	}
	defer func() { _ = sub.Close() }()
	opened, err := sub.Stat(".")
	if err != nil || !os.SameFile(info, opened) { // it became something else under our hands
		w.told.Other++
		return nil
	}
	if err := w.folder(ctx, sub, place{dir: abs, below: below, depth: at.depth + 1}); err != nil {
		return err
	}
	if w.settings.How == config.CleanDelete && len(w.settings.Match) == 0 && changed(info).Before(w.before) && !w.open.has(identify(info)) && !w.in.DryRun {
		if root.Remove(info.Name()) == nil { // one that is not empty stays
			w.went(0, 1, 0, below)
		}
	}
	return nil
}

// file deletes or empties one file, where it may.
func (w *walk) file(root *os.Root, below string, info fs.FileInfo) {
	id := identify(info)
	w.told.Files++
	w.told.Bytes += id.bytes
	if !w.matches(info.Name()) {
		w.told.Other++
		return
	}
	old := changed(info).Before(w.before)
	if w.settings.How == config.CleanTruncate {
		w.truncate(root, below, info, old)
		return
	}
	switch {
	case !old:
		w.told.Young++
	case w.open.has(id):
		w.told.Open++
	case w.in.DryRun:
		w.went(0, 1, id.freed(), below)
	default:
		if err := root.Remove(info.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.problem(below, err)
			return
		}
		w.went(0, 1, id.freed(), below)
	}
}

func (w *walk) matches(name string) bool {
	return len(w.settings.Match) == 0 || slices.ContainsFunc(w.settings.Match, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // patterns were checked with the configuration
		return ok
	})
}

// truncate empties a file. One with further names is left: its content may belong somewhere else.
func (w *walk) truncate(root *os.Root, below string, info fs.FileInfo, old bool) {
	id := identify(info)
	large := w.settings.MaxMB > 0 && info.Size() > w.settings.MaxMB*bytesInAMeg
	switch {
	case info.Size() == 0:
		return
	case !old && !large:
		w.told.Young++
		return
	case id.links > 1:
		w.told.Other++
		return
	}
	if !w.in.DryRun {
		if err := empty(root, info); err != nil {
			w.problem(below, err)
			return
		}
	}
	w.went(1, 0, id.bytes, below)
}

// empty truncates the very file that info is of.
func empty(root *os.Root, info fs.FileInfo) error {
	f, err := root.OpenFile(info.Name(), os.O_WRONLY|noWaiting, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, opened) {
		return errors.New("became another file meanwhile")
	}
	return f.Truncate(0)
}

// went counts what was emptied or deleted.
func (w *walk) went(truncated, deleted int, bytes int64, below string) {
	w.told.Truncated += truncated
	w.told.Deleted += deleted
	w.told.Recovered += bytes
	w.count(deleted, truncated, bytes)
	if bytes == 0 || len(w.told.Largest) == maxTold && bytes <= w.told.Largest[maxTold-1].Bytes {
		return
	}
	i, _ := slices.BinarySearchFunc(w.told.Largest, bytes, func(f CleanedFile, b int64) int { return cmp.Compare(b, f.Bytes) })
	w.told.Largest = slices.Insert(w.told.Largest, i, CleanedFile{Path: strings.ToValidUTF8(below, "?"), Bytes: bytes})
	w.told.Largest = w.told.Largest[:min(maxTold, len(w.told.Largest))]
}

// problem notes what could not be done, without the absolute path that the error repeats.
func (w *walk) problem(below string, err error) {
	w.problems++
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if len(w.told.Problems) < maxTold {
		w.told.Problems = append(w.told.Problems, strings.ToValidUTF8(cmp.Or(below, "."), "?")+": "+err.Error())
	}
}
