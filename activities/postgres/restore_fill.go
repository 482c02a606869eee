package postgres

import (
	"cmp"
	"context"
	"errors"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

// RestoreProgress is what postgres.restore and postgres.verify heartbeat.
type RestoreProgress struct {
	Bytes int64 `json:"bytes"` // of the dump that have been read
}

// filling is a backup being restored into a database that is made for it.
type filling struct {
	on     *database // whose server it happens on
	admin  *admin
	backup *backups.Backup
	tool   tool
	jobs   int
	server string // its version
	read   *atomic.Int64
}

// restored is what came of it.
type restored struct {
	compared
	RestoreSeconds, CompareSeconds float64
}

// newFilling connects to a server and finds the program that reads the archive, before anything is made.
func newFilling(ctx context.Context, on *database, b *backups.Backup, jobs int) (*filling, error) {
	if jobs < 0 || jobs > maxJobs {
		return nil, action.Permanent(action.ErrInput, "postgres: jobs is %d, want 1 to %d", jobs, maxJobs)
	}
	admin, err := on.administer(ctx)
	if err != nil {
		return nil, err
	}
	f := &filling{on: on, admin: admin, backup: b, jobs: jobs, read: new(atomic.Int64)}
	if err := f.fit(ctx); err != nil {
		admin.close(ctx)
		return nil, err
	}
	return f, nil
}

// fit makes sure that the program reads the archive, and the server what is in it.
func (f *filling) fit(ctx context.Context) (err error) {
	f.server = f.admin.conn.PgConn().ParameterStatus("server_version")
	if from, to := majorVersion(f.backup.Server), majorVersion(f.server); from > to && to > 0 {
		return action.Permanent(action.ErrInput, "postgres %q (%s): %s is of PostgreSQL %d and can't be restored on %d: restore it on a server that is not older", f.on.name, f.on.place, f.backup.Key, from, to)
	}
	f.tool, err = f.on.findTool(ctx, "pg_restore", majorVersion(f.backup.PgDump))
	return err
}

// fill makes a database, restores into it and compares. Whoever calls it drops the database when it failed.
func (f *filling) fill(ctx context.Context, name string, like properties, l label, bare bool) (out restored, err error) {
	if err := f.admin.do(ctx, "create database "+name, like.create(name)); err != nil {
		return out, err
	}
	// Until it is what it shall be, nobody else comes in.
	if err := f.admin.do(ctx, "close database "+name, "REVOKE ALL ON DATABASE "+quoted(name)+" FROM PUBLIC"); err != nil {
		return out, err
	}
	if err := f.admin.comment(ctx, name, l.String()); err != nil {
		return out, err
	}
	into := f.on.in(name)
	start := time.Now()
	if err := f.load(ctx, into, bare); err != nil {
		return out, err
	}
	out.RestoreSeconds = seconds(time.Since(start))
	start = time.Now()
	out.compared, err = into.compare(ctx, f.backup.Manifest)
	out.CompareSeconds = seconds(time.Since(start))
	return out, err
}

func (f *filling) load(ctx context.Context, into *database, bare bool) error {
	conn, err := into.connect(ctx, adminPatience)
	if err != nil {
		return err
	}
	env := into.libpq(conn)
	shut(ctx, conn)
	jobs := f.jobs
	if jobs == 0 && f.backup.Format == backups.FormatDirectory {
		jobs = defaultJobs
	}
	l := &load{into: into, env: env, backup: f.backup, tool: f.tool, jobs: jobs, spool: cmp.Or(into.target.Spool, os.TempDir()), bare: bare, read: f.read}
	return l.run(ctx)
}

// defaultJobs is how many processes restore a dump that was made by several.
const defaultJobs = 4

// reporting heartbeats how much has been read, for as long as a step takes.
func reporting(ctx context.Context) (read *atomic.Int64, stop func()) {
	read = new(atomic.Int64)
	return read, action.Report(ctx, func() []any { return []any{RestoreProgress{Bytes: read.Load()}} })
}

// ended joins what went wrong with what went wrong while cleaning up after it.
func ended(ctx context.Context, err, untidy error) error {
	if err == nil {
		return untidy
	}
	if cause := context.Cause(ctx); errors.Is(cause, errClaimLost) {
		return causeOf(ctx, err)
	}
	return err // what is left the next attempt drops
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
