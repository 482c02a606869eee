package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	// goneWithin is how long a cancelled session may take to end by itself, and how long again after it
	// was terminated.
	goneWithin = 5 * time.Second
	lookEvery  = 50 * time.Millisecond
)

// PostgreSQL's error codes that maintenance tells apart.
const (
	codeLocked    = "55P03" // lock_timeout
	codeCancelled = "57014" // statement_timeout, or somebody called pg_cancel_backend
	codeDeadlock  = "40P01"
	codeDuplicate = "23505"
	codeNoTable   = "42P01"
	codeNoObject  = "42704"
	codeDiskFull  = "53100"
	codeReadOnly  = "25006"
	codeDamaged   = "XX001"
	codeBadIndex  = "XX002"
)

// upkeep is a pair of sessions: one that does long work, and one beside it that watches the first, as a
// busy session can't be asked anything.
type upkeep struct {
	d       *database
	work    *pgx.Conn
	watch   *pgx.Conn
	self    backend
	version int // as server_version_num: 150004
	// warnings is what the server warned of since it was last emptied.
	warnings []string
}

// backend is a server process. Its pid alone would be reused, together with its start it is not.
type backend struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// bounds is how long statements of a working session may take.
type bounds struct{ lock, statement time.Duration }

// maintain opens both sessions. The working one waits for a lock, and works on one statement, as long as
// bounds say. A pooler that gives each transaction another session can't be used, and says so.
func (d *database) maintain(ctx context.Context, b bounds) (*upkeep, error) {
	settings := d.settings.Copy()
	// At the start rather than by SET: it can't be left behind in a session that a pooler goes on using.
	for name, value := range map[string]string{
		"lock_timeout": milliseconded(b.lock), "statement_timeout": milliseconded(b.statement),
		// As autovacuum has it: nobody's functions stand in for PostgreSQL's own.
		"search_path": "",
	} {
		settings.RuntimeParams[name] = value
	}
	u := &upkeep{d: d}
	settings.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			u.warnings = append(u.warnings, n.Message)
		}
	}
	opening, cancel := context.WithTimeout(ctx, defaultPatience)
	defer cancel()
	var err error
	if u.work, err = pgx.ConnectConfig(opening, settings); err != nil {
		return nil, d.unfit(err)
	}
	if err = u.know(opening, b); err == nil {
		err = u.watched(ctx)
	}
	if err != nil {
		u.end(ctx)
		return nil, err
	}
	return u, nil
}

// unfit words why no working session could be had. A pooler refuses what it can't keep apart for each
// client as a breach of protocol.
func (d *database) unfit(err error) error {
	const breach = "08P01"
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == breach {
		return action.Permanent(action.ErrNotConfigured, "postgres %q (%s): %s: a pooler in between can't do maintenance: name a target that leads to the server itself", d.name, d.place, refused.Message)
	}
	return d.failed("connect", defaultPatience, err)
}

// watched sees to it that there is a session to watch from.
func (u *upkeep) watched(ctx context.Context) (err error) {
	if u.watch == nil || u.watch.IsClosed() {
		u.watch, err = u.d.connect(ctx, defaultPatience)
	}
	return err
}

func milliseconded(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// know asks the working session who it is and whether its bounds hold.
func (u *upkeep) know(ctx context.Context, b bounds) error {
	var lock, standby string
	err := u.work.QueryRow(ctx, `
		SELECT pid, backend_start, current_setting('server_version_num')::int,
			(SELECT setting FROM pg_settings WHERE name = 'lock_timeout'), pg_is_in_recovery()::text
		FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
	).Scan(&u.self.PID, &u.self.Since, &u.version, &lock, &standby)
	if err != nil {
		return u.d.failed("begin maintenance", defaultPatience, err)
	}
	if standby == "true" {
		return action.Permanent(action.ErrInput, "postgres %q (%s): is a standby, which takes no maintenance: name the primary", u.d.name, u.d.place)
	}
	if lock != milliseconded(b.lock) {
		return action.Permanent(action.ErrNotConfigured, "postgres %q (%s): a pooler in between drops lock_timeout: maintenance needs a target that leads to the server itself", u.d.name, u.d.place)
	}
	if u.version >= 140000 {
		// The server then notices within seconds that a worker has died, not when the statement ends.
		_, err = u.work.Exec(ctx, "SET client_connection_check_interval = '5s'")
		var unable *pgconn.PgError
		if err != nil && !errors.As(err, &unable) { // not every platform can
			return u.d.failed("begin maintenance", defaultPatience, err)
		}
	}
	return nil
}

// end closes both sessions and does not return before the working one is gone from the server: what was
// cancelled must not go on there unseen.
func (u *upkeep) end(ctx context.Context) {
	shut(ctx, u.work)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*goneWithin)
	defer cancel()
	if u.watched(ctx) == nil {
		_ = u.gone(ctx, u.self) // best effort: a server that does not answer any more has no session either
		shut(ctx, u.watch)
	}
}

// gone waits until a backend has ended, cancelled or orphaned as it is, and terminates it when it does not.
func (u *upkeep) gone(ctx context.Context, b backend) error {
	end := time.Now().Add(goneWithin)
	for {
		there, err := u.alive(ctx, b)
		if err != nil || !there {
			return err
		}
		if time.Now().After(end) {
			break
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
	return u.terminate(ctx, b)
}

// terminate ends a backend of ours and waits until it has ended.
func (u *upkeep) terminate(ctx context.Context, b backend) error {
	if _, err := u.watch.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2`, b.PID, b.Since); err != nil {
		return err
	}
	for end := time.Now().Add(goneWithin); time.Now().Before(end); {
		there, err := u.alive(ctx, b)
		if err != nil || !there {
			return err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
	return fmt.Errorf("postgres %q (%s): session %d does not end: look at it on the server", u.d.name, u.d.place, b.PID)
}

func (u *upkeep) alive(ctx context.Context, b backend) (there bool, err error) {
	err = u.watch.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2)`, b.PID, b.Since).Scan(&there)
	return there, err
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// failed words an error that ended maintenance as a whole.
func (u *upkeep) failed(doing string, err error) error {
	where := fmt.Sprintf("postgres %q (%s): %s", u.d.name, u.d.place, doing)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == codeDiskFull:
		return action.Permanent(action.ErrCommand, "%s: the server's disk is full: %s (SQLSTATE %s); free space there (host.clean, docker.prune) and start again", where, refused.Message, refused.Code)
	case errors.As(err, &refused) && refused.Code == codeReadOnly:
		return action.Permanent(action.ErrInput, "%s: the server takes no writes: %s (SQLSTATE %s)", where, refused.Message, refused.Code)
	case errors.As(err, &refused) && serverEnds(refused):
		return fmt.Errorf("%s: the server ended the session: %s (SQLSTATE %s); it is stopping, restarting, or somebody terminated it", where, refused.Message, refused.Code)
	case u.work.IsClosed() && !errors.Is(err, context.Canceled) && !errors.As(err, &refused):
		return fmt.Errorf("%s: the connection broke: %s; the server may be restarting", where, cause(err))
	default:
		return u.d.failed(doing, defaultPatience, err)
	}
}

// serverEnds tells an error that ended the session: a shutdown, a crash of the server, pg_terminate_backend.
func serverEnds(e *pgconn.PgError) bool { return strings.HasPrefix(e.Code, "57P") }
