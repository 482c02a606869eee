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
	}
}
