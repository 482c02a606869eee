package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

// maxDumpJobs is far above what one server and one machine can use.
const maxDumpJobs = 32

// BackupInput is the input of postgres.backup.
type BackupInput struct {
	Database  string `json:"database" target:"postgres" doc:"The database."`
	To        string `json:"to,omitempty" target:"s3" doc:"The bucket." default:"the target's own (backups), or else the only s3 target"`
	Prefix    string `json:"prefix,omitempty" doc:"What the backup's key begins with." default:"database/"`
	Jobs      int    `json:"jobs,omitempty" doc:"How many tables are dumped at the same time, up to 32, for large databases: in directory format, by way of a spool folder on disk. With 0 or 1 one archive is streamed and nothing touches the disk." default:"1"`
	Checksums bool   `json:"checksums,omitempty" doc:"Also sum up the contents of every table, so that verifying compares them and not only the numbers of rows. Reads all rows once more."`
	DryRun    bool   `json:"dry_run,omitempty" doc:"Check database, programs, bucket and disk, and write nothing."`
}

// Backup is the output of postgres.backup.
type Backup struct {
	Key            string        `json:"key" doc:"The backup: what postgres.verify and postgres.restore take."`
	Database       string        `json:"database" doc:"The database."`
	To             string        `json:"to" doc:"The bucket's target."`
	Format         string        `json:"format" enum:"custom,directory" doc:"pg_dump's format."`
	Compression    string        `json:"compression" doc:"How it is compressed."`
	Encrypted      bool          `json:"encrypted" doc:"It is encrypted, by age."`
	Bytes          int64         `json:"bytes" doc:"Bytes in the bucket."`
	Size           int64         `json:"size" doc:"Bytes of the database on its server, indexes included."`
	Duration       sops.Duration `json:"duration" doc:"How long it took; of the earlier attempt, where that had finished."`
	Tables         int           `json:"tables" doc:"Tables in it."`
	Rows           int64         `json:"rows" doc:"Rows of all tables."`
	Server         string        `json:"server" doc:"Version of the server."`
	PgDump         string        `json:"pg_dump" doc:"Version of pg_dump."`
	LSN            string        `json:"lsn" doc:"Where the server's write-ahead log was just before the snapshot."`
	Taken          time.Time     `json:"taken" doc:"The moment that the backup shows."`
	Manifest       string        `json:"manifest" doc:"Key of the manifest."`
	ManifestSHA256 string        `json:"manifest_sha256" doc:"The manifest's checksum, in hex. Whoever keeps it can tell that nobody changed the backup since."`
	Restore        string        `json:"restore" doc:"The shell command that restores it with stock tools."`
	Earlier        bool          `json:"earlier" doc:"An earlier attempt of the same step had finished it already."`
	DryRun         bool          `json:"dry_run" doc:"Nothing was written."`
}

// BackupProgress is what postgres.backup heartbeats.
type BackupProgress struct {
	Bytes int64 `json:"bytes"` // that have arrived in the bucket
}

// backup keeps a dump of a database in a bucket. Two of the same database at the same time are well: each
// has a key and a snapshot of its own.
func (a *actions) backup(ctx context.Context, in BackupInput) (Backup, error) {
	b, err := a.newBackup(ctx, in)
	if err != nil {
		return Backup{}, err
	}
	defer action.Report(ctx, func() []any { return []any{BackupProgress{Bytes: b.done.Load()}} })()
	if in.DryRun {
		out, err := b.run(ctx)
		return out, kept(err)
	}
	out, err := b.make(ctx)
	return out, kept(err)
}

// make makes the backup unless an earlier attempt of the same step has.
func (b *backup) make(ctx context.Context) (Backup, error) {
	done, err := b.store.Backup(ctx, b.key, "")
	if err == nil {
		if err = b.settle(ctx, done); err == nil {
			return b.output(done.Manifest, done.ManifestSHA256, true), nil
		}
	}
	if !errors.Is(err, backups.ErrNotFound) && !errors.Is(err, errCleared) {
		return Backup{}, err
	}
	if err := b.store.Clear(ctx, b.key); err != nil {
		return Backup{}, fmt.Errorf("clear what an earlier attempt left: %w", err)
	}
	out, err := b.run(ctx)
	if err != nil {
		// What can't be cleaned up now the next attempt finds, or else the pruning.
		_ = b.store.Discard(ctx, b.key)
	}
	return out, err
}

// errCleared says that files of a finished backup are gone.
var errCleared = errors.New("an attempt that had been given up did not know it and has cleared away files of this one")

// settle looks whether everything of a backup that has its manifest is there, and ends uploads beside it of
// which the server's answer was lost. An attempt that was cut off from Temporal goes on beside the one that was
// begun in its place, and clears the same folder when it learns of that. What lacks files then is no backup.
func (b *backup) settle(ctx context.Context, done *backups.Backup) error {
	err := done.CheckSizes(ctx)
	if err == nil {
		_, err = b.store.AbortUploads(ctx, b.key+"/", time.Now().Add(time.Hour), false)
		return err
	}
	if !errors.Is(err, backups.ErrCorrupt) {
		return err
	}
	if err := b.store.Delete(ctx, b.key); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errCleared, err)
}

