package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// run executes statements one by one, as VACUUM and the like want it.
func run(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := conn.Exec(t.Context(), s)
		require.NoError(t, err, s)
	}
}

// one reads one value.
func one[T any](t testing.TB, conn *pgx.Conn, query string, args ...any) (value T) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&value), query)
	return value
}

// filled makes tables of 1,000 rows with so many of them dead, in the statistics too.
func filled(t testing.TB, conn *pgx.Conn, dead map[string]int) {
	t.Helper()
	for name, n := range dead {
		run(t, conn, `CREATE TABLE `+name+` (id int PRIMARY KEY, v text) WITH (autovacuum_enabled = off)`,
			`INSERT INTO `+name+` SELECT n, repeat('x', 100) FROM generate_series(1, 1000) AS n`,
			`ANALYZE `+name,
			fmt.Sprintf(`DELETE FROM %s WHERE id > 1000 - %d`, name, n))
	}
	require.Eventually(t, func() bool {
		for name, n := range dead {
			if one[int](t, conn, "SELECT pg_stat_get_dead_tuples($1::regclass::oid)::int", name) != n {
				return false
			}
		}
		return true
	}, 2*time.Minute, 20*time.Millisecond)
}

// slowly has every VACUUM of the database take long.
func slowly(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	db := one[string](t, conn, "SELECT current_database()")
	run(t, conn, "ALTER DATABASE "+db+" SET vacuum_cost_delay = '100ms'", "ALTER DATABASE "+db+" SET vacuum_cost_limit = 1")
}

// vacuuming waits until a table is being vacuumed and gives the session that does it.
func vacuuming(t testing.TB, conn *pgx.Conn) (pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return conn.QueryRow(t.Context(), "SELECT pid FROM pg_stat_progress_vacuum WHERE datname = current_database()").Scan(&pid) == nil
	}, 2*time.Minute, 10*time.Millisecond)
	return pid
}

func TestVacuumWorksTheTablesInMostNeedFirst(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	filled(t, conn, map[string]int{"few": 10, `"Many Rows"`: 900, "fair": 400})
	run(t, conn, "CREATE TABLE parted (id int) PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10)",
		"INSERT INTO parted SELECT 1")
	a := setup(t, dsn)

	plan, err := a.vacuum(t.Context(), VacuumInput{Database: "db", DryRun: true})
	require.NoError(t, err)
	require.True(t, plan.DryRun)
	require.Equal(t, []string{`public."Many Rows"`, "public.fair", "public.few", "public.part", "public.parted"}, tablesOf(plan))
	require.Equal(t, statusPlanned, plan.Tables[0].Status)
	require.Equal(t, 900, one[int](t, conn, `SELECT pg_stat_get_dead_tuples('"Many Rows"'::regclass::oid)::int`), "a dry run changes nothing")

	out, err := a.vacuum(t.Context(), VacuumInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, 5, out.Done)
	require.Zero(t, out.Skipped)
	require.Equal(t, tablesOf(plan), tablesOf(out))
	require.EqualValues(t, 1310, out.DeadBefore)
	require.Zero(t, out.DeadAfter)
	require.Positive(t, out.Recovered, "the empty end of a table is given back")
	require.Equal(t, out.BytesBefore-out.BytesAfter, out.Recovered)
	require.EqualValues(t, 100, one[float64](t, conn, `SELECT reltuples FROM pg_class WHERE relname = 'Many Rows'`))
	require.EqualValues(t, 1, one[int](t, conn, `SELECT count(*)::int FROM pg_stats WHERE tablename = 'parted'`), "partitioned parents are analyzed")
}

func tablesOf(v Vacuum) []string {
	var out []string
	for _, one := range v.Tables {
		out = append(out, one.Table)
	}
	return out
}

