package postgres

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
	"strconv"
	"strings"
	"sync"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

// uploadsAtOnce is how many files of a parallel dump are uploaded at the same time, where their parts are small
// enough for that.
const uploadsAtOnce = 4

// spoolRoot is where spool folders are made.
func (d dump) spoolRoot() string { return cmp.Or(d.db.target.Spool, os.TempDir()) }

// spoolFolder is the same for every attempt, so that one clears what a killed one left.
func (d dump) spoolFolder() string {
	return filepath.Join(d.spoolRoot(), "orderly-backup-"+path.Base(d.key))
}

// spoolFits checks the disk before anything is written to it. A compressed dump is smaller than its database,
// with whose indexes comes room for what is hard to compress; as text, which is what an old pg_dump leaves, it
// may be larger where values are stored compressed. Files leave the disk as soon as they are uploaded, but
// nobody can promise how soon that is. (The database's size is known without waiting for anybody's locks.)
func (d dump) spoolFits(ctx context.Context) error {
	usage, err := disk.UsageWithContext(ctx, d.spoolRoot())
	if err != nil {
		return action.Permanent(action.ErrNotConfigured, "postgres %q: spool folder %s: %v: mend targets.postgres.%s.spool", d.db.name, d.spoolRoot(), err, d.db.name)
	}
	need := uint64(d.size)
	if d.old() {
		need += need / 2
	}
	if usage.Free < need {
		return action.Permanent(action.ErrNotConfigured,
			"postgres %q: spool folder %s has %d MB free, a dump with jobs may need %d MB: name another disk's folder as targets.postgres.%s.spool, or leave jobs out, which needs no disk",
			d.db.name, d.spoolRoot(), usage.Free>>20, need>>20, d.db.name)
	}
	return nil
}

// parallel dumps in directory format into a spool folder and uploads each file while pg_dump writes it.
func (d dump) parallel(ctx context.Context, snapshot string) ([]backups.File, error) {
	folder := d.spoolFolder()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		return nil, fmt.Errorf("make the spool folder: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the next attempt tries again
	seen, stop, err := watchFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("watch the spool folder: %w", err)
	}
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dumped := make(chan error, 1)
	go func() {
		args := append(d.args(snapshot), "--format=directory", "--file="+folder, "--no-sync", "--jobs="+strconv.Itoa(d.in.Jobs))
		dumped <- d.pgDump(ctx, io.Discard, args...)
	}()
	u := newSpoolUploads(d, folder)
	return u.run(ctx, cancel, seen, dumped)
}

// spoolUploads uploads the files of a spool folder.
type spoolUploads struct {
	dump
	folder string
	known  map[string]*growing
	queue  []string   // files that nobody uploads yet
	done   chan error // one for every upload that has ended
	active int
	atOnce int

	mu    sync.Mutex
	files []backups.File
}

func newSpoolUploads(d dump, folder string) *spoolUploads {
	atOnce := min(uploadsAtOnce, backups.AtOnce(d.size))
	return &spoolUploads{dump: d, folder: folder, known: map[string]*growing{}, done: make(chan error), atOnce: atOnce}
}

// run uploads files as they are written until pg_dump has ended well, and then what is left. At the first failure it stops
// everything, waits for it and gives that failure.
func (u *spoolUploads) run(ctx context.Context, cancel context.CancelCauseFunc, seen <-chan fileEvent, dumped <-chan error) ([]backups.File, error) {
	var failed error
	fail := func(err error) {
		if err != nil && failed == nil {
			failed = err
			cancel(err)
		}
	}
	for dumped != nil || u.active > 0 || len(u.queue) > 0 && failed == nil {
		for failed == nil && u.active < u.atOnce && len(u.queue) > 0 {
			u.start(ctx, u.queue[0])
			u.queue = u.queue[1:]
		}
		select {
		case e := <-seen:
			u.note(e)
		case err := <-u.done:
			u.active--
			fail(err)
		case err := <-dumped:
			dumped = nil
			fail(err)
			fail(u.rest())
		}
	}
	if failed == nil {
		failed = u.nothingLeft()
	}
	slices.SortFunc(u.files, func(a, b backups.File) int { return strings.Compare(a.Name, b.Name) })
	return u.files, failed
}

// note takes in what happened to a file.
func (u *spoolUploads) note(e fileEvent) {
	g := u.known[e.name]
	if g == nil {
		g = newGrowing()
		u.known[e.name] = g
		u.queue = append(u.queue, e.name)
	}
	if e.closed {
		g.close()
		return
	}
	g.grew()
}

// rest takes in what the watching missed, now that nobody writes any more.
func (u *spoolUploads) rest() error {
	left, err := os.ReadDir(u.folder)
	for _, entry := range left {
		u.note(fileEvent{name: entry.Name(), closed: true})
	}
	for _, g := range u.known {
		g.close()
	}
	return err
}

// nothingLeft makes sure of the folder: a file that has been uploaded is gone; one that is there again was
// opened twice, and then what was uploaded is not all of it.
func (u *spoolUploads) nothingLeft() error {
	left, err := os.ReadDir(u.folder)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("pg_dump wrote %s again after closing it", left[0].Name())
}

// start begins to upload a file.
func (u *spoolUploads) start(ctx context.Context, name string) {
	u.active++
	g := u.known[name] // not by the goroutine: run goes on writing that map
	go func() { u.done <- u.upload(ctx, name, g) }()
}

// upload uploads a file and removes it.
func (u *spoolUploads) upload(ctx context.Context, name string, g *growing) error {
	from := filepath.Join(u.folder, name)
	complete := g.over()
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // temporary to pg_dump
	}
	if err != nil {
		return err
	}
	expected := u.size // at most, as far as anybody knows
	if complete {
		expected = info.Size()
	}
	spec := backups.Spec{Name: name, Compress: u.old(), Expected: expected, AtOnce: u.atOnce, Done: &u.dump.done}
	f, err := u.store.Write(ctx, u.key, spec, func(w io.Writer) error { return g.copy(ctx, w, from) })
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.files = append(u.files, f)
	u.mu.Unlock()
	return os.Remove(from)
}