// backup is one backup being made.
type backup struct {
	db    *database
	store *backups.Store
	in    BackupInput
	key   string
	start time.Time
	done  atomic.Int64 // bytes that have arrived in the bucket
}

func (a *actions) newBackup(ctx context.Context, in BackupInput) (*backup, error) {
	if in.Jobs < 0 || in.Jobs > maxDumpJobs {
		return nil, action.Permanent(action.ErrInput, "postgres.backup: jobs is %d, want 1 to %d", in.Jobs, maxDumpJobs)
	}
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return nil, err
	}
	store, err := a.storeOf(d, in.To)
	if err != nil {
		return nil, err
	}
	key := backupKey(ctx, cmp.Or(in.Prefix, backups.Prefix), in.Database)
	if _, _, err := backups.ParseKey(key); err != nil {
		return nil, action.Permanent(action.ErrInput, "postgres.backup: prefix %q can't begin a key", in.Prefix)
	}
	return &backup{db: d, store: store, in: in, key: key, start: time.Now().UTC()}, nil
}

// backupKey is the same for every attempt of a step.
func backupKey(ctx context.Context, prefix, database string) string {
	if !activity.IsActivity(ctx) {
		return backups.Key(prefix, database, time.Now(), rand.Text())
	}
	info := activity.GetInfo(ctx)
	return backups.Key(prefix, database, info.ScheduledTime, info.WorkflowExecution.RunID+"/"+info.ActivityID)
}

// storeOf finds the bucket for a database's backups: the one named, the database's own, or the only one.
func (a *actions) storeOf(d *database, named string) (*backups.Store, error) {
	name := cmp.Or(named, d.target.Backups)
	if all := a.stores.Names(); name == "" {
		if len(all) != 1 {
			return nil, action.Permanent(action.ErrNotConfigured,
				"postgres %q: no bucket is named for its backups: give targets.postgres.%s.backups in orderly.yaml (s3 targets: %s)",
				d.name, d.name, cmp.Or(strings.Join(all, ", "), "none"))
		}
		name = all[0]
	}
	return a.stores.Get(name)
}

// openStore makes the store of an S3 target.
func openStore(name string, c config.S3) (*backups.Store, error) { return backups.Open(name, c) }

// kept says of an error of the bucket whether trying again can help.
func kept(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backups.ErrRefused):
		return action.Permanent(action.ErrDenied, "%v", err)
	case errors.Is(err, backups.ErrTooLarge):
		return action.Permanent(action.ErrInput, "%v: give jobs, which makes a file of each table", err)
	}
	return err
}

// run makes the backup, or for a dry run looks whether it could be made.
func (b *backup) run(ctx context.Context) (Backup, error) {
	conn, err := b.db.connect(ctx, defaultPatience)
	if err != nil {
		return Backup{}, err
	}
	defer shut(ctx, conn)
	server, err := b.look(ctx, conn)
	if err != nil {
		return Backup{}, err
	}
	program, err := b.db.findTool(ctx, "pg_dump", server.major)
	if err != nil {
		return Backup{}, err
	}
	d := dump{backup: b, conn: conn, program: program, size: server.size}
	m := backups.Manifest{
		Key: b.key, Database: b.in.Database, DatabaseName: server.database, Size: server.size, Server: server.version,
		PgDump: program.version, Started: b.start, Snapshot: backups.Snapshot{LSN: server.lsn},
		Format: backups.FormatCustom, Compression: d.compression(),
	}
	if d.inParallel() {
		m.Format = backups.FormatDirectory
		if err := d.spoolFits(ctx); err != nil {
			return Backup{}, err
		}
	}
	if b.in.DryRun {
		_, err := b.store.List(ctx, b.key, "dry-run") // whether the bucket lets us
		return b.output(m, "", false), err
	}
	if err := d.take(ctx, &m); err != nil {
		return Backup{}, err
	}
	m.Finished = time.Now().UTC()
	m, sum, err := b.store.Finish(ctx, m)
	if err != nil {
		return Backup{}, fmt.Errorf("write the manifest: %w", err)
	}
	done, err := b.store.Backup(ctx, b.key, sum)
	if err != nil {
		return Backup{}, fmt.Errorf("read the manifest: %w", err)
	}
	return b.output(m, sum, false), b.settle(ctx, done)
}

func (b *backup) output(m backups.Manifest, sum string, earlier bool) Backup {
	out := Backup{
		Key: m.Key, Database: m.Database, To: b.store.Target(), Format: m.Format, Compression: m.Compression, Encrypted: b.store.Encrypts(),
		Bytes: m.Bytes, Size: m.Size, Tables: len(m.Tables), Rows: m.Rows, Server: m.Server, PgDump: m.PgDump, LSN: m.Snapshot.LSN,
		Taken: m.Snapshot.Taken, Manifest: m.Key + "/" + backups.ManifestName, ManifestSHA256: sum, Restore: m.Restore,
		Earlier: earlier, DryRun: b.in.DryRun,
	}
	if !m.Finished.IsZero() {
		out.Duration = sops.Duration(m.Finished.Sub(m.Started).Truncate(time.Millisecond))
	}
	return out
}
