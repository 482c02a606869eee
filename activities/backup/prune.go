package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

const (
	defaultDaily, defaultWeekly, defaultMonthly = 7, 4, 12
	maxKept                                     = 10_000
	// recent is how young a backup is that is kept in any case: a run may rely on it to undo what it does.
	// What was not finished is left alone as long: it may be on its way.
	recent = 24 * time.Hour
	// maxNamed bounds the keys in an output.
	maxNamed = 500
)

// PruneInput is the input of backup.prune.
type PruneInput struct {
	Database string `json:"database" target:"postgres" doc:"The database whose backups they are."`
	From     string `json:"from,omitempty" target:"s3" doc:"The bucket." default:"the database target's own (backups), or else the only s3 target"`
	Prefix   string `json:"prefix,omitempty" doc:"What their keys begin with." default:"database/"`
	Daily    *int   `json:"daily,omitempty" doc:"Of how many days one backup is kept. Days without a backup don't count." default:"7"`
	Weekly   *int   `json:"weekly,omitempty" doc:"Of how many weeks (Monday to Sunday, UTC)." default:"4"`
	Monthly  *int   `json:"monthly,omitempty" doc:"Of how many months." default:"12"`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Say what would go, and delete nothing."`
}

// Prune is the output of backup.prune.
type Prune struct {
	Database  string   `json:"database" doc:"The database."`
	Kept      int      `json:"kept" doc:"Backups that are still there."`
	Deleted   int      `json:"deleted" doc:"Backups that were deleted; in a dry run, would be."`
	Bytes     int64    `json:"bytes" doc:"Bytes of those."`
	Keys      []string `json:"keys" doc:"Their keys, at most 500."`
	Locked    []Locked `json:"locked" doc:"Backups that are no longer needed and stay because a lock keeps them."`
	Leftovers int      `json:"leftovers" doc:"Folders of backups never finished, older than a day, that were removed."`
	Uploads   int      `json:"uploads" doc:"Uploads begun more than a day ago and never completed that were aborted."`
	DryRun    bool     `json:"dry_run" doc:"Nothing was changed."`
}

// Locked is a backup that a lock keeps.
type Locked struct {
	Key   string     `json:"key" doc:"The backup."`
	Until *time.Time `json:"until,omitempty" doc:"Until when; absent for a legal hold, which has no end."`
}

// prune is the action backup.prune.
func (a *actions) prune(ctx context.Context, in PruneInput) (Prune, error) {
	keep, err := in.counts()
	if err != nil {
		return Prune{}, err
	}
	store, err := a.storeOf(in.Database, in.From)
	if err != nil {
		return Prune{}, err
	}
	defer action.KeepAlive(ctx)()
	prefix := cmp.Or(in.Prefix, backups.Prefix)
	all, err := store.List(ctx, prefix, in.Database)
	if err != nil {
		return Prune{}, failed(err)
	}
	p := pruning{actions: a, store: store, before: a.now().Add(-recent), out: Prune{Database: in.Database, Keys: []string{}, Locked: []Locked{}, DryRun: in.DryRun}}
	if err := p.run(ctx, all, keep); err != nil {
		return Prune{}, err
	}
	p.out.Uploads, err = store.AbortUploads(ctx, backups.Folder(prefix, in.Database), p.before, in.DryRun)
	return p.out, failed(err)
}

// counts is how many periods of each kind are kept.
type counts struct{ daily, weekly, monthly int }

func (in PruneInput) counts() (c counts, err error) {
	for _, n := range []struct {
		name  string
		given *int
		value *int
		usual int
	}{{"daily", in.Daily, &c.daily, defaultDaily}, {"weekly", in.Weekly, &c.weekly, defaultWeekly}, {"monthly", in.Monthly, &c.monthly, defaultMonthly}} {
		*n.value = n.usual
		if n.given != nil {
			*n.value = *n.given
		}
		if *n.value < 0 || *n.value > maxKept {
			return c, action.Permanent(action.ErrInput, "backup.prune: %s is %d, want 0 to %d", n.name, *n.value, maxKept)
		}
	}
	return c, nil
}

