package postgres

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	keys "filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// vault is a database and the bucket that its backups go to.
type vault struct {
	a      *actions
	dsn    string
	bucket testenv.Bucket
	store  *backups.Store
	key    string // private, for age; "" without encryption
}

// setupBackup gives a vault; change, when not nil, changes its targets.
func setupBackup(t testing.TB, dsn string, change func(*config.Postgres, *config.S3)) vault {
	t.Helper()
	b := testenv.S3(t)
	db := config.Postgres{DSN: config.NewSecret(dsn), Spool: t.TempDir()}
	bucket := config.S3{
		Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true, Checksums: "when_supported",
		AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
	}
	if change != nil {
		change(&db, &bucket)
	}
	a := &actions{
		databases: action.NewClients("postgres", map[string]config.Postgres{"db": db}, openDatabase, (*database).close),
		stores:    action.NewClients("s3", map[string]config.S3{"backups": bucket}, openStore, nil),
	}
	store, err := a.stores.Get("backups")
	require.NoError(t, err)
	return vault{a: a, dsn: dsn, bucket: b, store: store}
}

// encrypting makes a vault's bucket encrypt for a new key, and gives that.
func encrypting(t testing.TB) (key string, change func(*config.Postgres, *config.S3)) {
	t.Helper()
	identity, err := keys.GenerateX25519Identity()
	require.NoError(t, err)
	return identity.String(), func(_ *config.Postgres, b *config.S3) {
		b.Encrypt = &config.Encryption{Recipients: []string{identity.Recipient().String()}, Identity: config.NewSecret(identity.String())}
	}
}

// requireNothing wants no object and no open upload to be left, and no file in the spool folder.
func (v vault) requireNothing(t testing.TB) {
	t.Helper()
	entries, err := v.store.List(t.Context(), backups.Prefix, "db")
	require.NoError(t, err)
	require.Empty(t, entries)
	open, err := v.store.Uploads(t.Context(), "")
	require.NoError(t, err)
	require.Zero(t, open)
	d, err := v.a.databases.Get("db")
	require.NoError(t, err)
	left, err := os.ReadDir(d.target.Spool)
	require.NoError(t, err)
	require.Empty(t, left)
}

