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
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

// uploadsAtOnce is how many files of a parallel dump are uploaded at the same time.
const uploadsAtOnce = 2

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

// parallel dumps in directory format into a spool folder and uploads each file as soon as pg_dump has closed
// it.
func (d dump) parallel(ctx context.Context, snapshot string) ([]backups.File, error) {
	folder := d.spoolFolder()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		return nil, fmt.Errorf("make the spool folder: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the next attempt tries again
	closed, stop, err := watchClosed(folder)
	if err != nil {
		return nil, fmt.Errorf("watch the spool folder: %w", err)
	}
	defer stop()
	u := &spoolUploads{dump: d, folder: folder, begun: map[string]bool{}}
	u.group, ctx = errgroup.WithContext(ctx)
	u.group.SetLimit(uploadsAtOnce)
	dumped := make(chan error, 1)
	dumping, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		args := append(d.args(snapshot), "--format=directory", "--file="+folder, "--no-sync", "--jobs="+strconv.Itoa(d.in.Jobs))
		dumped <- d.pgDump(dumping, io.Discard, args...)
	}()
	err = u.follow(ctx, closed, dumped)
	if lost := u.group.Wait(); lost != nil {
		return nil, lost
	}
	slices.SortFunc(u.files, func(a, b backups.File) int { return strings.Compare(a.Name, b.Name) })
	return u.files, err
}

// spoolUploads uploads the files of a spool folder.
type spoolUploads struct {
	dump
	folder string
	group  *errgroup.Group
	begun  map[string]bool
	mu     sync.Mutex
	files  []backups.File
}

// follow uploads files as they are closed until pg_dump has ended well, and then what is left.
func (u *spoolUploads) follow(ctx context.Context, closed <-chan string, dumped <-chan error) error {
	for {
		select {
		case name := <-closed:
			u.upload(ctx, name)
		case err := <-dumped:
			if err != nil {
				return err
			}
			return u.rest(ctx)
		}
	}
}

// rest uploads what the watching missed. A file that has been uploaded is gone; one that is there again was
// opened twice, and then what was uploaded is not all of it.
func (u *spoolUploads) rest(ctx context.Context) error {
	left, err := os.ReadDir(u.folder)
	if err != nil {
		return err
	}
	for _, entry := range left {
		u.upload(ctx, entry.Name())
	}
	if err := u.group.Wait(); err != nil {
		return err
	}
	if left, err = os.ReadDir(u.folder); err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("pg_dump wrote %s again after closing it", left[0].Name())
}

// upload uploads a file and removes it. It waits while enough others are on their way.
func (u *spoolUploads) upload(ctx context.Context, name string) {
	if u.begun[name] {
		return
	}
	u.begun[name] = true
	u.group.Go(func() error {
		from := filepath.Join(u.folder, name)
		info, err := os.Stat(from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // temporary to pg_dump
		}
		if err != nil {
			return err
		}
		spec := backups.Spec{Name: name, Compress: u.old(), Expected: info.Size(), AtOnce: uploadsAtOnce, Done: &u.done}
		f, err := u.store.Write(ctx, u.key, spec, func(w io.Writer) error { return copyFile(w, from) })
		if err != nil {
			return err
		}
		u.mu.Lock()
		u.files = append(u.files, f)
		u.mu.Unlock()
		return os.Remove(from)
	})
}

func copyFile(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
