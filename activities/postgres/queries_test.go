package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// busy starts a statement in a session of its own and waits until it runs.
func busy(t testing.TB, watcher *pgx.Conn, dsn, statement string) *pgx.Conn {
	t.Helper()
	conn := session(t, dsn)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = conn.Exec(ctx, statement)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	pid := conn.PgConn().PID()
	require.Eventually(t, func() bool {
		return one[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query_start < clock_timestamp() - interval '20 ms')", pid)
	}, 2*time.Minute, 10*time.Millisecond)
	return conn
}

func pids(victims []Victim) (out []int) {
	for _, v := range victims {
		out = append(out, v.PID)
	}
	return out
}

const tiny = sops.Duration(10 * time.Millisecond)

func TestLongQueriesTellWhoMayBeEnded(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	_, ordinary := role(t, conn, dsn)
	long := busy(t, conn, ordinary+"&application_name=billing", "SELECT pg_sleep(600), 'top-secret-literal'")
	backup := busy(t, conn, ordinary+"&application_name=pg_dump", "SELECT pg_sleep(600)")
	own := busy(t, conn, ordinary+"&application_name=orderly", "SELECT pg_sleep(600)")
	super := busy(t, conn, dsn, "SELECT pg_sleep(600)")
	open := session(t, ordinary)
	run(t, open, "BEGIN", "SELECT 1")
	a := setup(t, dsn)

	out, err := a.longQueries(t.Context(), LongQueriesInput{Database: "db", LongerThan: tiny})
	require.NoError(t, err)
	require.Equal(t, 4, out.Count)
	require.Equal(t, 3, out.Protected)
	require.Equal(t, []int{int(long.PgConn().PID())}, pids(out.Terminable))
	why := map[int]string{}
	for _, s := range out.Sessions {
		why[s.PID] = s.Why
	}
	require.Equal(t, map[int]string{
		int(long.PgConn().PID()): "", int(backup.PgConn().PID()): "it is a backup or a restore",
		int(own.PgConn().PID()): "it is Orderly's own", int(super.PgConn().PID()): "it is a superuser's",
	}, why)
	require.Equal(t, "SELECT pg_sleep(?), ?", out.Sessions[0].Query)
	testenv.AssertNoSecret(t, "top-secret-literal", out)

	out, err = a.longQueries(t.Context(), LongQueriesInput{Database: "db", LongerThan: tiny, IdleInTransaction: true, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, 5, out.Count)
	require.Len(t, out.Sessions, 2)

	out, err = a.longQueries(t.Context(), LongQueriesInput{Database: "db"})
	require.NoError(t, err)
	require.Zero(t, out.Count, "nothing runs for five minutes yet")
	require.NotNil(t, out.Sessions)

	out, err = setup(t, ordinary).longQueries(t.Context(), LongQueriesInput{Database: "db", LongerThan: tiny})
	require.NoError(t, err)
	require.Positive(t, out.Hidden, "a superuser's sessions can't be seen by an ordinary user")
}

func TestTerminateCancelsFirstAndEndsWhatThatDoesNotHelp(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	_, ordinary := role(t, conn, dsn)
	obedient := busy(t, conn, ordinary, "SELECT pg_sleep(600)")
	// It catches its own cancellation and goes on.
	deaf := busy(t, conn, ordinary, `DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$`)
	idle := session(t, ordinary)
	run(t, idle, "BEGIN", "SELECT 1")
	a := setup(t, dsn)
	list, err := a.longQueries(t.Context(), LongQueriesInput{Database: "db", LongerThan: tiny, IdleInTransaction: true})
	require.NoError(t, err)
	require.Len(t, list.Terminable, 3)
	in := TerminateInput{Database: "db", Sessions: list.Terminable, Grace: sops.Duration(300 * time.Millisecond)}

	_, err = a.terminate(t.Context(), in)
	testenv.RequirePermanent(t, err, action.ErrDenied)
	require.ErrorContains(t, err, "nobody approved")

	in.DryRun = true
	out, err := a.terminate(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{statusPlanned, statusPlanned, statusPlanned}, statuses(out))

	in.DryRun, in.Approved, in.CancelOnly = false, true, true
	out, err = a.terminate(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 1, out.Cancelled)
	require.Equal(t, 2, out.Left)
	require.Eventually(t, func() bool { return obedient.Ping(t.Context()) == nil }, 2*time.Minute, 10*time.Millisecond, "its session lives")

	in.CancelOnly = false
	out, err = a.terminate(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 1, out.Gone, "what was cancelled before")
	require.Equal(t, 2, out.Terminated)
	require.Zero(t, one[int](t, conn, "SELECT count(*)::int FROM pg_stat_activity WHERE pid = ANY ($1)", []int{int(deaf.PgConn().PID()), int(idle.PgConn().PID())}))
}

func statuses(out Terminate) (all []string) {
	for _, s := range out.Sessions {
		all = append(all, s.Status)
	}
	return all
}

func TestTerminateHitsNobodyElse(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	_, ordinary := role(t, conn, dsn)
	meant, super := session(t, ordinary), session(t, dsn)
	// who names a session as it is now.
	who := func(c *pgx.Conn) (v Victim) {
		v.PID = int(c.PgConn().PID())
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT backend_start, query_start FROM pg_stat_activity WHERE pid = $1", v.PID).Scan(&v.BackendStart, &v.QueryStart))
		return v
	}
	run(t, meant, "SELECT 1")
	run(t, super, "SELECT 1")
	reused := who(meant)
	reused.BackendStart = reused.BackendStart.Add(-time.Microsecond)
	wentOn := who(meant)
	run(t, meant, "SELECT 2")
	out, err := setup(t, dsn).terminate(t.Context(), TerminateInput{Database: "db", Approved: true, Sessions: []Victim{reused, wentOn, who(super), {PID: 1}}})
	require.NoError(t, err)
	require.Equal(t, []string{statusGone, statusGone, statusRefused, statusGone}, statuses(out))
	require.NoError(t, meant.Ping(t.Context()))
	require.NoError(t, super.Ping(t.Context()))

	// An idle session that is meant as it is goes.
	whole := who(meant)
	whole.QueryStart = nil
	out, err = setup(t, dsn).terminate(t.Context(), TerminateInput{Database: "db", Approved: true, Sessions: []Victim{whole}})
	require.NoError(t, err)
	require.Equal(t, []string{statusTerminated}, statuses(out))
}

func TestTerminateByAUserWhoMayNotSaysSo(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	_, ordinary := role(t, conn, dsn)
	other := one[string](t, conn, "SELECT 'o_' || current_database()")
	run(t, conn, "CREATE ROLE "+other, "GRANT pg_read_all_stats TO "+one[string](t, conn, "SELECT 'r_' || current_database()"))
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), dsn)
		require.NoError(t, err)
		defer c.Close(context.Background())
		_, err = c.Exec(context.Background(), "DROP ROLE "+other)
		require.NoError(t, err)
	})
	run(t, conn, "ALTER ROLE "+other+" LOGIN PASSWORD 'of-that-other'")
	target := busy(t, conn, as(t, dsn, other, "of-that-other"), "SELECT pg_sleep(600)")
	list, err := setup(t, ordinary).longQueries(t.Context(), LongQueriesInput{Database: "db", LongerThan: tiny})
	require.NoError(t, err)
	require.Equal(t, []int{int(target.PgConn().PID())}, pids(list.Terminable))
	out, err := setup(t, ordinary).terminate(t.Context(), TerminateInput{Database: "db", Approved: true, Sessions: list.Terminable})
	require.NoError(t, err)
	require.Equal(t, 1, out.Left)
	require.Contains(t, out.Sessions[0].Reason, "pg_signal_backend")
}