// furnish fills a database with what dumps may stumble over.
func furnish(t testing.TB, dsn string) {
	t.Helper()
	conn := session(t, dsn)
	for _, statement := range []string{
		`CREATE TABLE plain (id bigint PRIMARY KEY, at timestamptz, f float8, b bytea, t text, n numeric, i interval, "plain" text)`,
		`INSERT INTO plain SELECT n, '2026-01-01'::timestamptz + n * interval '1 hour', n / 3.0, sha256(n::text::bytea), repeat('größe ', 5), n * 1.10, n * interval '1 minute', 'x' FROM generate_series(1, 20000) n`,
		`CREATE SCHEMA "odd ""schema"""`,
		`CREATE TABLE "odd ""schema"""."Odd table; --" (t text, whole int)`,
		`INSERT INTO "odd ""schema"""."Odd table; --" VALUES (NULL, 1), ('', 2), (E'line\nbreak\ttab\\', 3)`,
		`CREATE TABLE empty (id int)`,
		`CREATE TABLE parts (id int, at date) PARTITION BY RANGE (id)`,
		`CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500)`,
		`CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (2000)`,
		`INSERT INTO parts SELECT n, '2026-01-01'::date + n FROM generate_series(1, 1000) n`,
		`CREATE TABLE old (id int)`, `CREATE TABLE young (more text) INHERITS (old)`,
		`INSERT INTO old VALUES (1)`, `INSERT INTO young VALUES (2, 'two')`,
		`CREATE TABLE child (id int REFERENCES plain, gone int)`, `ALTER TABLE child DROP COLUMN gone`, `INSERT INTO child VALUES (1), (2)`,
		`CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS id`,
		`CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM plain`,
		`SELECT lo_from_bytea(0, 'a large object')`,
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// census counts a database with its contents.
func census(t testing.TB, dsn string) []backups.Table {
	t.Helper()
	tx, err := session(t, dsn).BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	tables, err := backups.TakeCensus(t.Context(), tx, true)
	require.NoError(t, err)
	return tables
}

func TestBackupIsRestoredByStockToolsAndTheBucketAlone(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]BackupInput{
		"Streamed": {Checksums: true},
		"Parallel": {Checksums: true, Jobs: 3},
	} {
		for _, encrypted := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "Encrypted"}[encrypted], func(t *testing.T) {
				t.Parallel()
				dsn := testenv.Postgres(t)
				furnish(t, dsn)
				var change func(*config.Postgres, *config.S3)
				var key string
				if encrypted {
					key, change = encrypting(t)
				}
				v := setupBackup(t, dsn, change)
				v.key = key
				in.Database = "db"
				out, err := v.a.backup(t.Context(), in)
				require.NoError(t, err)
				require.Equal(t, encrypted, out.Encrypted)
				require.Regexp(t, `^database/db/\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{8}$`, out.Key)
				require.Positive(t, out.Bytes)
				require.NotEmpty(t, out.LSN)
				require.WithinDuration(t, time.Now(), out.Taken, time.Minute)
				require.EqualValues(t, 20000+3+1000+2+2+1+1, out.Rows)

				b, err := v.store.Backup(t.Context(), out.Key, out.ManifestSHA256)
				require.NoError(t, err)
				require.Equal(t, out.Restore, b.Restore)
				require.Equal(t, b.Tables, census(t, v.restoreByHand(t, b)))
				for _, f := range b.Files {
					r, err := b.Open(t.Context(), f)
					require.NoError(t, err)
					_, err = io.Copy(io.Discard, r)
					require.NoError(t, err, f.Name)
					r.Close()
				}
			})
		}
	}
}

// restoreByHand runs the very line that a manifest gives, in a shell without anything of ours but what stands
// in for the AWS CLI, and gives the restored database.
func (v vault) restoreByHand(t testing.TB, b *backups.Backup) string {
	t.Helper()
	name := strings.ReplaceAll(filepath.Base(strings.TrimPrefix(v.bucket.Name, "orderly-test-")), "-", "_")
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	aws := "#!/bin/sh\nORDERLY_TEST_AS_AWS=1 exec '" + self + "' -test.run='^TestAsAWS$' -- \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "aws"), []byte(aws), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.txt"), []byte(v.key), 0o600))
	d, err := v.a.databases.Get("db")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(b.Restore, "restored", "restored_"+name))
	cmd.Dir = dir
	cmd.Env = append(d.libpq(session(t, v.dsn)), "PATH="+dir+":"+os.Getenv("PATH"),
		"AWS_ACCESS_KEY_ID="+v.bucket.AccessKey, "AWS_SECRET_ACCESS_KEY="+v.bucket.SecretKey, "AWS_REGION="+v.bucket.Region)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", b.Restore, said)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), v.dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), "DROP DATABASE IF EXISTS restored_"+name)
		require.NoError(t, err)
	})
	at, err := url.Parse(v.dsn)
	require.NoError(t, err)
	at.Path = "/restored_" + name
	return at.String()
}

// pretend gives a folder with a pg_dump that runs a script around the real one, whose path is $REAL.
func pretend(t testing.TB, script string) string {
	t.Helper()
	found, err := filepath.Glob(debianTools)
	require.NoError(t, err)
	genuine, err := exec.LookPath("pg_dump")
	if len(found) > 0 {
		genuine, err = filepath.Join(found[len(found)-1], "pg_dump"), nil
	}
	require.NoError(t, err)
	dir := t.TempDir()
	text := "#!/bin/bash\nset -o pipefail\nREAL='" + genuine + "'\nDIR='" + dir + "'\n[ \"$1\" != --version ] || exec $REAL --version\n" + script + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pg_dump"), []byte(text), 0o700))
	return dir
}

