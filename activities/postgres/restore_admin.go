package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	// adminPatience is for connecting and for statements that take a moment.
	adminPatience = 30 * time.Second
	// dropPatience is for making and dropping databases: the server writes everything to disk first.
	dropPatience = 10 * time.Minute
	// tidyPatience is for dropping what is half-done after an attempt failed, its server perhaps restarting.
	tidyPatience = time.Minute
	// claimPatience is how long another step may go on with the same database before we give up.
	claimPatience = 30 * time.Second
	// claimLook is how often a claim is looked after.
	claimLook = time.Second
)

// admin makes, renames and drops databases. It is connected to another database of the same server: nobody
// can do that to the one they are in.
type admin struct {
	d    *database
	conn *pgx.Conn
}

// administer connects to the database that every server has for this.
func (d *database) administer(ctx context.Context) (*admin, error) {
	var refused error
	for _, name := range []string{"postgres", "template1"} {
		if name == d.own() {
			continue
		}
		conn, err := d.in(name).connect(ctx, adminPatience)
		if err == nil {
			if err = d.unbind(ctx, conn); err == nil {
				return &admin{d: d, conn: conn}, nil
			}
			shut(ctx, conn)
		}
		refused = err
		if app, ok := errors.AsType[*temporal.ApplicationError](err); !ok || !app.NonRetryable() {
			break // the server is away: it will be so in the next database
		}
	}
	return nil, refused
}

// unbind lifts the limits that a server or a role sets to sessions: ours may wait for hours while a dump is
// restored, and what it does then is bounded here.
func (d *database) unbind(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config(name, '0', false) FROM pg_settings
		WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout')`)
	if err != nil {
		return d.failed("lift the session's limits", adminPatience, err)
	}
	return nil
}

// own is the name that a target's database has on its server.
func (d *database) own() string {
	if d.settings.Database == "" {
		return d.settings.User
	}
	return d.settings.Database
}

// in is the same target with another database of its server.
func (d *database) in(name string) *database {
	other := *d
	other.settings = d.settings.Copy()
	other.settings.Database = name
	other.place = place(other.settings)
	return &other
}

func (a *admin) close(ctx context.Context) { shut(ctx, a.conn) }

// do runs one statement.
func (a *admin) do(ctx context.Context, doing, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, dropPatience)
	defer cancel()
	if _, err := a.conn.Exec(ctx, statement); err != nil {
		return a.d.failed(doing, dropPatience, err)
	}
	return nil
}

// listed is a database of the server.
type listed struct {
	Name    string
	Comment string
}

// size is how large a database is; 0 where we may not see it.
func (a *admin) size(ctx context.Context, name string) (bytes int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	err = a.conn.QueryRow(ctx, `SELECT coalesce((SELECT CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END
		FROM pg_database WHERE datname = $1), 0)`, name).Scan(&bytes)
	if err != nil {
		return 0, a.d.failed("look at the size of "+name, adminPatience, err)
	}
	return bytes, nil
}

// list gives the databases of the server.
func (a *admin) list(ctx context.Context) ([]listed, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	rows, err := a.conn.Query(ctx, "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database ORDER BY 1")
	if err != nil {
		return nil, a.d.failed("list databases", adminPatience, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[listed])
	if err != nil {
		return nil, a.d.failed("list databases", adminPatience, err)
	}
	return all, nil
}

// drop removes a database with whoever is connected to it. One that is gone is fine.
func (a *admin) drop(ctx context.Context, name string) error {
	return a.do(ctx, "drop database "+name, "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)")
}

// comment marks a database.
func (a *admin) comment(ctx context.Context, name, text string) error {
	return a.do(ctx, "mark database "+name, commentOn(name, text))
}

func commentOn(name, text string) string {
	return "COMMENT ON DATABASE " + quoted(name) + " IS " + literal(text)
}

// tidy drops a database after a failure or a cancellation, however long its server takes to answer again.
func (d *database) tidy(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyPatience)
	defer cancel()
	for {
		err := d.dropNow(ctx, name)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(claimLook):
		}
	}
}

