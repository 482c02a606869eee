package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	// swapTries is how often the renaming is begun: PostgreSQL itself waits 5 s each time until the last
	// session is gone.
	swapTries = 3
	// endEvery is how often sessions are told to go while it waits.
	endEvery = 100 * time.Millisecond
)

// swap is one exchange of databases: live becomes aside, and other becomes live. Without aside there is no
// live one yet.
type swap struct {
	live, aside, other string
	// asideComment and liveComment is what is written on them then.
	asideComment, liveComment string
}

// names are those of the databases that get another one.
func (s swap) names() []string { return []string{s.live, s.other} }

// exchange does it in one transaction: whatever dies meanwhile, either both have their new names or none
// has. From its first statement nobody can connect to the live database (they wait), and those who are
// connected are ended. It gives how long that lasted.
func (a *admin) exchange(ctx context.Context, s swap) (down time.Duration, err error) {
	if err := a.swappable(ctx, s.names()...); err != nil {
		return 0, err
	}
	for range swapTries {
		start := time.Now()
		err = a.rename(ctx, s)
		if err == nil || !hasCode(err, codeInUse) {
			return time.Since(start), a.swapFailed(ctx, s, err)
		}
	}
	return 0, a.swapFailed(ctx, s, err)
}

const codeInUse = "55006" // object_in_use: somebody is connected

func (a *admin) swapFailed(ctx context.Context, s swap, err error) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf("put %s in the place of %s (both are as they were)", s.other, s.live)
	if hasCode(err, codeInUse) {
		return fmt.Errorf("postgres %q (%s): %s: sessions did not end: %s", a.d.name, a.d.place, doing, a.stayed(ctx, s.names()...))
	}
	return a.d.failed(doing, adminPatience, err)
}

// rename is one attempt.
func (a *admin) rename(ctx context.Context, s swap) error {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	ended, stop := a.ending(ctx, s.names()...)
	defer func() { stop(); <-ended }()
	return pgx.BeginFunc(ctx, a.conn, func(tx pgx.Tx) error {
		for _, statement := range s.statements() {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s swap) statements() (all []string) {
	if s.aside != "" {
		all = append(all, "ALTER DATABASE "+quoted(s.live)+" RENAME TO "+quoted(s.aside), commentOn(s.aside, s.asideComment))
	}
	return append(all, "ALTER DATABASE "+quoted(s.other)+" RENAME TO "+quoted(s.live), commentOn(s.live, s.liveComment))
}

// ending tells the sessions of databases to go, again and again, until it is stopped: new ones come until
// the renaming holds its lock. It does so over a connection of its own.
func (a *admin) ending(ctx context.Context, names ...string) (ended <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		other, err := a.d.administer(ctx)
		if err != nil {
			return // the renaming says what is wrong with the server, or that sessions stay
		}
		defer other.close(ctx)
		for {
			other.end(ctx, names)
			select {
			case <-ctx.Done():
				return
			case <-time.After(endEvery):
			}
		}
	}()
	return done, cancel
}

// foreign chooses the sessions in the way of a swap. Those of replication are none: swappable has refused.
const foreign = ` FROM pg_stat_activity WHERE datname = ANY($1) AND pid <> pg_backend_pid()
	AND coalesce(backend_type, '') NOT IN ('walsender', 'logical replication worker', 'autovacuum worker')`

// end tells sessions to go. Each by itself: one that we may not end must not keep us from the others.
func (a *admin) end(ctx context.Context, names []string) {
	rows, err := a.conn.Query(ctx, "SELECT pid"+foreign, names)
	if err != nil {
		return
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return
	}
	for _, pid := range pids {
		if _, err := a.conn.Exec(ctx, "SELECT pg_terminate_backend($1)", pid); err != nil && a.conn.IsClosed() {
			return
		}
	}
}

// stayed words which sessions are still there.
func (a *admin) stayed(ctx context.Context, names ...string) string {
	found, err := collectSessions(ctx, a.conn, "SELECT pid, coalesce(usename, ''), coalesce(application_name, '')"+foreign, names)
	if err != nil || len(found) == 0 {
		return "they come back as soon as they are ended; stop what connects"
	}
	return strings.Join(found, "; ") + ". Ending them takes the role pg_signal_backend, and for a superuser's a superuser"
}

func collectSessions(ctx context.Context, conn *pgx.Conn, query string, names []string) ([]string, error) {
	rows, err := conn.Query(ctx, query, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var pid int
		var user, what string
		err := row.Scan(&pid, &user, &what)
		return fmt.Sprintf("pid %d of %s (%s)", pid, user, what), err
	})
}

// swappable refuses databases whose name something else depends on, before anybody is sent away.
func (a *admin) swappable(ctx context.Context, names ...string) error {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	for _, in := range []struct{ query, what, todo string }{
		{"SELECT datname FROM pg_database WHERE datname = ANY($1) AND NOT pg_has_role(datdba, 'USAGE')", "another owner of", "make the target's user an owner of it (GRANT its owner TO the user)"},
		{"SELECT gid FROM pg_prepared_xacts WHERE database = ANY($1)", "prepared transaction", "commit or roll it back"},
		{"SELECT slot_name FROM pg_replication_slots WHERE database = ANY($1)", "logical replication slot", "stop what reads it and drop it: it would go on with the old database"},
		{"SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = ANY($1) AND subenabled", "subscription", "disable it"},
	} {
		rows, err := a.conn.Query(ctx, in.query, names)
		if err != nil {
			return a.d.failed("look for what hinders a swap", adminPatience, err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if hasCode(err, "42501") {
			continue // pg_subscription is for superusers; renaming will tell
		}
		if err != nil {
			return a.d.failed("look for what hinders a swap", adminPatience, err)
		}
		if len(found) > 0 {
			return action.Permanent(action.ErrInput, "postgres %q (%s): %s %s stands in the way: %s", a.d.name, a.d.place, in.what, strings.Join(found, ", "), in.todo)
		}
	}
	return nil
}
