package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// restoring declares the actions that bring databases back.
func (a *actions) restoring(closed action.Option) []action.Definition {
	const long = 12 * time.Hour
	beat := action.Heartbeat(30 * time.Second)
	return []action.Definition{
		action.Define("postgres.verify",
			"Restores a backup into a scratch database, compares tables, rows and where the backup has them checksums with its manifest, has amcheck look into the indexes, and drops it. How long restoring took is noted beside the manifest (verified.json). "+
				"A backup that was cut off or changed is refused.",
			a.verify, closed, action.Timeout(long), beat),
		action.Define("postgres.restore",
			"Restores a backup into a new database and compares it with the manifest. With `replace` it then takes the live database's place, in one transaction that ends the sessions of both; the old one stays under another name. Without, it stays beside the live one. "+
				"Undone by postgres.swap-back.",
			a.restore, closed, action.Timeout(long), beat, action.Destructive()),
		action.Define("postgres.swap-back",
			"Puts the database back that postgres.restore has replaced; what was live meanwhile stays under another name. Does nothing when this run has replaced none, or has put it back already.",
			a.swapBack, closed, action.Timeout(10*time.Minute), beat, action.Destructive()),
		action.Define("postgres.drop-copy",
			"Drops a database that postgres.restore or postgres.swap-back has left beside the live one. No other.",
			a.dropCopy, closed, action.Timeout(30*time.Minute), beat, action.Destructive()),
	}
}

// RestoreInput is the input of postgres.restore.
type RestoreInput struct {
	Database       string `json:"database" target:"postgres" doc:"The database."`
	Backup         string `json:"backup,omitempty" doc:"The backup's key." default:"the newest one"`
	From           string `json:"from,omitempty" target:"s3" doc:"The bucket." default:"the target's own (backups), or else the only s3 target"`
	Prefix         string `json:"prefix,omitempty" doc:"Where the newest is looked for." default:"database/"`
	ManifestSHA256 string `json:"manifest_sha256,omitempty" doc:"The manifest's checksum as postgres.backup gave it. With it nothing of a backup that somebody has changed since is run: every byte is compared first."`
	Replace        bool   `json:"replace,omitempty" doc:"Put what was restored in the place of the live database. What was written to that since the backup is then only in the old one: let somebody approve it first." default:"false: it stays beside it"`
	Keep           *bool  `json:"keep,omitempty" doc:"Keep the replaced database under another name. Without it nothing can be undone." default:"true"`
	Jobs           int    `json:"jobs,omitempty" doc:"How many processes restore it, up to 16; with more than one the files are brought to disk first." default:"1, and 4 for a backup that was made with jobs"`
	DryRun         bool   `json:"dry_run,omitempty" doc:"Check backup, programs and server, and restore nothing."`
}

// Restore is the output of postgres.restore.
type Restore struct {
	Key            string    `json:"key" doc:"The backup."`
	Taken          time.Time `json:"taken" doc:"The moment that it shows: what was written later is not in it."`
	RestoredAs     string    `json:"restored_as" doc:"The restored database's name on its server; in a dry run, what it would be."`
	Replaced       bool      `json:"replaced" doc:"It is the live one now."`
	Previous       string    `json:"previous" doc:"The replaced database's name now: what postgres.swap-back takes. Empty when none was replaced, or it was not kept."`
	Kept           bool      `json:"kept" doc:"The replaced database is still there."`
	RestoreSeconds float64   `json:"restore_seconds" doc:"How long restoring took; 0 when an earlier attempt had done it."`
	Downtime       float64   `json:"downtime" doc:"Milliseconds in which nobody could connect; 0 without replace."`
	Tables         int       `json:"tables" doc:"Tables in it, counted and compared."`
	Rows           int64     `json:"rows" doc:"Rows of all tables."`
	Earlier        bool      `json:"earlier" doc:"An earlier attempt of the same step had done it all."`
	DryRun         bool      `json:"dry_run" doc:"Nothing was changed."`
}

// restore is the action postgres.restore.
func (a *actions) restore(ctx context.Context, in RestoreInput) (Restore, error) {
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return Restore{}, err
	}
	read, stop := reporting(ctx)
	defer stop()
	b, err := a.find(ctx, source{doing: "postgres.restore", database: in.Database, from: in.From, key: in.Backup, prefix: in.Prefix, manifestSHA256: in.ManifestSHA256})
	if err != nil {
		return Restore{}, err
	}
	f, err := newFilling(ctx, d, b, in.Jobs)
	if err != nil {
		return Restore{}, err
	}
	defer f.admin.close(ctx)
	f.read = read
	bound, release, err := f.admin.claim(ctx, theRestoreOf(d))
	if err != nil {
		return Restore{}, err
	}
	defer release()
	r := newReplacement(f, in, stepOf(bound, d.place))
	if err := r.look(bound); err != nil {
		return Restore{}, err
	}
	if in.DryRun || r.out.Earlier {
		return r.out, r.hindered(bound)
	}
	if err := r.run(bound); err != nil {
		return Restore{}, r.giveUp(ctx, causeOf(bound, err))
	}
	return r.out, nil
}

// theRestoreOf is what a step claims that renames a target's databases.
func theRestoreOf(d *database) string { return "the restore of " + d.own() }

// replacement is a restore on its way: the names of all databases concerned are known beforehand and the
// same for every attempt, so that one finds out where another stood.
type replacement struct {
	*filling
	in   RestoreInput
	step step

	live   string // the target's own database
	fresh  string // what is being restored
	beside string // what it is called when it does not replace the live one
	aside  string // what the replaced one is called

	isLive bool       // there is a live one to replace
	like   properties // of the live one
	ready  bool       // an earlier attempt has restored and compared fresh
	out    Restore
}

