package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/sops"
)

// ActivityInput is the input of postgres.activity.
type ActivityInput struct {
	Database string        `json:"database" target:"postgres" doc:"The database."`
	Server   bool          `json:"server,omitempty" doc:"Look at all databases of the server." default:"false: this database only"`
	Timeout  sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"5s"`
}

// Activity is the output of postgres.activity.
type Activity struct {
	Database           string  `json:"database" doc:"The database."`
	Sessions           int     `json:"sessions" doc:"Sessions of clients, without this one."`
	Active             int     `json:"active" doc:"Sessions that run a query."`
	Idle               int     `json:"idle" doc:"Sessions that wait for their client."`
	IdleInTransaction  int     `json:"idle_in_transaction" doc:"Sessions that wait for their client with a transaction open, which may hold locks and keep vacuum from cleaning up. Those whose transaction has failed count too."`
	Waiting            int     `json:"waiting" doc:"Sessions that wait for a lock that another one holds."`
	Hidden             int     `json:"hidden" doc:"Sessions of other users whose state can't be seen; the role pg_monitor shows them."`
	LongestQuery       Session `json:"longest_query" doc:"The session whose query runs longest; pid 0 when none runs."`
	LongestTransaction Session `json:"longest_transaction" doc:"The session whose transaction is open longest; pid 0 when none is open."`
}

// Session is one client's session.
type Session struct {
	PID         int           `json:"pid" doc:"Process id on the server; 0 when there is no such session."`
	Age         sops.Duration `json:"age" doc:"How long its query runs, or its transaction is open."`
	State       string        `json:"state" doc:"active, idle in transaction, …"`
	WaitEvent   string        `json:"wait_event" doc:"What it waits for, as \"Lock: relation\"; empty when it does not wait."`
	BlockedBy   []int         `json:"blocked_by" doc:"Process ids of the sessions that hold what it waits for."`
	User        string        `json:"user" doc:"Who is logged in."`
	Application string        `json:"application" doc:"Its application_name."`
	Client      string        `json:"client" doc:"Where it connects from; empty for a local socket."`
	Database    string        `json:"database" doc:"Its database."`
	Query       string        `json:"query" doc:"Its current or last query, without comments, literals as ?, at most 200 characters."`
}

func (a *actions) activity(ctx context.Context, in ActivityInput) (Activity, error) {
	d, patience, err := a.get("postgres.activity", in.Database, in.Timeout)
	if err != nil {
		return Activity{}, err
	}
	conn, err := d.connect(ctx, patience)
	if err != nil {
		return Activity{}, err
	}
	defer shut(ctx, conn)
	out := Activity{Database: in.Database}
	// In one transaction all three queries see the same moment.
	err = d.read(ctx, conn, patience, func(ctx context.Context, tx pgx.Tx) error {
		if err := out.count(ctx, tx, in.Server); err != nil {
			return err
		}
		if out.LongestQuery, err = longest(ctx, tx, in.Server, "query_start", "state = 'active'"); err != nil {
			return err
		}
		out.LongestTransaction, err = longest(ctx, tx, in.Server, "xact_start", "true")
		return err
	})
	if err != nil {
		return Activity{}, err
	}
	return out, nil
}

// sessions is what both queries look at; $1 says whether that is the whole server.
const sessions = ` FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND ` + clients + ` AND ($1 OR datname = current_database())`

func (a *Activity) count(ctx context.Context, tx pgx.Tx, server bool) error {
	return tx.QueryRow(ctx, `
		SELECT count(*)::int,
			count(*) FILTER (WHERE state = 'active')::int,
			count(*) FILTER (WHERE state = 'idle')::int,
			count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int,
			count(*) FILTER (WHERE wait_event_type = 'Lock')::int,
			count(*) FILTER (WHERE backend_type IS NULL)::int`+sessions, server,
	).Scan(&a.Sessions, &a.Active, &a.Idle, &a.IdleInTransaction, &a.Waiting, &a.Hidden)
}

// longest finds the session whose column since is furthest back. Both since and which are our own text.
func longest(ctx context.Context, tx pgx.Tx, server bool, since, which string) (Session, error) {
	rows, err := tx.Query(ctx, `
		SELECT pid, extract(epoch FROM clock_timestamp() - `+since+`)::float8, coalesce(state, ''),
			CASE WHEN state = 'active' THEN coalesce(wait_event_type || ': ' || wait_event, '') ELSE '' END,
			pg_blocking_pids(pid), coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), ''),
			coalesce(datname, ''), coalesce(query, '')`+
		sessions+` AND `+since+` IS NOT NULL AND `+which+` ORDER BY `+since+`, pid LIMIT 1`, server)
	if err != nil {
		return Session{}, err
	}
	found, err := pgx.CollectRows(rows, toSession)
	if err != nil || len(found) == 0 {
		return Session{BlockedBy: []int{}}, err
	}
	return found[0], nil
}

func toSession(row pgx.CollectableRow) (Session, error) {
	var s Session
	var seconds float64
	var query string
	err := row.Scan(&s.PID, &seconds, &s.State, &s.WaitEvent, &s.BlockedBy, &s.User, &s.Application, &s.Client, &s.Database, &query)
	s.Age, s.Query = age(seconds), shorten(normalise(query))
	return s, err
}
