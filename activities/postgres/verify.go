package postgres

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/internal/backups"
)

// VerifyInput is the input of postgres.verify.
type VerifyInput struct {
	Database       string `json:"database" target:"postgres" doc:"The database whose backup it is."`
	Backup         string `json:"backup,omitempty" doc:"The backup's key." default:"the newest one"`
	From           string `json:"from,omitempty" target:"s3" doc:"The bucket." default:"the target's own (backups), or else the only s3 target"`
	Prefix         string `json:"prefix,omitempty" doc:"Where the newest is looked for." default:"database/"`
	ManifestSHA256 string `json:"manifest_sha256,omitempty" doc:"The manifest's checksum as postgres.backup gave it. With it nothing of a backup that somebody has changed since is run: every byte is compared first."`
	On             string `json:"on,omitempty" target:"postgres" doc:"On the server of which database target it is restored." default:"its own"`
	Jobs           int    `json:"jobs,omitempty" doc:"How many processes restore it, up to 16; with more than one the files are brought to disk first." default:"1, and 4 for a backup that was made with jobs"`
}

// Verification is the output of postgres.verify.
type Verification struct {
	Key            string    `json:"key" doc:"The backup."`
	Verified       bool      `json:"verified" doc:"It was restored and is what its manifest says. (Where it is not, the step fails.)"`
	Taken          time.Time `json:"taken" doc:"The moment that the backup shows: what came later would be lost."`
	Age            int64     `json:"age" doc:"Seconds since then."`
	RestoreSeconds float64   `json:"restore_seconds" doc:"How long restoring took, from the bucket: the recovery time to count with."`
	CompareSeconds float64   `json:"compare_seconds" doc:"How long comparing took after that."`
	Bytes          int64     `json:"bytes" doc:"Bytes of the backup in the bucket."`
	Tables         int       `json:"tables" doc:"Tables whose rows were counted."`
	Rows           int64     `json:"rows" doc:"Rows of all tables."`
	Checksums      int       `json:"checksums" doc:"Tables whose contents were compared as well (a backup with checksums)."`
	Amcheck        string    `json:"amcheck" doc:"ok, or why the indexes were not looked into."`
	Indexes        int       `json:"indexes" doc:"B-tree indexes that amcheck looked into."`
	Server         string    `json:"server" doc:"Version of the server it was restored on."`
	Tool           string    `json:"tool" doc:"Version of pg_restore."`
	Manifest       string    `json:"manifest_sha256" doc:"The manifest's checksum, in hex."`
}

// verify is the action postgres.verify.
func (a *actions) verify(ctx context.Context, in VerifyInput) (Verification, error) {
	on, err := a.databases.Get(cmp.Or(in.On, in.Database))
	if err != nil {
		return Verification{}, err
	}
	read, stop := reporting(ctx)
	defer stop()
	b, err := a.find(ctx, source{doing: "postgres.verify", database: in.Database, from: in.From, key: in.Backup, prefix: in.Prefix, manifestSHA256: in.ManifestSHA256})
	if err != nil {
		return Verification{}, err
	}
	f, err := newFilling(ctx, on, b, in.Jobs)
	if err != nil {
		return Verification{}, err
	}
	defer f.admin.close(ctx)
	f.read = read
	out, err := f.tryOut(ctx)
	if err != nil {
		return Verification{}, err
	}
	return out, backupFailed(b.Note(ctx, out.note(ctx)))
}

// tryOut restores into a scratch database, which is gone when it returns. One that a killed attempt left, of
// this step or another, goes first.
func (f *filling) tryOut(ctx context.Context) (out Verification, err error) {
	s := stepOf(ctx, f.on.place)
	name := s.scratch()
	bound, release, err := f.admin.claim(ctx, name)
	if err != nil {
		return out, err
	}
	defer release()
	if err := f.admin.sweepScratch(bound); err != nil {
		return out, err
	}
	if err := f.admin.drop(bound, name); err != nil {
		return out, err
	}
	defer func() { err = ended(bound, err, f.on.tidy(ctx, name)) }()
	done, err := f.fill(bound, name, f.scratchLike(bound), s.label(madeScratch, f.backup.Key), true)
	if err != nil {
		return out, err
	}
	out = f.verification(done)
	out.Indexes, out.Amcheck, err = f.on.in(name).amcheck(bound)
	return out, err
}

// scratchLike is how text is stored and sorted in the scratch database: as in the database itself where that
// is on the same server, else as the server does.
func (f *filling) scratchLike(ctx context.Context) properties {
	p, err := f.admin.properties(ctx, f.on.own())
	if err != nil || f.on.name != f.backup.Database {
		return properties{}
	}
	p.Tablespace = ""
	return p
}

func (f *filling) verification(done restored) Verification {
	m := f.backup.Manifest
	return Verification{
		Key: m.Key, Verified: true, Taken: m.Snapshot.Taken, Age: max(0, int64(time.Since(m.Snapshot.Taken).Seconds())),
		RestoreSeconds: done.RestoreSeconds, CompareSeconds: done.CompareSeconds, Bytes: m.Bytes,
		Tables: done.Tables, Rows: done.Rows, Checksums: done.Checksums,
		Server: f.server, Tool: f.tool.version, Manifest: f.backup.ManifestSHA256,
	}
}

// note is what is written beside the manifest.
func (v Verification) note(ctx context.Context) backups.Verified {
	note := backups.Verified{
		Key: v.Key, ManifestSHA256: v.Manifest, At: time.Now().UTC(), Server: v.Server, RestoreSeconds: v.RestoreSeconds,
		Tables: v.Tables, Rows: v.Rows, Checksums: v.Checksums, Checks: []string{"amcheck: " + v.Amcheck},
	}
	if v.Amcheck == "ok" {
		note.Checks = []string{fmt.Sprintf("amcheck: %d indexes", v.Indexes)}
	}
	if activity.IsActivity(ctx) {
		note.Run = activity.GetInfo(ctx).WorkflowExecution.ID
	}
	return note
}

// sweepScratch drops scratch databases that nobody works with any more. Those of another role, which we may not drop,
// are left to it.
func (a *admin) sweepScratch(ctx context.Context) error {
	all, err := a.list(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if !scratchName.MatchString(s.Name) {
			continue
		}
		free, err := a.try(ctx, s.Name)
		if err != nil {
			return err
		}
		if !free {
			continue
		}
		err = a.drop(ctx, s.Name)
		if err := a.let(ctx, s.Name); err != nil {
			return err
		}
		if err != nil && !denied(err) {
			return err
		}
	}
	return nil
}

// let gives a claim of try back.
func (a *admin) let(ctx context.Context, thing string) error {
	if _, err := a.conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", lockKey(thing)); err != nil {
		return a.d.failed("give back "+thing, adminPatience, err)
	}
	return nil
}
