package postgres

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// BenchmarkRestore restores a backup into a new database in every way, by turns, from the same S3 server.
func BenchmarkRestore(b *testing.B) {
	dsn := testenv.Postgres(b)
	fillForBench(b, dsn)
	v := setupBackup(b, dsn, nil)
	one, err := v.a.backup(b.Context(), BackupInput{Database: "db"})
	require.NoError(b, err)
	many, err := v.a.backup(b.Context(), BackupInput{Database: "db", Jobs: benchTables})
	require.NoError(b, err)
	d, err := v.a.databases.Get("db")
	require.NoError(b, err)
	hand := handOf(b, v, d)
	dir := b.TempDir()
	byHand := func(line string) func(testing.TB) {
		return hand("cd " + dir + " && " + strings.ReplaceAll(line, "restored", d.settings.Database+"_hand") + " && rm -rf dump")
	}
	orderly := func(key string, jobs int) func(testing.TB) {
		return func(t testing.TB) {
			out, err := v.a.restore(t.Context(), RestoreInput{Database: "db", Backup: key, Jobs: jobs})
			require.NoError(t, err)
			t.Logf("  of which %.2f s restoring, the rest comparing", out.RestoreSeconds)
		}
	}
	toDisk := "mkdir -p dump && " + strings.Replace(strings.TrimPrefix(one.Restore, "createdb -T template0 restored && "),
		"pg_restore --exit-on-error --dbname=restored", "cat >dump/archive", 1) +
		" && createdb -T template0 restored && pg_restore --exit-on-error --jobs=" + strconv.Itoa(benchTables) + " --dbname=restored dump/archive"
	takeTurns(b, []way{
		{"hand", byHand(one.Restore)},
		{"orderly", orderly(one.Key, 1)},
		{"hand-parallel", byHand(toDisk)},
		{"orderly-parallel", orderly(one.Key, benchTables)},
		{"hand-directory", byHand(many.Restore)},
		{"orderly-directory", orderly(many.Key, benchTables)},
	}, v.dropRestored, [][2]string{{"orderly", "hand"}, {"orderly-parallel", "hand-parallel"}, {"orderly-directory", "hand-directory"}})
	v.dropRestored(b)
}

// dropRestored removes every database that was restored beside a vault's own.
func (v vault) dropRestored(b testing.TB) {
	b.Helper()
	conn := session(b, v.dsn)
	rows, err := conn.Query(b.Context(), "SELECT datname FROM pg_database WHERE datname LIKE current_database() || '\\_%'")
	require.NoError(b, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b, err)
	for _, name := range names {
		_, err := conn.Exec(context.WithoutCancel(b.Context()), "DROP DATABASE "+pgx.Identifier{name}.Sanitize())
		require.NoError(b, err)
	}
}
