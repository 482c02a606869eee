package postgres

import (
	"time"

	"github.com/orderly-ops/orderly/activities/action"
)

// care declares the actions that keep a database in good shape. Maintenance is tried often enough to
// outlast a restart of the server, some two minutes.
func (a *actions) care(closed action.Option) []action.Definition {
	const restart = 8
	return []action.Definition{
		action.Define("postgres.vacuum",
			"Vacuums and analyzes a database table by table, those in most need first. A table that somebody has locked is skipped and told, a later attempt goes on where the last one ended, and a cancelled one is gone from the server.",
			a.vacuum, closed, action.Destructive(), action.Timeout(45*time.Minute), action.Heartbeat(30*time.Second), action.Attempts(restart)),
		action.Define("postgres.reindex",
			"Builds indexes anew while they stay in use: those named, those invalid, those mostly empty. What cancelled work leaves behind is dropped.",
			a.reindex, closed, action.Destructive(), action.Timeout(45*time.Minute), action.Heartbeat(30*time.Second), action.Attempts(restart)),
		action.Define("postgres.statistics",
			"What PostgreSQL knows of a database: sizes, dead rows, estimated bloat, when tables were vacuumed and analyzed, how much is read from the cache, and the dearest statements. Nothing is reset.",
			a.statistics, closed, action.Timeout(3*time.Minute)),
		action.Define("postgres.index-advice",
			"Which indexes are unused, superfluous, invalid or bloated, and which foreign keys have none, each with the SQL that a person would run and what to look at before.",
			a.indexAdvice, closed, action.Timeout(3*time.Minute)),
		action.Define("postgres.long-queries",
			"Queries that have been running for long, and on request transactions that stay open while nothing runs. Literals in queries are not shown.",
			a.longQueries, closed, action.Timeout(3*time.Minute)),
		action.Define("postgres.terminate",
			"Ends sessions that somebody approved: cancels their query, and terminates the session where that does not help. Superusers' sessions, replication, backups and Orderly's own are left alone.",
			a.terminate, closed, action.Destructive(), action.Timeout(3*time.Minute), action.Heartbeat(30*time.Second)),
		action.Define("postgres.pool",
			"How full a PostgreSQL server's connections are, and who has them. A server that has none left is an answer here, not an error.",
			a.pool, closed, action.Timeout(3*time.Minute)),
	}
}
