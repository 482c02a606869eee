package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/internal/backups"
)

// lookWithin bounds the questions before a backup.
const lookWithin = 30 * time.Second

// standing is what a server says before a backup.
type standing struct {
	version, database, lsn string
	major                  int
	size                   int64 // of the database, in bytes
}

// look asks what a backup has to know beforehand. The log's position is read before the snapshot is taken:
// everything up to it is in the backup.
func (b *backup) look(ctx context.Context, conn *pgx.Conn) (s standing, err error) {
	err = b.db.read(ctx, conn, lookWithin, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000, current_database(),
				(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text,
				pg_database_size(current_database())`,
		).Scan(&s.version, &s.major, &s.database, &s.lsn, &s.size)
	})
	return s, err
}

// unbounded lets a transaction stay open as long as a dump takes, whatever the server's own limits are.
const unbounded = `SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN
	('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', 'lock_timeout')`

// inSnapshot runs use in a transaction whose snapshot others can share by its id, and which lasts until use
// returns.
func (b *backup) inSnapshot(ctx context.Context, conn *pgx.Conn, use func(context.Context, pgx.Tx, backups.Snapshot) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return b.db.failed("begin", lookWithin, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // it has changed nothing
	}()
	var s backups.Snapshot
	if _, err := tx.Exec(ctx, unbounded); err != nil {
		return b.db.failed("prepare the snapshot", lookWithin, err)
	}
	if err := tx.QueryRow(ctx, "SELECT pg_export_snapshot(), now()").Scan(&s.ID, &s.Taken); err != nil {
		return b.db.failed("export the snapshot", lookWithin, err)
	}
	s.Taken = s.Taken.UTC()
	return use(ctx, tx, s)
}
