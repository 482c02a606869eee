package postgres

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/process"
)

const (
	// lockPatience is how long pg_dump waits for a table that somebody has locked for himself alone.
	lockPatience = 5 * time.Minute
	// dumpGrace is how long pg_dump may take to end after it was told to, before it is killed.
	dumpGrace = 10 * time.Second
	// zstdSince is the first pg_dump that knows zstd.
	zstdSince = 16
)

// dump is pg_dump at work for a backup.
type dump struct {
	*backup
	conn    *pgx.Conn // holds the snapshot
	program tool
	size    int64 // of the database on its server, in bytes
}

// inParallel says that several tables are dumped at once, by way of the disk.
func (d dump) inParallel() bool { return d.in.Jobs > 1 }

// old says that pg_dump can only gzip, which takes several times as long as all the rest: then it does not
// compress at all, and Orderly does.
func (d dump) old() bool { return d.program.major < zstdSince }

// compression says how the dump is compressed, as it stands in the manifest.
func (d dump) compression() string {
	if d.old() {
		return "zstd:1 by orderly"
	}
	return "zstd:1 by pg_dump"
}

// args are pg_dump's arguments. Where and as whom it connects is in its environment.
func (d dump) args(snapshot string) []string {
	compress := "zstd:1"
	if d.old() {
		compress = "0"
	}
	return []string{
		"--no-password", "--snapshot=" + snapshot, "--compress=" + compress,
		"--lock-wait-timeout=" + strconv.FormatInt(lockPatience.Milliseconds(), 10),
	}
}

// onOneCore leaves the server's other cores to those who work with it: counting rows is several times as fast as
// dumping them, beside which it goes on.
const onOneCore = "SET LOCAL max_parallel_workers_per_gather = 0"

// take dumps the database and counts its rows at the same time, in one snapshot.
func (d dump) take(ctx context.Context, m *backups.Manifest) error {
	return d.inSnapshot(ctx, d.conn, func(ctx context.Context, tx pgx.Tx, s backups.Snapshot) error {
		m.Snapshot.ID, m.Snapshot.Taken = s.ID, s.Taken
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() (err error) {
			if !d.in.Checksums {
				if _, err := tx.Exec(ctx, onOneCore); err != nil {
					return d.db.failed("prepare to count rows", lockPatience, err)
				}
			}
			if m.Tables, err = backups.TakeCensus(ctx, tx, d.in.Checksums); err != nil {
				return d.db.failed("count rows", lockPatience, err)
			}
			return nil
		})
		both.Go(func() (err error) {
			if d.inParallel() {
				m.Files, err = d.parallel(ctx, s.ID)
				return err
			}
			m.Files, err = d.stream(ctx, s.ID)
			return err
		})
		return both.Wait()
	})
}

// stream dumps into one archive, straight into the bucket.
func (d dump) stream(ctx context.Context, snapshot string) ([]backups.File, error) {
	spec := backups.Spec{Compress: d.old(), Expected: d.size, Done: &d.done}
	f, err := d.store.Write(ctx, d.key, spec, func(w io.Writer) error {
		return d.pgDump(ctx, w, append(d.args(snapshot), "--format=custom")...)
	})
	return []backups.File{f}, err
}

// pgDump runs pg_dump to its end. Only an exit code of 0 is no error: a pg_dump that died has closed its
// output just like one that is done.
func (d dump) pgDump(ctx context.Context, to io.Writer, args ...string) error {
	var said tail
	cmd := exec.CommandContext(ctx, d.program.path, args...) //nolint:gosec // a client program that the operator has installed
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = d.db.libpq(d.conn), to, &said, dumpGrace
	process.Lead(cmd)
	err := process.Run(ctx, cmd)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("postgres %q (%s): pg_dump %s: %w: %s", d.db.name, d.db.place, d.program.version, err, d.db.hide(said.String()))
	}
	return nil
}
