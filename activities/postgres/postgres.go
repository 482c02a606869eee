// Package postgres looks at PostgreSQL databases and takes care of them. An action that looks opens one
// connection, reads in one read-only transaction and closes it again, all bounded in time: a database in
// trouble is exactly when connections are dear and answers late. One that maintains has two: one works,
// the other watches it and sees it gone.
package postgres

import (
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultPatience = 5 * time.Second
	maxPatience     = time.Minute
)

// Actions declares the actions of this package for the databases of orderly.yaml. Without any they can
// be described, not run.
func Actions(targets config.Targets) []action.Definition {
	a := &actions{
		databases: action.NewClients("postgres", targets.Postgres, openDatabase, (*database).close),
		stores:    action.NewClients("s3", targets.S3, openStore, nil),
	}
	closed := action.ClosedBy(a.databases.Close)
	return slices.Concat(a.care(closed), a.restoring(closed), []action.Definition{
		action.Define("postgres.backup",
			"Keeps a dump of a PostgreSQL database in a bucket, by the stock pg_dump, streamed there without touching a disk, with a manifest of what it holds and, where the bucket says so, encrypted. "+
				"Whatever goes wrong, nothing half-finished stays. Several at the same time are well: each has its own key.",
			a.backup, closed, action.Timeout(6*time.Hour), action.Heartbeat(30*time.Second)),
		action.Define("postgres.ping",
			"How a PostgreSQL database stands: answer time, version, connections, size and replication.",
			a.ping, closed, action.Timeout(3*time.Minute)),
		action.Define("postgres.activity",
			"What a PostgreSQL database is doing: sessions by state, who waits for a lock, the longest query and transaction. Literals in queries are not shown.",
			a.activity, closed, action.Timeout(3*time.Minute)),
	})
}

// actions holds the databases that the actions read.
type actions struct {
	databases *action.Clients[config.Postgres, *database]
	stores    *action.Clients[config.S3, *backups.Store] // where backups are kept
}

// database is a target: how to connect to it, and its name and place for messages.
type database struct {
	name, place string
	settings    *pgx.ConnConfig
	target      config.Postgres
}

func (*database) close() error { return nil } // connections live as long as one call

// get finds a target and checks how long it may take.
func (a *actions) get(doing, name string, timeout sops.Duration) (*database, time.Duration, error) {
	patience := timeout.D()
	if patience == 0 {
		patience = defaultPatience
	}
	if patience > maxPatience {
		return nil, 0, action.Permanent(action.ErrInput, "%s: timeout %s is more than %s", doing, timeout, maxPatience)
	}
	d, err := a.databases.Get(name)
	return d, patience, err
}

// milliseconds keeps three decimals, a microsecond.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// age makes a duration of the seconds that PostgreSQL tells, which its clock may take below zero.
func age(seconds float64) sops.Duration {
	return sops.Duration(max(0, time.Duration(seconds*float64(time.Second)).Truncate(time.Millisecond)))
}