func newReplacement(f *filling, in RestoreInput, s step) *replacement {
	live := f.on.own()
	r := &replacement{
		filling: f, in: in, step: s, live: live,
		fresh: s.named(live, madeRestoring), beside: s.named(live, madeRestored), aside: s.named(live, madeBefore),
	}
	m := f.backup.Manifest
	r.out = Restore{Key: m.Key, Taken: m.Snapshot.Taken, RestoredAs: r.beside, Tables: len(m.Tables), Rows: m.Rows, DryRun: in.DryRun}
	return r
}

func (r *replacement) keep() bool { return r.in.Keep == nil || *r.in.Keep }

// look finds out where an earlier attempt of this step stood.
func (r *replacement) look(ctx context.Context) error {
	all, err := r.admin.list(ctx)
	if err != nil {
		return err
	}
	var asideThere bool
	for _, s := range all {
		l, _ := readLabel(s.Comment)
		switch s.Name {
		case r.live:
			r.isLive = true
			r.out.Earlier = r.out.Earlier || r.in.Replace && l.Made == madeRestored && l.Step == r.step.ID
		case r.aside:
			asideThere, r.out.Earlier = true, true // both were renamed in one transaction
		case r.beside:
			r.out.Earlier = r.out.Earlier || !r.in.Replace
		case r.fresh:
			r.ready = l.Ready && l.Backup == r.source()
		}
	}
	if r.in.Replace {
		r.out.RestoredAs, r.out.Replaced = r.live, r.out.Earlier
		if r.isLive && (asideThere || !r.out.Earlier) {
			r.out.Previous, r.out.Kept = r.aside, asideThere
		}
	}
	if asideThere && !r.keep() {
		return r.discard(ctx)
	}
	if !r.isLive {
		return nil
	}
	r.like, err = r.admin.properties(ctx, r.live)
	return err
}

// source is the very backup that fresh is made of.
func (r *replacement) source() string { return r.backup.Key + "@" + r.backup.ManifestSHA256 }

// run restores, compares and puts in place.
func (r *replacement) run(ctx context.Context) error {
	if err := r.sweep(ctx); err != nil {
		return err
	}
	if err := r.hindered(ctx); err != nil {
		return err
	}
	if !r.ready {
		if err := r.prepare(ctx); err != nil {
			return err
		}
	}
	start := swap{live: r.beside, other: r.fresh, liveComment: r.step.label(madeRestored, r.backup.Key).String()}
	if r.in.Replace {
		start.live = r.live
	}
	if r.in.Replace && r.isLive {
		l := r.step.label(madeBefore, r.backup.Key)
		l.Comment = r.like.Comment
		start.aside, start.asideComment, start.liveComment = r.aside, l.String(), r.like.Comment
	}
	down, err := r.admin.exchange(ctx, start)
	if err != nil {
		return err
	}
	if r.in.Replace {
		r.out.Replaced, r.out.Kept, r.out.Downtime = true, r.isLive, milliseconds(down)
	}
	if r.out.Kept && !r.keep() {
		return r.discard(ctx)
	}
	return nil
}

// hindered finds out before the long work whether the live database can be replaced after it.
func (r *replacement) hindered(ctx context.Context) error {
	if !r.in.Replace || !r.isLive || r.out.Earlier {
		return nil
	}
	return r.admin.swappable(ctx, r.live)
}

// prepare restores and compares a new database and gives it the properties of the live one. After that a
// later attempt need not do it again.
func (r *replacement) prepare(ctx context.Context) error {
	l := r.step.label(madeRestoring, r.source())
	done, err := r.fill(ctx, r.fresh, r.like, l, false)
	if err != nil {
		return err
	}
	r.out.RestoreSeconds = done.RestoreSeconds
	for _, statement := range r.give() {
		if err := r.admin.do(ctx, "give "+r.fresh+" the properties of "+r.live, statement); err != nil {
			return err
		}
	}
	l.Ready = true
	if err := r.admin.comment(ctx, r.fresh, l.String()); err != nil {
		return err
	}
	r.ready = true
	return nil
}

// give is the statements that let people into what was restored, as into the live one. Of one that is lost
// nobody knows any more whom it let in, so it is open as the server makes databases: its tables have their own
// privileges back.
func (r *replacement) give() []string {
	if r.isLive {
		return r.like.give(r.fresh)
	}
	return []string{"GRANT CONNECT, TEMPORARY ON DATABASE " + quoted(r.fresh) + " TO PUBLIC"}
}

// discard drops the replaced database.
func (r *replacement) discard(ctx context.Context) error {
	if err := r.admin.drop(ctx, r.aside); err != nil {
		return err
	}
	r.out.Previous, r.out.Kept = "", false
	return nil
}

// sweep drops what attempts that were killed have left of the same database. Nobody works on them: we have
// the claim.
func (r *replacement) sweep(ctx context.Context) error {
	all, err := r.admin.list(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if madeOf(s.Name, r.live) != madeRestoring || s.Name == r.fresh && r.ready {
			continue
		}
		if err := r.admin.drop(ctx, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// giveUp leaves nothing half-restored. A database that is whole, and only could not be put in place, waits
// for the next attempt, unless there will be none.
func (r *replacement) giveUp(ctx context.Context, err error) error {
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	final := ok && app.NonRetryable() || ctx.Err() != nil
	if r.ready && !final {
		return fmt.Errorf("%w (what was restored waits as %s for the next attempt)", err, r.fresh)
	}
	if untidy := r.on.tidy(ctx, r.fresh); untidy != nil && !final {
		return fmt.Errorf("%w (and %s could not be dropped yet: the next attempt does)", err, r.fresh)
	}
	return err
}
