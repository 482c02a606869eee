// Package backup looks after the backups that postgres.backup keeps in a bucket: which there are, whether the
// newest can be relied on, and which are no longer needed.
package backup

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
)

// Actions declares the actions of this package for the databases and buckets of orderly.yaml.
func Actions(targets config.Targets) []action.Definition {
	a := newActions(targets)
	closed := action.ClosedBy(a.stores.Close)
	beat := action.Heartbeat(30 * time.Second)
	return []action.Definition{
		action.Define("backup.list",
			"Which backups of a database there are, the newest first, with what their manifests say and whether they were verified.",
			a.list, closed, beat, action.Timeout(10*time.Minute)),
		action.Define("backup.prune",
			"Deletes the backups of a database that are no longer needed. Kept are one of each of the last days, weeks and months that have any, everything younger than a day, the newest, the newest that was verified, and what a lock keeps. "+
				"What backups that were never finished have left is removed when it is older than a day.",
			a.prune, closed, beat, action.Timeout(30*time.Minute), action.Destructive()),
		action.Define("backup.verify-latest",
			"Whether the newest backup of a database can be relied on: it is there, whole by its manifest, young enough, and was verified. (While the newest is not verified yet, the newest that was has to be young enough.) Fails when it can't, and says what to do. Reads no dump.",
			a.verifyLatest, closed, beat, action.Timeout(10*time.Minute)),
	}
}

type actions struct {
	targets config.Targets
	stores  *action.Clients[config.S3, *backups.Store]
	now     func() time.Time
}

func newActions(targets config.Targets) *actions {
	return &actions{
		targets: targets, now: time.Now,
		stores: action.NewClients("s3", targets.S3, backups.Open, nil),
	}
}

// storeOf finds the bucket of a database's backups: the one named, the database's own, or the only one.
func (a *actions) storeOf(database, named string) (*backups.Store, error) {
	target, ok := a.targets.Postgres[database]
	if !ok {
		return nil, action.Permanent(action.ErrNotConfigured, "no postgres target %q in orderly.yaml%s", database, action.Suggest(database, sortedKeys(a.targets.Postgres)))
	}
	name := cmp.Or(named, target.Backups)
	if all := a.stores.Names(); name == "" {
		if len(all) != 1 {
			return nil, action.Permanent(action.ErrNotConfigured, "no bucket is named for the backups of %q: give targets.postgres.%s.backups in orderly.yaml (s3 targets: %s)",
				database, database, cmp.Or(strings.Join(all, ", "), "none"))
		}
		name = all[0]
	}
	return a.stores.Get(name)
}

// failed says of an error of the bucket whether trying again can help.
func failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backups.ErrCorrupt):
		return action.Permanent(action.ErrCorrupt, "%v", err)
	case errors.Is(err, backups.ErrNotFound):
		return action.Permanent(action.ErrNotFound, "%v", err)
	case errors.Is(err, backups.ErrRefused):
		return action.Permanent(action.ErrDenied, "%v", err)
	}
	return err
}

// verified reads how a backup was verified; nil when it was not, or when the note is of another manifest
// than the one that is there: somebody has changed one of the two.
func verified(ctx context.Context, store *backups.Store, b *backups.Backup) (*backups.Verified, error) {
	note, err := store.Verified(ctx, b.Key)
	switch {
	case errors.Is(err, backups.ErrNotFound), errors.Is(err, backups.ErrCorrupt):
		return nil, nil
	case err != nil:
		return nil, failed(err)
	case note.ManifestSHA256 != b.ManifestSHA256:
		return nil, nil
	}
	return &note, nil
}
