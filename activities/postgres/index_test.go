package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func advised(list []Advice) (out []string) {
	for _, a := range list {
		out = append(out, a.Index)
	}
	return out
}

func TestIndexAdvice(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	run(t, conn, `CREATE TABLE customers (id int PRIMARY KEY, code int UNIQUE, name text)`,
		`CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, first int, second int, part int) WITH (autovacuum_enabled = off)`,
		`INSERT INTO customers SELECT n, n, 'x' FROM generate_series(1, 100) n`,
		`INSERT INTO orders SELECT n, n % 100 + 1, n, n, n FROM generate_series(1, 60000) n`,
		`CREATE INDEX never ON orders (part)`,
		`CREATE INDEX twin_a ON orders (first)`, `CREATE INDEX twin_b ON orders (first)`,
		`CREATE INDEX prefix ON orders (second)`, `CREATE INDEX whole ON orders (second, first)`,
		`CREATE INDEX twin_of_key ON customers (code)`,
		`CREATE INDEX partial ON orders (first) WHERE part > 0`, // not the same as twin_a
		`SET enable_seqscan = off`, `SELECT id FROM orders WHERE first = 5`, `SELECT id FROM orders WHERE second = 5 AND first = 5`)
	_, err := conn.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY broken ON orders (customer)`)
	require.ErrorContains(t, err, "could not create unique index")
	run(t, conn, `DELETE FROM orders WHERE id % 10 <> 0`, `VACUUM (ANALYZE) orders`)
	a := setup(t, dsn)
	var out IndexAdvice
	require.Eventually(t, func() bool { // until the statistics know of the scans
		out, err = a.indexAdvice(t.Context(), IndexAdviceInput{Database: "db", MinSize: 8192})
		require.NoError(t, err)
		return len(out.Unused) == 2
	}, 2*time.Minute, 50*time.Millisecond, "%+v", out.Unused)
	require.ElementsMatch(t, []string{"public.never", "public.partial"}, advised(out.Unused))
	require.Len(t, out.Duplicate, 3)
	require.Subset(t, advised(out.Duplicate), []string{"public.prefix", "public.twin_of_key"})
	require.Regexp(t, "public.twin_[ab]", advised(out.Duplicate), "of two alike the one more used stays")
	require.Equal(t, []string{"public.broken"}, advised(out.Invalid))
	require.Contains(t, advised(out.Bloated), "public.orders_pkey")
	require.Contains(t, out.Bloated[0].SQL, "REINDEX INDEX CONCURRENTLY public.")
	require.InDelta(t, 90, out.Bloated[0].BloatPercent, 8)
	require.Equal(t, "REINDEX INDEX CONCURRENTLY public.broken;", out.Invalid[0].SQL)
	require.Contains(t, out.Invalid[0].Caveat, "duplicate rows")
	require.Len(t, out.Missing, 1)
	require.Equal(t, MissingIndex{Table: "public.orders", Constraint: "orders_customer_fkey", Columns: []string{"customer"}, References: "public.customers",
		Bytes: out.Missing[0].Bytes, Why: "deleting or changing a row of public.customers reads the whole table",
		SQL: "CREATE INDEX CONCURRENTLY ON public.orders (customer);", Caveat: out.Missing[0].Caveat}, out.Missing[0])
	require.Contains(t, strings.Join(out.Caveats, "\n"), "use has been counted for")
	require.Positive(t, out.Recoverable)

	// Whoever follows all of it is left with nothing to do but what the statistics can't know.
	for _, list := range [][]Advice{out.Unused, out.Duplicate} {
		for _, one := range list {
			run(t, conn, one.SQL)
		}
	}
	run(t, conn, "DROP INDEX broken", out.Missing[0].SQL)
	again, err := a.indexAdvice(t.Context(), IndexAdviceInput{Database: "db", MinSize: 8192})
	require.NoError(t, err)
	require.Empty(t, again.Duplicate)
	require.Empty(t, again.Invalid)
	require.Empty(t, again.Missing)
}

func TestIndexAdviceForPartitions(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	run(t, conn, "CREATE TABLE refs (a int, b int, PRIMARY KEY (a, b))",
		"CREATE TABLE parted (a int, b int, FOREIGN KEY (a, b) REFERENCES refs) PARTITION BY RANGE (a)", "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10)")
	a := setup(t, dsn)
	out, err := a.indexAdvice(t.Context(), IndexAdviceInput{Database: "db"})
	require.NoError(t, err)
	require.Len(t, out.Missing, 1, "once, for the parent")
	require.Equal(t, "CREATE INDEX ON ONLY public.parted (a, b);", out.Missing[0].SQL)
	run(t, conn, "CREATE INDEX ON parted (b, a)") // the order does not matter
	out, err = a.indexAdvice(t.Context(), IndexAdviceInput{Database: "db", MinSize: 1})
	require.NoError(t, err)
	require.Empty(t, out.Missing)
	require.Empty(t, out.Unused, "an index of a partition goes only with its parent's")
}

func TestReindexMakesBloatedIndexesSmall(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	settled(t, dsn, `CREATE TABLE big (id int PRIMARY KEY) WITH (autovacuum_enabled = off)`, `INSERT INTO big SELECT generate_series(1, 100000)`,
		`CREATE INDEX "Odd Name" ON big ((id + 1))`, `DELETE FROM big WHERE id % 20 <> 0`)
	settled(t, dsn, `VACUUM (ANALYZE) big`)
	a := setup(t, dsn)
	in := ReindexInput{Database: "db", BloatPercent: 50, DryRun: true}
	plan, err := a.reindex(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, plan.Indexes, 2)
	require.Equal(t, statusPlanned, plan.Indexes[0].Status)
	require.Contains(t, plan.Indexes[0].Why, "is empty")
	in.DryRun = false
	out, err := a.reindex(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 2, out.Done, out.Indexes)
	require.Greater(t, out.Recovered, int64(1<<20))
	require.Less(t, out.Indexes[0].BytesAfter, out.Indexes[0].BytesBefore/5)
	out, err = a.reindex(t.Context(), in)
	require.NoError(t, err)
	require.Zero(t, out.Done, "nothing is bloated any more")

	for _, name := range []string{"Odd Name", "public.Odd Name", `public."Odd Name"`} {
		out, err = a.reindex(t.Context(), ReindexInput{Database: "db", Indexes: []string{name}})
		require.NoError(t, err)
		require.Equal(t, 1, out.Done, name)
	}
	_, err = a.reindex(t.Context(), ReindexInput{Database: "db", Indexes: []string{"none"}})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	_, err = a.reindex(t.Context(), ReindexInput{Database: "db"})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

// debris lists the invalid indexes of a database.
const debris = `SELECT coalesce(string_agg(indexrelid::regclass::text, ',' ORDER BY indexrelid::regclass::text), '') FROM pg_index WHERE NOT indisvalid`

func TestCancelledReindexLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn, reader := session(t, dsn), session(t, dsn)
	run(t, conn, `CREATE TABLE big (id int)`, `INSERT INTO big SELECT generate_series(1, 1000)`, `CREATE INDEX idx ON big (id)`, `CREATE INDEX other ON big (id)`)
	// Leftovers of somebody else, one of whom has a name like ours would have.
	run(t, conn, `CREATE INDEX other_ccnew ON big (id)`, `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other_ccnew'::regclass`)
	a := setup(t, dsn)

	// A transaction that has read the table keeps REINDEX CONCURRENTLY waiting in its middle.
	run(t, reader, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM big")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := a.reindex(ctx, ReindexInput{Database: "db", Indexes: []string{"idx"}, LockTimeout: sops.Duration(time.Minute)})
		ended <- err
	}()
	require.Eventually(t, func() bool { return one[string](t, conn, debris) == "idx_ccnew,other_ccnew" }, 2*time.Minute, 20*time.Millisecond)
	worker := one[int](t, conn, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'REINDEX %'")
	cancel()
	run(t, reader, "COMMIT")
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, "other_ccnew", one[string](t, conn, debris), "what was there before is not ours")
	require.Zero(t, one[int](t, conn, "SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1", worker))

	// One that waits in vain is skipped, and nothing of it stays either.
	run(t, reader, "BEGIN ISOLATION LEVEL REPEATABLE READ", "LOCK TABLE big IN ROW EXCLUSIVE MODE")
	out, err := a.reindex(t.Context(), ReindexInput{Database: "db", Indexes: []string{"other"}, IndexTimeout: sops.Duration(300 * time.Millisecond), DryRun: true})
	require.NoError(t, err)
	require.Len(t, out.Indexes, 1)
	run(t, reader, "COMMIT")

	out, err = a.reindex(t.Context(), ReindexInput{Database: "db", Invalid: true})
	require.NoError(t, err)
	require.Equal(t, []string{"public.other_ccnew"}, out.Leftovers)
	require.Zero(t, out.Done)
	require.Empty(t, one[string](t, conn, debris))
}