func TestPoolTellsHowFullAServerIs(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	user, ordinary := role(t, conn, dsn)
	open := session(t, ordinary+"&application_name=billing")
	run(t, open, "BEGIN", "SELECT 1")
	a := setup(t, dsn)
	out, err := a.pool(t.Context(), PoolInput{Database: "db"})
	require.NoError(t, err)
	require.True(t, out.OK, out.Why)
	require.Equal(t, 300, out.Max)
	require.GreaterOrEqual(t, out.Used, 3)
	require.Equal(t, out.Max-out.Reserved-out.Used, out.Available)
	require.Contains(t, out.By, PoolGroup{Application: "billing", User: user, Database: one[string](t, conn, "SELECT current_database()"), Sessions: 1, Idle: 1, IdleInTransaction: 1})

	run(t, conn, "ALTER ROLE "+user+" CONNECTION LIMIT 1")
	out, err = a.pool(t.Context(), PoolInput{Database: "db", MaxIdleInTransaction: 1})
	require.NoError(t, err)
	require.False(t, out.OK)
	require.Contains(t, out.Limits, PoolLimit{What: "role " + user, Used: 1, Max: 1, Percent: 100})
	require.Contains(t, out.Why, "role "+user+" uses 1 of its 1 connections (100 %)")
	require.Len(t, out.Why, 2)

	full, err := setup(t, ordinary).pool(t.Context(), PoolInput{Database: "db"})
	require.NoError(t, err, "a full server is an answer")
	require.True(t, full.Saturated)
	require.False(t, full.OK)
	require.Contains(t, full.Why[0], "every connection is taken")
	testenv.AssertNoSecret(t, "of-that-role", full)
}