// bulk fills a table with so many megabytes that hardly compress.
func bulk(t testing.TB, dsn string, megabytes int) {
	t.Helper()
	conn := session(t, dsn)
	_, err := conn.Exec(t.Context(), `CREATE TABLE bulk AS SELECT n, sha512(n::text::bytea) AS a, sha512((-n)::text::bytea) AS b,
		sha512(('x' || n)::bytea) AS c, sha512(('y' || n)::bytea) AS d FROM generate_series(1, $1::int) n`, megabytes*3000)
	require.NoError(t, err)
}

func TestADumpThatDiesIsNoBackup(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"Half-way, by its exit code": `$REAL "$@" | head -c 15000000; exit 1`,
		"Half-way, by a signal":      `$REAL "$@" | head -c 15000000; kill -9 $$`,
		"At its very end":            `$REAL "$@"; exit 3`,
		"Before its first byte":      `echo "pg_dump: error: no" >&2; exit 1`,
	} {
		for _, jobs := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, jobs %d", name, jobs), func(t *testing.T) {
				t.Parallel()
				dsn := testenv.Postgres(t)
				bulk(t, dsn, 20)
				v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = pretend(t, script) })
				_, err := v.a.backup(t.Context(), BackupInput{Database: "db", Jobs: jobs})
				testenv.RequireTransient(t, err)
				require.ErrorContains(t, err, `postgres "db"`)
				require.ErrorContains(t, err, "pg_dump")
				v.requireNothing(t)
			})
		}
	}
}

func TestThePasswordIsNowhereToBeSeen(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	bulk(t, dsn, 1)
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	secret, _ := at.User.Password()
	dir := pretend(t, `tr '\0' ' ' </proc/$$/cmdline >$DIR/argv; $REAL "$@"; echo "connection as $PGUSER with $PGPASSWORD failed" >&2; exit 1`)
	v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = dir })
	_, err = v.a.backup(t.Context(), BackupInput{Database: "db"})
	testenv.RequireTransient(t, err)
	require.ErrorContains(t, err, "connection as orderly with … failed")
	testenv.AssertNoSecret(t, secret, err)
	argv, err := os.ReadFile(filepath.Join(dir, "argv"))
	require.NoError(t, err)
	require.Contains(t, string(argv), "--snapshot=")
	testenv.AssertNoSecret(t, secret, argv)

	out, err := setupBackup(t, dsn, nil).a.backup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	testenv.AssertNoSecret(t, secret, out)
}

func TestPgDumpHasToKnowTheServer(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	old := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(old, "pg_dump"), []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n"), 0o700))
	for tools, says := range map[string]string{
		old:         "pg_dump 9.6.24 (" + old + "/pg_dump) is too old, want version",
		t.TempDir(): "pg_dump is not there: install postgresql-client-",
	} {
		v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = tools })
		for _, dry := range []bool{false, true} {
			_, err := v.a.backup(t.Context(), BackupInput{Database: "db", DryRun: dry})
			testenv.RequirePermanent(t, err, action.ErrNotConfigured)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, "targets.postgres.db.tools")
		}
		v.requireNothing(t)
	}
}

// waiting is a pg_dump that has connected and holds its output back until somebody opens $DIR/go.
const waiting = `mkfifo $DIR/go; $REAL "$@" | { read <$DIR/go; cat; }`

// dumping waits until pg_dump copies a table, and gives the server process that does it.
func dumping(t testing.TB, dsn string) (pid int) {
	t.Helper()
	conn := session(t, dsn)
	require.Eventually(t, func() bool {
		err := conn.QueryRow(t.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %bulk%' AND state = 'active' AND pid <> pg_backend_pid()").Scan(&pid)
		return err == nil
	}, 2*time.Minute, 20*time.Millisecond)
	return pid
}

func TestACancelledBackupEndsPgDumpAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	bulk(t, dsn, 30)
	v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = pretend(t, waiting) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := v.a.backup(ctx, BackupInput{Database: "db"})
		ended <- err
	}()
	dumping(t, dsn)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	v.requireNothing(t)
	conn := session(t, dsn)
	require.Eventually(t, func() bool {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orderly'").Scan(&n)
		return err == nil && n == 0
	}, 2*time.Minute, 20*time.Millisecond)
}