func TestReindexCleansUpAfterADeadWorker(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	run(t, conn, `CREATE TABLE big (id int)`, `CREATE INDEX idx ON big (id)`, `CREATE INDEX idx_ccnew ON big (id)`, `CREATE INDEX old_ccnew ON big (id)`,
		`UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('idx_ccnew'::regclass, 'old_ccnew'::regclass)`)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := setup(t, dsn)
	env.RegisterActivity(a.reindex)
	env.SetHeartbeatDetails(worklog{Begun: time.Now(), Doing: "public.idx"})
	value, err := env.ExecuteActivity(a.reindex, ReindexInput{Database: "db", Indexes: []string{"idx"}})
	require.NoError(t, err)
	var out Reindex
	require.NoError(t, value.Get(&out))
	require.Equal(t, 1, out.Done)
	require.Equal(t, []string{"public.idx_ccnew"}, out.Leftovers)
	require.Equal(t, "old_ccnew", one[string](t, conn, debris))
}

func TestReindexRepairsAnInvalidIndex(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	run(t, conn, `CREATE TABLE t (id int)`, `INSERT INTO t VALUES (1), (1)`)
	_, err := conn.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY uniq ON t (id)`)
	require.Error(t, err)
	a := setup(t, dsn)
	out, err := a.reindex(t.Context(), ReindexInput{Database: "db", Invalid: true})
	require.NoError(t, err, "it is no worse than it was, so this is no reason to give up what else is done")
	require.Equal(t, 1, out.Skipped)
	require.Contains(t, out.Indexes[0].Reason, "its rows are not unique")
	require.Equal(t, "uniq", one[string](t, conn, debris), "its own unfinished copy is gone")
	run(t, conn, `DELETE FROM t WHERE ctid = '(0,1)'`)
	out, err = a.reindex(t.Context(), ReindexInput{Database: "db", Invalid: true})
	require.NoError(t, err)
	require.Equal(t, "invalid", out.Indexes[0].Why)
	require.Empty(t, one[string](t, conn, debris))
}

func TestReindexThatFindsNoRoomLeavesNothing(t *testing.T) {
	t.Parallel()
	own := testenv.OwnPostgres(t, 20)
	conn := session(t, own.DSN())
	run(t, conn, `CREATE TABLE wide (v text) WITH (autovacuum_enabled = off)`, `ALTER TABLE wide ALTER v SET STORAGE PLAIN`, `CREATE INDEX idx ON wide (v) WHERE v < 'b'`,
		`INSERT INTO wide SELECT 'c' || n || repeat('x', 1500) FROM generate_series(1, 9000) n`)
	// What the index is to hold has grown beyond what a file may have.
	run(t, conn, `UPDATE pg_index SET indpred = NULL WHERE indexrelid = 'idx'::regclass`)
	_, err := setup(t, own.DSN()).reindex(t.Context(), ReindexInput{Database: "db", Indexes: []string{"idx"}})
	testenv.RequirePermanent(t, err, action.ErrCommand)
	require.ErrorContains(t, err, "could not extend file")
	require.Empty(t, one[string](t, conn, debris))
}

func TestLeftoversAreKnownByName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 63)
	for _, c := range []struct {
		debris, name string
		want         bool
	}{
		{"public.a_ccnew", "public.a", true},
		{"public.a_ccnew12", "public.a", true},
		{`public."A b_ccold"`, `public."A b"`, true},
		{"public.ab_ccnew", "public.abc", false},
		{"other.a_ccnew", "public.a", false},
		{"public." + long[:57] + "_ccnew", "public." + long, true},
	} {
		require.Equal(t, c.want, begunFor(c.debris, c.name), c.debris)
	}
}
