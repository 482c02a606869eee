package postgres

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultLong     = 5 * time.Minute
	defaultSessions = 20
	maxSessions     = 200
)

// LongQueriesInput is the input of postgres.long-queries.
type LongQueriesInput struct {
	Database          string        `json:"database" target:"postgres" doc:"The database."`
	LongerThan        sops.Duration `json:"longer_than,omitempty" doc:"How long a query has to have been running." default:"5m"`
	IdleInTransaction bool          `json:"idle_in_transaction,omitempty" doc:"Also sessions that do nothing while their transaction has been open that long."`
	Server            bool          `json:"server,omitempty" doc:"Look at all databases of the server." default:"false: this database only"`
	Limit             int           `json:"limit,omitempty" doc:"How many to list, longest first, 1 to 200." default:"20"`
	Timeout           sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"5s"`
}

// LongQueries is the output of postgres.long-queries.
type LongQueries struct {
	Database   string      `json:"database" doc:"The database."`
	Count      int         `json:"count" doc:"How many there are, listed or not."`
	Protected  int         `json:"protected" doc:"How many of them postgres.terminate would leave alone."`
	Hidden     int         `json:"hidden" doc:"Sessions of other users whose query can't be seen; the role pg_monitor shows them."`
	Sessions   []LongQuery `json:"sessions" doc:"The longest, longest first."`
	Terminable []Victim    `json:"terminable" doc:"Those listed that are not protected, as postgres.terminate takes them."`
}

// LongQuery is a session that has been at it for long.
type LongQuery struct {
	Session
	BackendStart time.Time  `json:"backend_start" doc:"When the session began. With its pid it names the session for good: pids are used again."`
	QueryStart   *time.Time `json:"query_start,omitempty" doc:"When its query began."`
	Protected    bool       `json:"protected" doc:"postgres.terminate leaves it alone."`
	Why          string     `json:"why" doc:"Why it is protected; empty when it is not."`
}

// Victim names a session, and the query in it, to be ended.
type Victim struct {
	PID          int        `json:"pid" doc:"Process id on the server."`
	BackendStart time.Time  `json:"backend_start" doc:"When the session began, exactly."`
	QueryStart   *time.Time `json:"query_start,omitempty" doc:"When the query to be ended began: a session that has gone on to another is left alone." default:"whatever it runs"`
}

// observed is what both actions read of a session, in the order of toLong.
const observed = `
	SELECT pid, extract(epoch FROM clock_timestamp() - CASE WHEN state = 'active' THEN query_start ELSE coalesce(xact_start, state_change) END)::float8,
		coalesce(state, ''), CASE WHEN state = 'active' THEN coalesce(wait_event_type || ': ' || wait_event, '') ELSE '' END,
		pg_blocking_pids(pid), coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), ''),
		coalesce(datname, ''), coalesce(query, ''), backend_start, query_start, ` + protection + ` AS why
	FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid`

// protection is why a session is left alone; empty when it is not. Orderly's programs, and those it
// starts, call themselves orderly.
const protection = `CASE
	WHEN pid = pg_backend_pid() THEN 'it is this very session'
	WHEN backend_type = 'walsender' THEN 'it is replication'
	WHEN backend_type <> 'client backend' THEN 'it is a process of the server itself'
	WHEN backend_type IS NULL THEN 'it can''t be seen; the role pg_monitor would show it'
	WHEN application_name = 'orderly' OR application_name LIKE 'orderly %' THEN 'it is Orderly''s own'
	WHEN application_name IN ('pg_dump', 'pg_dumpall', 'pg_restore', 'pg_basebackup') THEN 'it is a backup or a restore'
	WHEN coalesce(rolsuper, true) THEN 'it is a superuser''s'
	ELSE '' END`

func toLong(row pgx.CollectableRow) (LongQuery, error) {
	var l LongQuery
	var seconds float64
	var query string
	err := row.Scan(&l.PID, &seconds, &l.State, &l.WaitEvent, &l.BlockedBy, &l.User, &l.Application, &l.Client, &l.Database, &query,
		&l.BackendStart, &l.QueryStart, &l.Why)
	l.Age, l.Query, l.Protected = age(seconds), shorten(normalise(query)), l.Why != ""
	l.BackendStart = l.BackendStart.UTC()
	if l.QueryStart != nil {
		*l.QueryStart = l.QueryStart.UTC()
	}
	return l, err
}

func (a *actions) longQueries(ctx context.Context, in LongQueriesInput) (LongQueries, error) {
	limit := cmp.Or(in.Limit, defaultSessions)
	if limit < 1 || limit > maxSessions {
		return LongQueries{}, action.Permanent(action.ErrInput, "postgres.long-queries: limit is %d, want 1 to %d", in.Limit, maxSessions)
	}
	d, patience, err := a.get("postgres.long-queries", in.Database, in.Timeout)
	if err != nil {
		return LongQueries{}, err
	}
	conn, err := d.connect(ctx, patience)
	if err != nil {
		return LongQueries{}, err
	}
	defer shut(ctx, conn)
	out := LongQueries{Database: in.Database, Sessions: []LongQuery{}, Terminable: []Victim{}}
	var found []LongQuery
	err = d.read(ctx, conn, patience, func(ctx context.Context, tx pgx.Tx) error {
		const others = `FROM pg_stat_activity WHERE backend_type IS NULL AND datid IS NOT NULL AND ($1 OR datname = current_database())`
		if err := tx.QueryRow(ctx, `SELECT count(*)::int `+others, in.Server).Scan(&out.Hidden); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, observed+`
			WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND ($1 OR datname = current_database())
				AND (state = 'active' AND query_start < clock_timestamp() - make_interval(secs => $2)
					OR $3 AND state LIKE 'idle in transaction%' AND xact_start < clock_timestamp() - make_interval(secs => $2))
			ORDER BY 2 DESC, pid`, in.Server, cmp.Or(in.LongerThan.D(), defaultLong).Seconds(), in.IdleInTransaction)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, toLong)
		return err
	})
	if err != nil {
		return LongQueries{}, err
	}
	out.list(found, limit)
	return out, nil
}

func (q *LongQueries) list(found []LongQuery, limit int) {
	q.Count = len(found)
	for i, s := range found {
		if s.Protected {
			q.Protected++
		}
		if i >= limit {
			continue
		}
		q.Sessions = append(q.Sessions, s)
		if !s.Protected {
			q.Terminable = append(q.Terminable, Victim{PID: s.PID, BackendStart: s.BackendStart, QueryStart: s.QueryStart})
		}
	}
}

// String names a victim for messages.
func (v Victim) String() string {
	return fmt.Sprintf("session %d of %s", v.PID, v.BackendStart.UTC().Format(time.RFC3339Nano))
}