func TestVacuumOfChosenTables(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	run(t, conn, "CREATE SCHEMA app", "CREATE TABLE app.one ()", "CREATE TABLE app.two ()", "CREATE TABLE three ()")
	a := setup(t, dsn)
	for name, c := range map[string]struct {
		in   VacuumInput
		want []string
	}{
		"InTheOrderGiven": {VacuumInput{Tables: []string{"three", "app.*"}}, []string{"public.three", "app.one", "app.two"}},
		"LessSome":        {VacuumInput{Exclude: []string{"app.*"}}, []string{"public.three"}},
		"NoneMatches":     {VacuumInput{Tables: []string{"no*"}}, nil},
	} {
		c.in.Database, c.in.DryRun = "db", true
		out, err := a.vacuum(t.Context(), c.in)
		require.NoError(t, err, name)
		require.Equal(t, c.want, tablesOf(out), name)
	}
	_, err := a.vacuum(t.Context(), VacuumInput{Database: "db", Tables: []string{"app.tow"}})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	require.ErrorContains(t, err, `did you mean "app.two"?`)
	for _, in := range []VacuumInput{{Tables: []string{"["}}, {LockTimeout: sops.Duration(time.Hour)}, {TableTimeout: sops.Duration(-1)}} {
		in.Database = "db"
		_, err := a.vacuum(t.Context(), in)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}

func TestVacuumSkipsWhatSomebodyHasLockedAndSaysSo(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	filled(t, conn, map[string]int{"locked": 500, "open": 100})
	holder := session(t, dsn+"&application_name=billing")
	run(t, holder, "BEGIN", "LOCK TABLE locked")
	out, err := setup(t, dsn).vacuum(t.Context(), VacuumInput{Database: "db", LockTimeout: sops.Duration(50 * time.Millisecond)})
	require.NoError(t, err)
	require.Equal(t, 1, out.Done)
	require.Equal(t, 1, out.Skipped)
	require.Equal(t, "public.locked", out.Tables[0].Table)
	require.Equal(t, statusSkipped, out.Tables[0].Status)
	require.Regexp(t, `^locked by session \d+ \(billing, AccessExclusiveLock\)$`, out.Tables[0].Reason)
	require.Equal(t, statusDone, out.Tables[1].Status)
}

func TestVacuumSkipsWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	filled(t, conn, map[string]int{"large": 500})
	slowly(t, conn)
	out, err := setup(t, dsn).vacuum(t.Context(), VacuumInput{Database: "db", TableTimeout: sops.Duration(300 * time.Millisecond)})
	require.NoError(t, err)
	require.Equal(t, 1, out.Skipped)
	require.Equal(t, "took longer than 300ms", out.Tables[0].Reason)
}

func TestVacuumLeavesTheRestWhenItsBudgetIsSpent(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	run(t, session(t, dsn), "CREATE TABLE one ()", "CREATE TABLE two ()")
	out, err := setup(t, dsn).vacuum(t.Context(), VacuumInput{Database: "db", Budget: 1})
	require.NoError(t, err)
	require.Equal(t, 2, out.Left)
	require.Equal(t, statusLeft, out.Tables[0].Status)
}

func TestVacuumLeavesWhatIsMoreThanOneStepTakes(t *testing.T) {
	t.Parallel()
	tables := make([]piece, maxPieces+2)
	tables[maxPieces].Name = "in least need but one"
	now, rest := portion(tables)
	require.Len(t, now, maxPieces)
	require.Len(t, rest, 2)
	require.Equal(t, "in least need but one", rest[0].Name)
	var out Vacuum
	out.sum(&worklog{}, rest)
	require.Equal(t, 2, out.Left)
	require.Contains(t, out.Tables[0].Reason, "one step takes 10000 tables")
	now, rest = portion(tables[:maxPieces])
	require.Len(t, now, maxPieces)
	require.Empty(t, rest)
}

func TestVacuumSkipsTablesOfOthers(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	user, at := role(t, conn, dsn)
	run(t, conn, "CREATE TABLE theirs ()", "CREATE TABLE own ()", "ALTER TABLE own OWNER TO "+user)
	out, err := setup(t, at).vacuum(t.Context(), VacuumInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, 1, out.Done)
	require.Equal(t, "public.theirs", out.Tables[0].Table)
	require.Contains(t, out.Tables[0].Reason, "owner")
}

// role makes an ordinary user of a test's database and the DSN to be it.
func role(t testing.TB, conn *pgx.Conn, dsn string) (name, at string) {
	t.Helper()
	name = one[string](t, conn, "SELECT 'r_' || current_database()")
	run(t, conn, "CREATE ROLE "+name+" LOGIN PASSWORD 'of-that-role'")
	t.Cleanup(func() { // after the sessions have gone, before the database does
		ctx := context.Background()
		c, err := pgx.Connect(ctx, dsn)
		require.NoError(t, err)
		defer c.Close(ctx)
		_, err = c.Exec(ctx, "DROP OWNED BY "+name+" CASCADE")
		require.NoError(t, err)
		_, err = c.Exec(ctx, "DROP ROLE "+name)
		require.NoError(t, err)
	})
	return name, as(t, dsn, name, "of-that-role")
}

