package backups

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// counted takes a census of a database.
func counted(t *testing.T, conn *pgx.Conn, checksums bool) []Table {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	tables, err := TakeCensus(t.Context(), tx, checksums)
	require.NoError(t, err)
	return tables
}

func TestCensus(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), testenv.Postgres(t))
	require.NoError(t, err)
	defer conn.Close(context.Background())
	run := func(statements ...string) {
		for _, s := range statements {
			_, err := conn.Exec(t.Context(), s)
			require.NoError(t, err, s)
		}
	}
	run(`CREATE TABLE t (id int, "whole row" text, t timestamptz, f float8)`,
		`INSERT INTO t VALUES (1, 'a', '2026-01-01 00:00+00', 0.1), (2, NULL, NULL, 'NaN'), (3, '', '-infinity', 1e300)`,
		`CREATE VIEW v AS SELECT 1`, `CREATE TEMPORARY TABLE gone (id int)`, `CREATE TABLE none (id int)`)
	plain := counted(t, conn, false)
	require.Equal(t, []Table{{Schema: "public", Name: "none"}, {Schema: "public", Name: "t", Rows: 3}}, plain)
	sums := counted(t, conn, true)
	require.Equal(t, "0", sums[0].Checksum)
	require.NotEmpty(t, sums[1].Checksum)

	t.Run("DoesNotDependOnOrderOrSettings", func(t *testing.T) {
		run(`CREATE TABLE other AS SELECT * FROM t ORDER BY id DESC`, `DELETE FROM t`, `INSERT INTO t SELECT * FROM other`, `DROP TABLE other`,
			`SET timezone = 'Asia/Tokyo'`, `SET datestyle = 'German'`, `SET extra_float_digits = -5`)
		require.Equal(t, sums, counted(t, conn, true))
	})
	t.Run("SeesEveryChange", func(t *testing.T) {
		for _, change := range []string{`UPDATE t SET f = 0.1000000000000001 WHERE id = 1`, `UPDATE t SET "whole row" = '' WHERE id = 2`} {
			before := counted(t, conn, true)
			run(change)
			require.NotEqual(t, before, counted(t, conn, true), change)
		}
	})
	t.Run("DoesNotTakeHiddenRowsForNone", func(t *testing.T) {
		run(`CREATE ROLE census_reader`, `ALTER TABLE t ENABLE ROW LEVEL SECURITY`, `GRANT SELECT ON t, none TO census_reader`, `SET ROLE census_reader`)
		defer run(`RESET ROLE`, `REVOKE ALL ON t, none FROM census_reader`, `DROP ROLE census_reader`)
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(context.Background()) }()
		_, err = TakeCensus(t.Context(), tx, false)
		require.ErrorContains(t, err, "row-level security")
		require.NoError(t, tx.Rollback(t.Context()))
	})
}