func TestAServerThatRestartsDuringADumpIsTriedAgain(t *testing.T) {
	t.Parallel()
	dsn := private(t)
	bulk(t, dsn, 30)
	_, err := session(t, dsn).Exec(t.Context(), "CHECKPOINT") // the test server keeps nothing safe by itself
	require.NoError(t, err)
	v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = pretend(t, waiting) })
	ended := make(chan error, 1)
	go func() {
		_, err := v.a.backup(t.Context(), BackupInput{Database: "db"})
		ended <- err
	}()
	// A process that is killed makes the server end all others and recover.
	require.NoError(t, syscall.Kill(dumping(t, dsn), syscall.SIGKILL))
	d, err := v.a.databases.Get("db")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(d.target.Tools, "go"), []byte("\n"), 0))
	testenv.RequireTransient(t, <-ended)
	v.requireNothing(t)
	d.target.Tools = ""
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), dsn)
		return err == nil && conn.Close(t.Context()) == nil
	}, 2*time.Minute, 100*time.Millisecond)
	out, err := v.a.backup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	require.EqualValues(t, 90_000, out.Rows)
}

func TestTwoBackupsOfADatabaseAtTheSameTimeAreWell(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	bulk(t, dsn, 20)
	v := setupBackup(t, dsn, nil)
	results := make(chan Backup, 2)
	for _, jobs := range []int{1, 2} {
		go func() {
			out, err := v.a.backup(t.Context(), BackupInput{Database: "db", Jobs: jobs})
			if err != nil {
				t.Error(err)
			}
			results <- out
		}()
	}
	one, two := <-results, <-results
	require.NotEqual(t, one.Key, two.Key)
	for _, out := range []Backup{one, two} {
		_, err := v.store.Backup(t.Context(), out.Key, out.ManifestSHA256)
		require.NoError(t, err)
	}
}

func TestASecondAttemptOfAStepFindsWhatTheFirstOneFinished(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	furnish(t, dsn)
	v := setupBackup(t, dsn, nil)
	b, err := v.a.newBackup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	first, err := b.make(t.Context())
	require.NoError(t, err)
	require.False(t, first.Earlier)
	require.Equal(t, first.Bytes, b.done.Load(), "what heartbeats tell grows to all of it")
	again, err := b.make(t.Context())
	require.NoError(t, err)
	require.True(t, again.Earlier)
	again.Earlier = false
	require.Equal(t, first, again)
}

// An attempt that was cut off from Temporal clears the folder in which the next one has just finished.
func TestABackupThatAnotherAttemptClearedIsMadeAgain(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	furnish(t, dsn)
	v := setupBackup(t, dsn, nil)
	b, err := v.a.newBackup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	first, err := b.make(t.Context())
	require.NoError(t, err)
	files, err := v.store.Backup(t.Context(), first.Key, "")
	require.NoError(t, err)
	lose := first.Key + "/" + files.Files[0].Name
	_, err = v.bucket.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &v.bucket.Name, Key: &lose})
	require.NoError(t, err)
	stray, err := v.bucket.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &v.bucket.Name, Key: &lose})
	require.NoError(t, err)
	require.NotNil(t, stray.UploadId)

	require.ErrorIs(t, b.settle(t.Context(), files), errCleared)
	v.requireNothing(t)
	again, err := b.make(t.Context())
	require.NoError(t, err)
	require.False(t, again.Earlier)
	made, err := v.store.Backup(t.Context(), again.Key, again.ManifestSHA256)
	require.NoError(t, err)
	require.NoError(t, made.CheckContents(t.Context()))
	open, err := v.store.Uploads(t.Context(), "")
	require.NoError(t, err)
	require.Zero(t, open)
}

