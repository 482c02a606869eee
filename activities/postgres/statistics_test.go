package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func TestStatisticsTellWhereADatabaseStands(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	settled(t, dsn, "CREATE TABLE tidy AS SELECT n, repeat('x', 200) AS v FROM generate_series(1, 20000) n", "CREATE INDEX ON tidy (n)",
		"CREATE TABLE holey WITH (autovacuum_enabled = off) AS SELECT n, repeat('x', 200) AS v FROM generate_series(1, 10000) n",
		"DELETE FROM holey WHERE n % 10 <> 0", "CREATE TABLE unseen (a int)")
	settled(t, dsn, "VACUUM (ANALYZE, TRUNCATE false) holey", "ANALYZE tidy")
	out, err := setup(t, dsn).statistics(t.Context(), StatisticsInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, 3, out.TableCount)
	require.Greater(t, out.Size, int64(5<<20))
	require.InDelta(t, 21000, out.Rows, 500)
	require.Equal(t, "public.tidy", out.Tables[0].Table)
	require.Positive(t, out.Tables[0].IndexBytes)
	require.True(t, out.Tables[0].Estimated)
	require.Less(t, out.Tables[0].BloatPercent, 10.0)
	require.Equal(t, "public.holey", out.Tables[1].Table)
	require.InDelta(t, 90, out.Tables[1].BloatPercent, 10)
	require.NotNil(t, out.Tables[1].LastVacuum)
	require.False(t, out.Tables[2].Estimated)
	require.InDelta(t, out.Tables[1].Bloat, out.Bloat, float64(out.Tables[0].Bloat+1))
	require.Positive(t, out.CacheHitPercent)
	require.Positive(t, out.Commits)
	require.False(t, out.Statements.Available)
	require.Contains(t, out.Statements.Why, "CREATE EXTENSION")
	require.Contains(t, out.Text, "db is ")

	_, err = setup(t, dsn).statistics(t.Context(), StatisticsInput{Database: "db", Top: 1000})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

// settled runs statements in a session that ends then: only so the statistics are sure to know of them
// before others do something.
func settled(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	conn := session(t, dsn)
	run(t, conn, statements...)
	pid := conn.PgConn().PID()
	require.NoError(t, conn.Close(t.Context()))
	watcher := session(t, dsn)
	require.Eventually(t, func() bool {
		return !one[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid)
	}, 2*time.Minute, 10*time.Millisecond)
}

func TestStatisticsDoNotWaitForALockedTable(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn, holder := session(t, dsn), session(t, dsn)
	run(t, conn, "CREATE TABLE locked AS SELECT n FROM generate_series(1, 10000) n", "CREATE INDEX away ON locked (n)", "VACUUM ANALYZE locked")
	run(t, holder, "BEGIN", "LOCK TABLE locked")
	a := setup(t, dsn)
	out, err := a.statistics(t.Context(), StatisticsInput{Database: "db", Timeout: sops.Duration(2 * time.Second)})
	require.NoError(t, err)
	require.True(t, out.Tables[0].Locked)
	require.Positive(t, out.Tables[0].Bytes)
	_, err = a.indexAdvice(t.Context(), IndexAdviceInput{Database: "db", Timeout: sops.Duration(2 * time.Second)})
	require.NoError(t, err)
}

func TestStatisticsTellTheDearestStatements(t *testing.T) {
	t.Parallel()
	own := testenv.OwnPostgres(t, 0)
	before := session(t, own.DSN())
	run(t, before, "CREATE SCHEMA ext", "CREATE EXTENSION pg_stat_statements SCHEMA ext")
	a := setup(t, own.DSN())
	out, err := a.statistics(t.Context(), StatisticsInput{Database: "db"})
	require.NoError(t, err)
	require.False(t, out.Statements.Available)
	require.Contains(t, out.Statements.Why, "shared_preload_libraries")

	run(t, before, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
	require.NoError(t, own.Restart(t.Context()))
	conn := session(t, own.DSN())
	run(t, conn, "SELECT pg_sleep(0.2), 'top-secret-literal'")
	out, err = a.statistics(t.Context(), StatisticsInput{Database: "db"})
	require.NoError(t, err)
	require.True(t, out.Statements.Available, out.Statements.Why)
	require.Equal(t, "SELECT pg_sleep($1), $2", out.Statements.Top[0].Query)
	require.Equal(t, "orderly", out.Statements.Top[0].User)
	require.EqualValues(t, 1, out.Statements.Top[0].Calls)
	require.Greater(t, out.Statements.Top[0].TotalMS, 190.0)
	testenv.AssertNoSecret(t, "top-secret-literal", out)
}