// as is a DSN for another user.
func as(t testing.TB, dsn, user, password string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

func TestCancelledVacuumIsGoneFromTheServer(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	filled(t, conn, map[string]int{"large": 500})
	slowly(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	a := setup(t, dsn)
	go func() {
		_, err := a.vacuum(ctx, VacuumInput{Database: "db"})
		ended <- err
	}()
	worker := vacuuming(t, conn)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Zero(t, one[int](t, conn, "SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1", worker), "it is gone when the action returns")
}

func TestVacuumGoesOnWhereADeadWorkerEnded(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	filled(t, conn, map[string]int{"first": 500, "second": 100})
	done := one[uint32](t, conn, "SELECT 'first'::regclass::oid")
	orphan := session(t, dsn)
	var old backend
	require.NoError(t, orphan.QueryRow(t.Context(), "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").Scan(&old.PID, &old.Since))

	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := setup(t, dsn)
	env.RegisterActivity(a.vacuum)
	env.SetHeartbeatDetails(worklog{Begun: time.Now(), Session: old, Worked: []uint32{done}, Done: 1,
		Pieces: []piece{{OID: done, Name: "public.first", Status: statusDone}}, Before: extent{Bytes: 10}, After: extent{Bytes: 4}})
	var last atomic.Value
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var m worklog
		if details.Get(&m) == nil {
			last.Store(m)
		}
	})
	value, err := env.ExecuteActivity(a.vacuum, VacuumInput{Database: "db"})
	require.NoError(t, err)
	var out Vacuum
	require.NoError(t, value.Get(&out))
	require.Equal(t, 2, out.Done)
	require.Equal(t, 1, out.Earlier)
	require.Equal(t, 500, one[int](t, conn, "SELECT pg_stat_get_dead_tuples('first'::regclass::oid)::int"), "it was not done again")
	require.Zero(t, one[int](t, conn, "SELECT pg_stat_get_dead_tuples('second'::regclass::oid)::int"))
	require.Error(t, orphan.Ping(t.Context()), "the dead worker's session was ended")
	beat := last.Load().(worklog)
	require.Equal(t, []uint32{done}, beat.Worked, "what is done is in the first heartbeat already")
	require.NotEqual(t, old.PID, beat.Session.PID)
}

func TestServerThatGoesAwayDuringVacuumIsTriedAgain(t *testing.T) {
	t.Parallel()
	own := testenv.OwnPostgres(t, 0)
	for name, c := range map[string]struct {
		end  func(worker int) error
		says string
	}{
		// A process that is killed makes the server end all others and recover.
		"Crash":   {func(worker int) error { return syscall.Kill(worker, syscall.SIGKILL) }, "the connection broke"},
		"Restart": {func(int) error { return own.Restart(t.Context()) }, "the server ended the session: terminating connection due to administrator command"},
	} {
		conn := session(t, own.DSN())
		run(t, conn, "DROP TABLE IF EXISTS large")
		filled(t, conn, map[string]int{"large": 500})
		slowly(t, conn)
		a := setup(t, own.DSN())
		ended := make(chan error, 1)
		go func() {
			_, err := a.vacuum(t.Context(), VacuumInput{Database: "db"})
			ended <- err
		}()
		require.NoError(t, c.end(vacuuming(t, conn)), name)
		err := <-ended
		testenv.RequireTransient(t, err)
		require.ErrorContains(t, err, "vacuum-analyze public.large (0 done): "+c.says, name)

		again := recovered(t, own.DSN())
		run(t, again, "ALTER DATABASE postgres RESET ALL")
		out, err := a.vacuum(t.Context(), VacuumInput{Database: "db"})
		require.NoError(t, err, name)
		require.Equal(t, 1, out.Done, name)
	}
}

// recovered opens a session as soon as a server takes any again.
func recovered(t testing.TB, dsn string) (conn *pgx.Conn) {
	t.Helper()
	require.Eventually(t, func() (ok bool) {
		var err error
		conn, err = pgx.Connect(t.Context(), dsn)
		return err == nil
	}, 2*time.Minute, 50*time.Millisecond)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestVacuumTellsOfAFullDiskAndOfTablesThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ code, says string }{
		"FullDisk": {"53100", "the server's disk is full: no room (SQLSTATE 53100); free space there"},
		"Failure":  {"22012", "vacuum-analyze: 1 done, 0 skipped, 1 failed: public.ill: no room (SQLSTATE 22012)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := testenv.Postgres(t)
			conn := session(t, dsn)
			// An index's expression is evaluated by ANALYZE: the server then answers what a disk would have it.
			run(t, conn, "CREATE FUNCTION calm(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'",
				"CREATE TABLE ill AS SELECT n FROM generate_series(1, 10) n", "CREATE INDEX ON ill (calm(n))", "CREATE TABLE well AS SELECT 1",
				"CREATE OR REPLACE FUNCTION calm(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '"+c.code+"'; END $$")
			_, err := setup(t, dsn).vacuum(t.Context(), VacuumInput{Database: "db"})
			testenv.RequirePermanent(t, err, action.ErrCommand)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestMaintenanceOfAStandbyIsRefused(t *testing.T) {
	t.Parallel()
	_, err := setup(t, testenv.PostgresStandby(t)).vacuum(t.Context(), VacuumInput{Database: "db"})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "name the primary")
}

// private gives a database on a server of its own, which a test may treat badly.
func private(t testing.TB) string {
	t.Helper()
	return testenv.OwnPostgres(t, 0).DSN()
}

func TestMaintenanceThroughAPoolerIsRefused(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() { // answers as PgBouncer does
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := pgproto3.NewBackend(conn, conn)
			if _, err := b.ReceiveStartupMessage(); err == nil {
				b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: lock_timeout"})
				_ = b.Flush()
			}
			_ = conn.Close()
		}
	}()
	_, err = setup(t, "postgres://u:p@"+l.Addr().String()+"/d?sslmode=disable").vacuum(t.Context(), VacuumInput{Database: "db"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "a target that leads to the server itself")
}