// pruning is one pass over the backups of a database.
type pruning struct {
	*actions
	store  *backups.Store
	before time.Time // nothing younger goes
	out    Prune
}

func (p *pruning) run(ctx context.Context, all []backups.Entry, c counts) error {
	var finished []backups.Entry
	for _, e := range all {
		if e.Finished {
			finished = append(finished, e)
		} else if err := p.leftover(ctx, e); err != nil {
			return err
		}
	}
	keep := needed(finished, c, p.before)
	trusted, err := p.newestVerified(ctx, finished)
	if err != nil {
		return err
	}
	keep[trusted] = true
	for _, e := range finished {
		if keep[e.Key] {
			p.out.Kept++
		} else if err := p.remove(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// leftover removes what a backup that was never finished has left.
func (p *pruning) leftover(ctx context.Context, e backups.Entry) error {
	if !e.Modified.Before(p.before) {
		return nil
	}
	p.out.Leftovers++
	if p.out.DryRun {
		return nil
	}
	return failed(p.store.Clear(ctx, e.Key))
}

// remove deletes a backup, unless a lock keeps it.
func (p *pruning) remove(ctx context.Context, e backups.Entry) error {
	lock, err := p.store.LockOfAny(ctx, e.Key)
	if err != nil {
		return failed(err)
	}
	if lock.Held(p.now()) {
		p.lockedBy(e.Key, lock)
		return nil
	}
	if !p.out.DryRun {
		err := p.store.Delete(ctx, e.Key)
		if errors.Is(err, backups.ErrRefused) {
			return action.Permanent(action.ErrDenied, "delete backup %s: %v (%d deleted before it)", e.Key, err, p.out.Deleted)
		}
		if err != nil {
			return fmt.Errorf("delete backup %s: %w", e.Key, err)
		}
	}
	p.out.Deleted++
	p.out.Bytes += e.Bytes
	if len(p.out.Keys) < maxNamed {
		p.out.Keys = append(p.out.Keys, e.Key)
	}
	return nil
}

func (p *pruning) lockedBy(key string, lock backups.Lock) {
	p.out.Kept++
	locked := Locked{Key: key}
	if !lock.Hold {
		locked.Until = &lock.Until
	}
	p.out.Locked = append(p.out.Locked, locked)
}

// newestVerified is the newest backup that was verified and is still what was verified; "" when there is
// none. It is the one that is certain to be of use.
func (p *pruning) newestVerified(ctx context.Context, finished []backups.Entry) (string, error) {
	for _, e := range finished {
		if !e.Verified {
			continue
		}
		b, err := p.store.Backup(ctx, e.Key, "")
		if err == nil {
			err = b.CheckSizes(ctx)
		}
		if errors.Is(err, backups.ErrCorrupt) || errors.Is(err, backups.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", failed(err)
		}
		note, err := verified(ctx, p.store, b)
		if err != nil {
			return "", err
		}
		if note != nil {
			return e.Key, nil
		}
	}
	return "", nil
}

// needed chooses the backups to keep by their age. They come with the newest first.
func needed(finished []backups.Entry, c counts, before time.Time) map[string]bool {
	keep := map[string]bool{}
	for i, e := range finished {
		if i == 0 || !e.At.Before(before) {
			keep[e.Key] = true
		}
	}
	everyOne(keep, finished, c.daily, func(t time.Time) string { return t.Format(time.DateOnly) })
	everyOne(keep, finished, c.weekly, func(t time.Time) string {
		year, week := t.ISOWeek()
		return fmt.Sprintf("%d-%02d", year, week)
	})
	everyOne(keep, finished, c.monthly, func(t time.Time) string { return t.Format("2006-01") })
	return keep
}

// everyOne keeps one backup of each of the last n periods that have any: the newest that was verified, or
// else the newest.
func everyOne(keep map[string]bool, finished []backups.Entry, n int, period func(time.Time) string) {
	best := map[string]backups.Entry{}
	for _, e := range finished {
		in := period(e.At.UTC())
		chosen, seen := best[in]
		if !seen && len(best) == n {
			break
		}
		if !seen || e.Verified && !chosen.Verified {
			best[in] = e
		}
	}
	for _, e := range best {
		keep[e.Key] = true
	}
}
