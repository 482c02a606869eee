package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/sops"
)

// defaultMaxAge is a day and the time that a nightly backup may be late.
const defaultMaxAge = 26 * time.Hour

// clocksApart is how far the clocks of a database's server and ours may be apart.
const clocksApart = 15 * time.Minute

// LatestInput is the input of backup.verify-latest.
type LatestInput struct {
	Database string        `json:"database" target:"postgres" doc:"The database whose backup it is."`
	From     string        `json:"from,omitempty" target:"s3" doc:"The bucket." default:"the database target's own (backups), or else the only s3 target"`
	Prefix   string        `json:"prefix,omitempty" doc:"What keys begin with." default:"database/"`
	MaxAge   sops.Duration `json:"max_age,omitempty" doc:"How old it may be." default:"26h"`
	Verified *bool         `json:"verified,omitempty" doc:"Whether it must have been verified (postgres.verify)." default:"true"`
}

// Latest is the output of backup.verify-latest.
type Latest struct {
	Key            string     `json:"key" doc:"The backup that can be relied on."`
	At             time.Time  `json:"at" doc:"The moment that it shows: what came later would be lost."`
	Age            int64      `json:"age" doc:"Seconds since then."`
	Bytes          int64      `json:"bytes" doc:"Bytes in the bucket."`
	Verified       bool       `json:"verified" doc:"It was restored and compared."`
	VerifiedAt     *time.Time `json:"verified_at,omitempty" doc:"When; absent when it was not."`
	RestoreSeconds float64    `json:"restore_seconds" doc:"How long restoring took then; 0 when it was not verified."`
	ManifestSHA256 string     `json:"manifest_sha256" doc:"The manifest's checksum, in hex."`
	Newest         string     `json:"newest" doc:"The newest backup there is; another one than key while it is not verified yet."`
}

// latest is one look at the newest backups.
type latest struct {
	*actions
	in    LatestInput
	store *backups.Store
}

// verifyLatest is the action backup.verify-latest.
func (a *actions) verifyLatest(ctx context.Context, in LatestInput) (Latest, error) {
	if in.MaxAge < 0 {
		return Latest{}, action.Permanent(action.ErrInput, "backup.verify-latest: max_age is %s", in.MaxAge)
	}
	in.MaxAge = cmp.Or(in.MaxAge, sops.Duration(defaultMaxAge))
	store, err := a.storeOf(in.Database, in.From)
	if err != nil {
		return Latest{}, err
	}
	defer action.KeepAlive(ctx)()
	all, err := store.List(ctx, cmp.Or(in.Prefix, backups.Prefix), in.Database)
	if err != nil {
		return Latest{}, failed(err)
	}
	return latest{a, in, store}.among(ctx, all)
}

// among finds the backup to rely on. The newest has to be whole in any case: a broken one is a sign that the
// next will be, too.
func (l latest) among(ctx context.Context, all []backups.Entry) (Latest, error) {
	newest, why := "", "there is none"
	for _, e := range all {
		if !e.Finished {
			continue
		}
		b, err := l.whole(ctx, e.Key)
		if err != nil {
			if newest != "" && errors.Is(err, backups.ErrCorrupt) {
				continue // an older one that is broken helps nobody
			}
			return Latest{}, l.broken(err)
		}
		newest = cmp.Or(newest, e.Key)
		switch age := l.now().Sub(b.Snapshot.Taken); {
		case age > l.in.MaxAge.D():
			return Latest{}, l.refuse(why, e.Key, age)
		case age < -clocksApart: // it would count as young for ever
			return Latest{}, action.Permanent(action.ErrCorrupt, "the newest backup of %q, %s, shows a moment that is still to come (%s): a clock was wrong when it was made, so nobody knows how old it is: set the clocks right, delete it (s3.delete) and make another (postgres.backup)",
				l.in.Database, e.Key, b.Snapshot.Taken.UTC().Format(time.RFC3339))
		}
		note, err := verified(ctx, l.store, b)
		if err != nil {
			return Latest{}, err
		}
		if note == nil && l.wantsVerified() {
			why = "the newest, " + newest + ", was not verified"
			continue
		}
		return l.output(b, note, newest), nil
	}
	return Latest{}, l.refuse(why, "", 0)
}

func (l latest) wantsVerified() bool { return l.in.Verified == nil || *l.in.Verified }

// whole reads a backup's manifest and looks whether all files are there.
func (l latest) whole(ctx context.Context, key string) (*backups.Backup, error) {
	b, err := l.store.Backup(ctx, key, "")
	if err != nil {
		return nil, err
	}
	err = b.CheckSizes(ctx)
	return b, err
}

// broken words what is wrong with the newest backup.
func (l latest) broken(err error) error {
	if errors.Is(err, backups.ErrCorrupt) {
		return action.Permanent(action.ErrCorrupt, "the newest backup of %q can't be relied on: %v: find out who changed it, and make another (postgres.backup)", l.in.Database, err)
	}
	return failed(err)
}

// refuse says that there is nothing to rely on, and what to do.
func (l latest) refuse(why, key string, age time.Duration) error {
	what := fmt.Sprintf("no backup of %q can be relied on: %s", l.in.Database, why)
	switch {
	case key == "" && why != "there is none":
		return action.Permanent(action.ErrNotFound, "%s, and no other is: verify it (postgres.verify, or the procedure backup)", what)
	case key != "" && why != "there is none":
		return action.Permanent(action.ErrNotFound, "%s, and the next, %s, is %s old, at most %s is wanted: verify the newest (postgres.verify, or the procedure backup)", what, key, age.Round(time.Minute), l.in.MaxAge)
	case key != "":
		return action.Permanent(action.ErrNotFound, "the newest backup of %q, %s, is %s old, at most %s is wanted: make one (postgres.backup, or the procedure backup) and find out why none was made",
			l.in.Database, key, age.Round(time.Minute), l.in.MaxAge)
	}
	return action.Permanent(action.ErrNotFound, "%s below %s of s3 %q: make one (postgres.backup, or the procedure backup)",
		what, backups.Folder(cmp.Or(l.in.Prefix, backups.Prefix), l.in.Database), l.store.Target())
}

func (l latest) output(b *backups.Backup, note *backups.Verified, newest string) Latest {
	out := Latest{
		Key: b.Key, At: b.Snapshot.Taken, Age: l.age(b.Snapshot.Taken), Bytes: b.Bytes, ManifestSHA256: b.ManifestSHA256, Newest: newest,
	}
	if note != nil {
		out.Verified, out.VerifiedAt, out.RestoreSeconds = true, &note.At, note.RestoreSeconds
	}
	return out
}