func (d *database) dropNow(ctx context.Context, name string) error {
	a, err := d.administer(ctx)
	if err != nil {
		return err
	}
	defer a.close(ctx)
	return a.drop(ctx, name)
}

// errClaimLost ends the work of a step whose claim is no longer certain.
var errClaimLost = errors.New("the connection that kept others away was lost")

// claim keeps other steps from a thing while this one works on it: they have to wait, or fail after
// claimPatience. It ends with release, or when this process dies. When its connection breaks (the server
// restarted), the context it gives ends as well.
func (a *admin) claim(ctx context.Context, thing string) (bound context.Context, release func(), err error) {
	holder, err := a.d.administer(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := holder.acquire(ctx, thing); err != nil {
		holder.close(ctx)
		return nil, nil, err
	}
	bound, lose := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if holder.lost(bound) {
			lose(errClaimLost)
		}
	}()
	return bound, func() {
		lose(context.Canceled)
		<-ended
		holder.close(ctx)
	}, nil
}

// acquire waits for the claim.
func (a *admin) acquire(ctx context.Context, thing string) error {
	deadline := time.Now().Add(claimPatience)
	for {
		got, err := a.try(ctx, thing)
		if err != nil || got {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres %q (%s): another step works on %s already%s: try again when it has ended", a.d.name, a.d.place, thing, a.holder(ctx, thing))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(claimLook):
		}
	}
}

// try claims a thing unless somebody else has. PostgreSQL keeps such locks apart by the database that a session
// is in, and not everybody administers from the same one; so whoever holds it elsewhere is looked for as well.
func (a *admin) try(ctx context.Context, thing string) (got bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	if err := a.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey(thing)).Scan(&got); err != nil || !got {
		return false, a.claimFailed(thing, err)
	}
	var elsewhere bool
	high, low := halves(thing)
	err = a.conn.QueryRow(ctx, "SELECT EXISTS (SELECT"+claims+" AND l.pid <> pg_backend_pid())", high, low).Scan(&elsewhere)
	if err != nil {
		return false, a.claimFailed(thing, err)
	}
	if elsewhere {
		return false, a.let(ctx, thing)
	}
	return true, nil
}

func (a *admin) claimFailed(thing string, err error) error {
	if err == nil {
		return nil
	}
	return a.d.failed("claim "+thing, adminPatience, err)
}

// claims chooses the sessions of the whole server that hold a claim, by the halves of its number.
const claims = ` FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint = $1 AND l.objid::bigint = $2`

func halves(thing string) (high, low int64) {
	key := uint64(lockKey(thing))
	return int64(key >> 32), int64(key & 0xffffffff)
}

// holder words who has a claim, for an error.
func (a *admin) holder(ctx context.Context, thing string) string {
	var pid int
	var since time.Time
	high, low := halves(thing)
	err := a.conn.QueryRow(ctx, "SELECT pid, backend_start FROM pg_stat_activity WHERE pid IN (SELECT l.pid"+claims+")", high, low).Scan(&pid, &since)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d, since %s)", pid, since.UTC().Format(time.RFC3339))
}

// lost looks after a claim until ctx ends.
func (a *admin) lost(ctx context.Context) bool {
	tick := time.NewTicker(claimLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if err := a.conn.Ping(ctx); err != nil && ctx.Err() == nil {
				return true
			}
		}
	}
}

// lockKey is the number of a claim.
func lockKey(thing string) int64 {
	sum := sha256.Sum256([]byte("orderly " + thing))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// literal quotes a text so that it is one whatever standard_conforming_strings says.
func literal(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// causeOf is why a step's work ended: that its claim was lost tells more than that it was cancelled.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errClaimLost) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// hasCode says of an error that it is PostgreSQL's and of one of these codes.
func hasCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// missing refuses a step that names a database which is not there.
func (a *admin) missing(doing, name string) error {
	return action.Permanent(action.ErrNotFound, "%s: postgres %q (%s): there is no database %q", doing, a.d.name, a.d.place, name)
}