func TestABackupHeartbeatsHowFarItIs(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	furnish(t, dsn)
	v := setupBackup(t, dsn, nil)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(v.a.backup)
	beats := make(chan BackupProgress, 1000)
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var p BackupProgress
		if details.Get(&p) == nil {
			beats <- p
		}
	})
	value, err := env.ExecuteActivity(v.a.backup, BackupInput{Database: "db"})
	require.NoError(t, err)
	var out Backup
	require.NoError(t, value.Get(&out))
	require.NotEmpty(t, beats, "the first is made at once")
	require.Positive(t, out.Bytes)
}

func TestTheBackupShowsOneMoment(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	bulk(t, dsn, 30) // more than buffers on the way hold: the copy must still go on when it is looked for
	v := setupBackup(t, dsn, func(p *config.Postgres, _ *config.S3) { p.Tools = pretend(t, waiting) })
	ended := make(chan Backup, 1)
	go func() {
		out, err := v.a.backup(t.Context(), BackupInput{Database: "db", Checksums: true})
		if err != nil {
			t.Error(err)
		}
		ended <- out
	}()
	dumping(t, dsn)
	before := census(t, dsn)
	_, err := session(t, dsn).Exec(t.Context(), "DELETE FROM bulk WHERE n % 2 = 0")
	require.NoError(t, err)
	d, err := v.a.databases.Get("db")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(d.target.Tools, "go"), []byte("\n"), 0))
	out := <-ended
	b, err := v.store.Backup(t.Context(), out.Key, "")
	require.NoError(t, err)
	require.Equal(t, before, b.Tables)
	require.Equal(t, before, census(t, v.restoreByHand(t, b)))
}

func TestADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	furnish(t, dsn)
	for _, jobs := range []int{1, 4} {
		v := setupBackup(t, dsn, nil)
		out, err := v.a.backup(t.Context(), BackupInput{Database: "db", Jobs: jobs, DryRun: true})
		require.NoError(t, err)
		require.True(t, out.DryRun)
		require.Positive(t, out.Size)
		require.NotEmpty(t, out.PgDump)
		v.requireNothing(t)
	}
}

func TestTheSpoolFolderIsCheckedFirst(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	v := setupBackup(t, dsn, nil)
	b, err := v.a.newBackup(t.Context(), BackupInput{Database: "db", Jobs: 4})
	require.NoError(t, err)
	err = dump{backup: b, size: 1 << 60}.spoolFits(t.Context())
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "MB free, a dump with jobs may need")
	b.db.target.Spool = "/nowhere/at/all"
	_, err = v.a.backup(t.Context(), BackupInput{Database: "db", Jobs: 4})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "targets.postgres.db.spool")
}

func TestABackupNeedsOneBucket(t *testing.T) {
	t.Parallel()
	a := func(names ...string) *actions {
		buckets := map[string]config.S3{}
		for _, name := range names {
			buckets[name] = config.S3{Bucket: "some-bucket", Region: "us-east-1"}
		}
		return &actions{
			databases: action.NewClients("postgres", map[string]config.Postgres{"db": {DSN: config.NewSecret("postgres://h/d")}}, openDatabase, (*database).close),
			stores:    action.NewClients("s3", buckets, openStore, nil),
		}
	}
	for says, a := range map[string]*actions{"(s3 targets: none)": a(), "(s3 targets: far, near)": a("near", "far")} {
		_, err := a.backup(t.Context(), BackupInput{Database: "db"})
		testenv.RequirePermanent(t, err, action.ErrNotConfigured)
		require.ErrorContains(t, err, says)
	}
	_, err := a("near", "far").backup(t.Context(), BackupInput{Database: "db", To: "fra"})
	require.ErrorContains(t, err, `did you mean "far"?`)
	for _, in := range []BackupInput{{Database: "db", Jobs: -1}, {Database: "db", Jobs: 99}, {Database: "db", Prefix: "/etc"}} {
		_, err := a("near").backup(t.Context(), in)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}
