package backup

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

const (
	defaultListed = 100
	maxListed     = 1000
	readAtOnce    = 8
)

// ListInput is the input of backup.list.
type ListInput struct {
	Database string `json:"database" target:"postgres" doc:"The database whose backups they are."`
	From     string `json:"from,omitempty" target:"s3" doc:"The bucket." default:"the database target's own (backups), or else the only s3 target"`
	Prefix   string `json:"prefix,omitempty" doc:"What their keys begin with." default:"database/"`
	Limit    int    `json:"limit,omitempty" doc:"How many of the newest are told of, up to 1000." default:"100"`
}

// List is the output of backup.list.
type List struct {
	Database   string   `json:"database" doc:"The database."`
	Backups    []Backup `json:"backups" doc:"The newest of them, the newest first."`
	Count      int      `json:"count" doc:"How many there are altogether."`
	Bytes      int64    `json:"bytes" doc:"Bytes of all in the bucket."`
	Verified   int      `json:"verified" doc:"How many of those told of were verified."`
	Unfinished int      `json:"unfinished" doc:"Folders of backups that are not finished: being made, or left by one that failed."`
}

// Backup is one backup.
type Backup struct {
	Key            string     `json:"key" doc:"What postgres.verify and postgres.restore take."`
	At             time.Time  `json:"at" doc:"The moment that it shows."`
	Age            int64      `json:"age" doc:"Seconds since then."`
	Bytes          int64      `json:"bytes" doc:"Bytes in the bucket."`
	Intact         bool       `json:"intact" doc:"Its manifest is the one that was written, and what it names is there. false: it can't be restored."`
	Problem        string     `json:"problem" doc:"What is wrong with it; empty when intact."`
	Tables         int        `json:"tables" doc:"Tables in it."`
	Rows           int64      `json:"rows" doc:"Rows of all tables."`
	Format         string     `json:"format" doc:"custom or directory; empty when the manifest can't be read."`
	Encrypted      bool       `json:"encrypted" doc:"It is encrypted."`
	Verified       bool       `json:"verified" doc:"It was restored and compared."`
	VerifiedAt     *time.Time `json:"verified_at,omitempty" doc:"When; absent when it was not."`
	RestoreSeconds float64    `json:"restore_seconds" doc:"How long restoring took then; 0 when it was not verified."`
	LockedUntil    *time.Time `json:"locked_until,omitempty" doc:"Until when a lock keeps it; absent without one."`
	Held           bool       `json:"held" doc:"A legal hold keeps it."`
	ManifestSHA256 string     `json:"manifest_sha256" doc:"The manifest's checksum, in hex."`
}

// list is the action backup.list.
func (a *actions) list(ctx context.Context, in ListInput) (List, error) {
	limit := cmp.Or(in.Limit, defaultListed)
	if limit < 0 || limit > maxListed {
		return List{}, action.Permanent(action.ErrInput, "backup.list: limit is %d, want 1 to %d", in.Limit, maxListed)
	}
	store, err := a.storeOf(in.Database, in.From)
	if err != nil {
		return List{}, err
	}
	defer action.KeepAlive(ctx)()
	all, err := store.List(ctx, cmp.Or(in.Prefix, backups.Prefix), in.Database)
	if err != nil {
		return List{}, failed(err)
	}
	out := List{Database: in.Database, Backups: []Backup{}}
	var told []backups.Entry
	for _, e := range all {
		out.Bytes += e.Bytes
		if !e.Finished {
			out.Unfinished++
			continue
		}
		out.Count++
		if len(told) < limit {
			told = append(told, e)
		}
	}
	out.Backups = append(out.Backups, make([]Backup, len(told))...)
	group, bound := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, e := range told {
		group.Go(func() (err error) {
			out.Backups[i], err = a.tell(bound, store, e)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return List{}, err
	}
	for _, b := range out.Backups {
		if b.Verified {
			out.Verified++
		}
	}
	return out, nil
}

// tell reads what there is to say of one backup. One that is broken is told of, too.
func (a *actions) tell(ctx context.Context, store *backups.Store, e backups.Entry) (Backup, error) {
	out := Backup{Key: e.Key, At: e.At, Bytes: e.Bytes}
	out.Age = a.age(out.At)
	lock, err := store.Lock(ctx, e.Key)
	if err != nil {
		return out, failed(err)
	}
	out.Held = lock.Hold
	if lock.Until.After(a.now()) {
		out.LockedUntil = &lock.Until
	}
	b, err := store.Backup(ctx, e.Key, "")
	if err == nil {
		m := b.Manifest
		out.At, out.Age, out.Tables, out.Rows, out.Format, out.Encrypted = m.Snapshot.Taken, a.age(m.Snapshot.Taken), len(m.Tables), m.Rows, m.Format, m.Encrypted
		out.ManifestSHA256 = b.ManifestSHA256
		err = b.CheckSizes(ctx)
	}
	if errors.Is(err, backups.ErrCorrupt) || errors.Is(err, backups.ErrNotFound) {
		out.Problem = err.Error()
		return out, nil
	}
	if err != nil {
		return out, failed(err)
	}
	out.Intact = true
	note, err := verified(ctx, store, b)
	if note != nil {
		out.Verified, out.VerifiedAt, out.RestoreSeconds = true, &note.At, note.RestoreSeconds
	}
	return out, err
}

// age is in seconds; a clock that is ahead of ours does not make it negative.
func (a *actions) age(at time.Time) int64 { return max(0, int64(a.now().Sub(at).Seconds())) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
