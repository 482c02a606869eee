package postgres

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

// source is which backup a step wants.
type source struct {
	doing          string // the action
	database       string // the target whose backup it is
	from           string // the bucket's target
	key, prefix    string
	manifestSHA256 string
}

// find reads the manifest of the backup that is wanted, or of the newest one, and looks whether all of it is
// there. Where the step knows the manifest's checksum, every byte is compared before anything is restored:
// restoring runs what is in an archive.
func (a *actions) find(ctx context.Context, s source) (*backups.Backup, error) {
	d, err := a.databases.Get(s.database)
	if err != nil {
		return nil, err
	}
	store, err := a.storeOf(d, s.from)
	if err != nil {
		return nil, err
	}
	key := s.key
	if key == "" {
		if key, err = newest(ctx, store, s); err != nil {
			return nil, err
		}
	}
	b, err := store.Backup(ctx, key, s.manifestSHA256)
	if err == nil {
		err = b.CheckSizes(ctx)
	}
	if err == nil && s.manifestSHA256 != "" {
		err = b.CheckContents(ctx)
	}
	if err != nil {
		return nil, backupFailed(err)
	}
	if b.Database != s.database {
		return nil, action.Permanent(action.ErrInput, "%s: %s is a backup of %q, not of %q", s.doing, key, b.Database, s.database)
	}
	return b, nil
}

// newest is the key of the newest backup that was finished.
func newest(ctx context.Context, store *backups.Store, s source) (string, error) {
	prefix := cmp.Or(s.prefix, backups.Prefix)
	all, err := store.List(ctx, prefix, s.database)
	if err != nil {
		return "", backupFailed(err)
	}
	for _, e := range all {
		if e.Finished {
			return e.Key, nil
		}
	}
	return "", action.Permanent(action.ErrNotFound, "%s: there is no backup of %q below %s of s3 %q: make one with postgres.backup",
		s.doing, s.database, backups.Folder(prefix, s.database), store.Target())
}

// backupFailed says of an error with a backup whether trying again can help.
func backupFailed(err error) error {
	switch {
	case errors.Is(err, backups.ErrCorrupt):
		return action.Permanent(action.ErrCorrupt, "%v: take another backup", err)
	case errors.Is(err, backups.ErrNotFound):
		return action.Permanent(action.ErrNotFound, "%v", err)
	}
	return kept(err)
}

// majorVersion is that of a version as servers and programs tell it: 15 of "15.14 (Debian …)"; 0 when it is
// none.
func majorVersion(text string) int {
	number, _, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		return 0
	}
	return n
}
