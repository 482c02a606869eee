package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultFull = 85
	defaultIdle = 10 * time.Minute
	maxGroups   = 50
)

// PoolInput is the input of postgres.pool.
type PoolInput struct {
	Database             string        `json:"database" target:"postgres" doc:"The database; connections are counted for its whole server."`
	MaxPercent           int           `json:"max_percent,omitempty" doc:"From which used share on it is not ok, 1 to 100: of the server's connections, and of the limit of any role or database." default:"85"`
	MaxIdleInTransaction sops.Duration `json:"max_idle_in_transaction,omitempty" doc:"For how long a session may do nothing with a transaction open and still be ok." default:"10m"`
	Timeout              sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"5s"`
}

// Pool is the output of postgres.pool.
type Pool struct {
	Database                string        `json:"database" doc:"The database."`
	OK                      bool          `json:"ok" doc:"Everything is below its threshold."`
	Why                     []string      `json:"why" doc:"What is not; empty when ok."`
	Saturated               bool          `json:"saturated" doc:"No connection could be had. Then the figures below are zero: nobody could be asked."`
	Used                    int           `json:"used" doc:"Connections of clients, this one included."`
	Max                     int           `json:"max" doc:"Connections the server takes (max_connections)."`
	Reserved                int           `json:"reserved" doc:"Those of max that only superusers and the like can have."`
	Available               int           `json:"available" doc:"How many ordinary users can still have; 0 or more."`
	Percent                 float64       `json:"percent" doc:"Used share of what ordinary users can have, 0 to 100 or a little more."`
	Active                  int           `json:"active" doc:"Sessions that run a query."`
	Idle                    int           `json:"idle" doc:"Sessions that wait for their client."`
	IdleInTransaction       int           `json:"idle_in_transaction" doc:"Those of them with a transaction open."`
	Waiting                 int           `json:"waiting" doc:"Sessions that wait for a lock."`
	OldestIdleInTransaction sops.Duration `json:"oldest_idle_in_transaction" doc:"How long the longest of them has been doing nothing."`
	Limits                  []PoolLimit   `json:"limits" doc:"Roles and databases that have a limit of their own and use it, fullest first, at most 50."`
	By                      []PoolGroup   `json:"by" doc:"Who has the connections, most first, at most 50."`
}

// PoolLimit is a limit of a role or a database.
type PoolLimit struct {
	What    string  `json:"what" doc:"As in role app, or database docs."`
	Used    int     `json:"used" doc:"Connections it has."`
	Max     int     `json:"max" doc:"Connections it may have."`
	Percent float64 `json:"percent" doc:"Used share."`
}

// PoolGroup is the connections of one application.
type PoolGroup struct {
	Application       string `json:"application" doc:"Its application_name; empty when it gives none."`
	User              string `json:"user" doc:"Who is logged in."`
	Database          string `json:"database" doc:"To which database."`
	Sessions          int    `json:"sessions" doc:"How many connections."`
	Active            int    `json:"active" doc:"Those that run a query."`
	Idle              int    `json:"idle" doc:"Those that wait for their client."`
	IdleInTransaction int    `json:"idle_in_transaction" doc:"Those of them with a transaction open."`
}

func (a *actions) pool(ctx context.Context, in PoolInput) (Pool, error) {
	percent := cmp.Or(in.MaxPercent, defaultFull)
	if percent < 1 || percent > 100 {
		return Pool{}, action.Permanent(action.ErrInput, "postgres.pool: max_percent is %d, want 1 to 100", in.MaxPercent)
	}
	d, patience, err := a.get("postgres.pool", in.Database, in.Timeout)
	if err != nil {
		return Pool{}, err
	}
	out := Pool{Database: in.Database, Why: []string{}, Limits: []PoolLimit{}, By: []PoolGroup{}}
	conn, err := d.connect(ctx, patience)
	if errors.Is(err, errFull) { // which is what was asked for
		out.Saturated, out.Why = true, []string{err.Error()}
		return out, nil
	}
	if err != nil {
		return Pool{}, err
	}
	defer shut(ctx, conn)
	if err := d.read(ctx, conn, patience, out.count); err != nil {
		return Pool{}, err
	}
	out.judge(float64(percent), cmp.Or(in.MaxIdleInTransaction.D(), defaultIdle))
	return out, nil
}

func (p *Pool) count(ctx context.Context, tx pgx.Tx) error {
	var idle float64
	err := tx.QueryRow(ctx, `
		SELECT current_setting('max_connections')::int,
			current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
			count(*)::int, count(*) FILTER (WHERE state = 'active')::int, count(*) FILTER (WHERE state LIKE 'idle%')::int,
			count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int, count(*) FILTER (WHERE wait_event_type = 'Lock')::int,
			coalesce(extract(epoch FROM max(clock_timestamp() - state_change) FILTER (WHERE state LIKE 'idle in transaction%')), 0)::float8
		FROM pg_stat_activity WHERE `+clients,
	).Scan(&p.Max, &p.Reserved, &p.Used, &p.Active, &p.Idle, &p.IdleInTransaction, &p.Waiting, &idle)
	if err != nil {
		return err
	}
	p.OldestIdleInTransaction = age(idle)
	p.Available = max(0, p.Max-p.Reserved-p.Used)
	p.Percent = percentOf(p.Used, p.Max-p.Reserved)
	rows, err := tx.Query(ctx, `
		SELECT what, used, most, round(100.0 * used / greatest(most, 1), 2)::float8 FROM (
			SELECT 'role ' || rolname AS what, rolconnlimit AS most, (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = r.oid AND `+clients+`) AS used
			FROM pg_roles r WHERE rolconnlimit >= 0 AND NOT rolsuper
			UNION ALL
			SELECT 'database ' || datname, datconnlimit, (SELECT count(*)::int FROM pg_stat_activity WHERE datid = d.oid AND `+clients+`)
			FROM pg_database d WHERE datconnlimit >= 0) limits
		WHERE used > 0 ORDER BY 4 DESC, 1 LIMIT $1`, maxGroups)
	if err != nil {
		return err
	}
	if p.Limits, err = pgx.AppendRows(p.Limits, rows, pgx.RowToStructByPos[PoolLimit]); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `
		SELECT coalesce(application_name, ''), coalesce(usename, ''), coalesce(datname, ''), count(*)::int,
			count(*) FILTER (WHERE state = 'active')::int, count(*) FILTER (WHERE state LIKE 'idle%')::int,
			count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int
		FROM pg_stat_activity WHERE `+clients+` GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT $1`, maxGroups)
	if err != nil {
		return err
	}
	p.By, err = pgx.AppendRows(p.By, rows, pgx.RowToStructByPos[PoolGroup])
	return err
}

// judge compares with the thresholds.
func (p *Pool) judge(percent float64, idle time.Duration) {
	if p.Percent >= percent {
		p.Why = append(p.Why, fmt.Sprintf("%d of %d connections are used (%.0f %%)", p.Used, p.Max-p.Reserved, p.Percent))
	}
	for _, l := range p.Limits {
		if l.Percent >= percent {
			p.Why = append(p.Why, fmt.Sprintf("%s uses %d of its %d connections (%.0f %%)", l.What, l.Used, l.Max, l.Percent))
		}
	}
	if p.OldestIdleInTransaction.D() > idle {
		p.Why = append(p.Why, fmt.Sprintf("a session has been idle in its transaction for %s, which keeps locks and keeps vacuum from cleaning up", p.OldestIdleInTransaction))
	}
	p.OK = len(p.Why) == 0
}

// percentOf keeps two decimals; of nothing it is 0.
func percentOf[N int | int64](part, whole N) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*10000) / 100
}
