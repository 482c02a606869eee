package postgres

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	encryption "filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// slowSite makes restoring the site take a minute: every row of a table is checked by a function that waits.
const slowSite = contentsOfSite + `
	CREATE FUNCTION good(n int) RETURNS bool LANGUAGE sql AS 'SELECT true';
	CREATE TABLE slow (n int CHECK (public.good(n)));
	INSERT INTO slow SELECT generate_series(1, 300);
	CREATE OR REPLACE FUNCTION good(n int) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(0.2) IS NOT NULL';`

// slowBackup is a backup that takes a minute to restore.
func slowBackup(t testing.TB, s *site) Backup {
	t.Helper()
	s.exec(t, s.name, slowSite)
	out, err := s.backup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	return out
}

// inTheMiddle waits until a restore of a backup is copying rows, and gives its database.
func (s *site) inTheMiddle(t testing.TB, key string) (name string) {
	t.Helper()
	conn := s.open(t, "postgres")
	defer conn.Close(context.Background())
	require.Eventually(t, func() bool {
		err := conn.QueryRow(t.Context(), `SELECT d.datname FROM pg_database d JOIN pg_stat_activity a USING (datname)
			WHERE strpos(shobj_description(d.oid, 'pg_database'), $1) > 0 AND a.query LIKE 'COPY public.slow%'`, key).Scan(&name)
		return err == nil
	}, 2*time.Minute, 20*time.Millisecond)
	return name
}

// change puts other contents in the place of an object.
func (s *site) change(t testing.TB, key string, how func([]byte) []byte) {
	t.Helper()
	client := s.bucket.Client()
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.bucket.Name, Key: &key})
	require.NoError(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &s.bucket.Name, Key: &key, Body: strings.NewReader(string(how(text))), Metadata: got.Metadata,
	})
	require.NoError(t, err)
}

func TestABackupThatIsNotWhatWasWrittenIsRefused(t *testing.T) {
	t.Parallel()
	flip := func(at func(int) int) func([]byte) []byte {
		return func(b []byte) []byte { b[at(len(b))] ^= 0x40; return b }
	}
	for name, c := range map[string]struct {
		object string
		how    func([]byte) []byte
		says   string
	}{
		"CutOff":            {"", func(b []byte) []byte { return b[:len(b)*2/3] }, "bytes, want"},
		"LongerThanItWas":   {"", func(b []byte) []byte { return append(b, 0) }, "bytes, want"},
		"ChangedAtItsStart": {"", flip(func(int) int { return 3 }), "has SHA-256"},
		"ChangedInside":     {"", flip(func(n int) int { return n / 2 }), "has SHA-256"},
		"ChangedAtItsEnd":   {"", flip(func(n int) int { return n - 1 }), "has SHA-256"},
		"ManifestChanged":   {"manifest.json", func(b []byte) []byte { return []byte(strings.Replace(string(b), `"rows": 2503`, `"rows": 2504`, 1)) }, "manifest.json"},
		"ManifestCutOff":    {"manifest.json", func(b []byte) []byte { return b[:len(b)/2] }, "manifest.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := filledSite(t)
			made := s.backedUp(t)
			object := c.object
			if object == "" {
				object = s.dataFile(t, made.Key)
			}
			s.change(t, made.Key+"/"+object, c.how)
			_, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
			testenv.RequirePermanent(t, err, action.ErrCorrupt)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, object)
			_, err = s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
			testenv.RequirePermanent(t, err, action.ErrCorrupt)
			require.Empty(t, s.others(t))
			require.Zero(t, s.scratches(t, made.Key))
			require.Equal(t, 2000, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
		})
	}
}

func (s *site) dataFile(t testing.TB, key string) string {
	t.Helper()
	b, err := must(s.storeOf(mustGet(t, s), "")).Backup(t.Context(), key, "")
	require.NoError(t, err)
	return b.Files[0].Name
}

func TestAManifestThatSomebodyForgedIsRefusedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made, other := s.backedUp(t), s.backedUp(t)
	client := s.bucket.Client()
	// The attacker's own backup, whole and right in itself, in the place of ours.
	for _, name := range []string{"manifest.json", s.dataFile(t, other.Key)} {
		_, err := client.CopyObject(t.Context(), &s3.CopyObjectInput{
			Bucket: &s.bucket.Name, Key: aws.String(made.Key + "/" + name), CopySource: aws.String(s.bucket.Name + "/" + other.Key + "/" + name),
		})
		require.NoError(t, err)
	}
	_, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, ManifestSHA256: made.ManifestSHA256})
	testenv.RequirePermanent(t, err, action.ErrCorrupt)
	require.Empty(t, s.others(t))
}

func TestRowsThatAreNotAsTheManifestSaysAreNamed(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	b, err := must(s.storeOf(mustGet(t, s), "")).Backup(t.Context(), s.backedUp(t).Key, "")
	require.NoError(t, err)
	s.exec(t, s.name, "DELETE FROM documents WHERE id = 7; UPDATE audit.log SET what = '{}' WHERE id = 3; CREATE TABLE more (); DROP TABLE \"Odd \"\"name\"\"\"")
	_, err = mustGet(t, s).compare(t.Context(), b.Manifest)
	testenv.RequirePermanent(t, err, action.ErrCorrupt)
	for _, says := range []string{"public.documents has 1999 rows, want 2000", "audit.log has other contents", `public.Odd "name" is missing`, "public.more is not in the manifest"} {
		require.ErrorContains(t, err, says)
	}
}

func TestAToolThatCannotReadTheArchiveIsNamed(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	old := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(old, "pg_restore"), []byte("#!/bin/sh\necho 'pg_restore (PostgreSQL) 11.4'\n"), 0o755))
	mustGet(t, s).target.Tools = old
	_, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "pg_restore 11.4")
	require.ErrorContains(t, err, "is too old, want version 15 or newer")
}

func TestCancellingLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*site, context.Context, string) error{
		"Verify": func(s *site, ctx context.Context, key string) error {
			_, err := s.verify(ctx, VerifyInput{Database: "db", Backup: key})
			return err
		},
		"Restore": func(s *site, ctx context.Context, key string) error {
			_, err := s.restore(ctx, RestoreInput{Database: "db", Backup: key, Replace: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, testenv.Postgres(t))
			made := slowBackup(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- call(s, ctx, made.Key) }()
			s.inTheMiddle(t, made.Key)
			word, _ := mustURL(t, s.dsn).User.Password()
			for _, arguments := range processes(t) {
				require.NotContains(t, arguments, word)
			}
			cancel()
			select {
			case err := <-ended:
				require.ErrorIs(t, err, context.Canceled)
			case <-time.After(20 * time.Second):
				t.Fatal("it does not end")
			}
			require.Empty(t, s.others(t))
			require.Zero(t, s.scratches(t, made.Key))
		})
	}
}

// processes lists the arguments of every process, as ps shows them to anybody.
func processes(t testing.TB) (all []string) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range found {
		if text, err := os.ReadFile(path); err == nil { // some have ended
			all = append(all, string(text))
		}
	}
	return all
}

func TestAServerThatRestartsMeanwhileIsTriedAgain(t *testing.T) {
	t.Parallel()
	own := testenv.OwnPostgres(t, 0)
	docs := strings.Replace(own.DSN(), "/postgres?", "/docs?", 1)
	admin := newSite(t, own.DSN())
	admin.exec(t, "postgres", "CREATE DATABASE docs TEMPLATE template0")
	s := newSite(t, docs)
	made := slowBackup(t, s)
	for name, call := range map[string]func() error{
		"verify": func() error {
			_, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
			return err
		},
		"restore": func() error {
			_, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key})
			return err
		},
	} {
		ended := make(chan error, 1)
		go func() { ended <- call() }()
		s.inTheMiddle(t, made.Key)
		require.NoError(t, own.Restart(t.Context()))
		err := <-ended
		testenv.RequireTransient(t, err)
		require.Empty(t, s.others(t), name)
		require.Zero(t, s.scratches(t, made.Key), name)
		word, _ := mustURL(t, docs).User.Password()
		testenv.AssertNoSecret(t, word, err)
	}
}

func TestADiskThatIsFullIsSaidAndNothingStays(t *testing.T) {
	t.Parallel()
	own := testenv.OwnPostgres(t, 24)
	s := newSite(t, own.DSN())
	s.exec(t, "postgres", "CREATE DATABASE docs TEMPLATE template0")
	s = newSite(t, strings.Replace(own.DSN(), "/postgres?", "/docs?", 1))
	// The rows fit; the index on them, which a dump only names, does not any more.
	s.exec(t, "docs", `CREATE TABLE big (n int, text text);
		INSERT INTO big SELECT n, repeat('x', 900) FROM generate_series(1, 20000) AS n;
		CREATE FUNCTION wide(n int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT n::text $$;
		CREATE INDEX ON big (public.wide(n));
		CREATE OR REPLACE FUNCTION wide(n int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT string_agg(md5((n + i)::text), '') FROM generate_series(1, 60) AS i $$;`)
	made, err := s.backup(t.Context(), BackupInput{Database: "db"})
	require.NoError(t, err)
	for _, err := range []error{
		failure(s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})),
		failure(s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})),
	} {
		testenv.RequireTransient(t, err)
		require.ErrorContains(t, err, "the server's disk is full")
	}
	require.Empty(t, s.others(t))
	require.Zero(t, s.scratches(t, made.Key))
	require.Equal(t, 20000, value[int](t, s, "docs", "SELECT count(*) FROM big"))
}

func failure[T any](_ T, err error) error { return err }

func TestASecondRestoreOfTheSameDatabaseWaits(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	var done [2]Restore
	errs := make(chan error, 2)
	for i := range done {
		go func() {
			var err error
			done[i], err = s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
			errs <- err
		}()
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.NotEqual(t, done[0].Previous, done[1].Previous)
	require.ElementsMatch(t, []string{done[0].Previous, done[1].Previous}, s.others(t))
	require.Equal(t, 2000, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
}

func TestAClaimHoldsOnTheWholeServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, testenv.Postgres(t))
	at := mustURL(t, s.dsn)
	at.Path = "/postgres" // which is administered from template1, unlike all others
	d := mustGet(t, newSite(t, at.String()))
	one, err := d.administer(t.Context())
	require.NoError(t, err)
	defer one.close(context.Background())
	other, err := mustGet(t, s).administer(t.Context())
	require.NoError(t, err)
	defer other.close(context.Background())
	require.NotEqual(t, one.conn.Config().Database, other.conn.Config().Database)
	_, release, err := one.claim(t.Context(), s.name)
	require.NoError(t, err)
	got, err := other.try(t.Context(), s.name)
	require.NoError(t, err)
	require.False(t, got)
	require.Contains(t, other.holder(t.Context(), s.name), "pid ")
	release()
	require.Eventually(t, func() bool { got, err := other.try(t.Context(), s.name); return err == nil && got }, 5*time.Second, 10*time.Millisecond)
}

func TestWhatKilledAttemptsLeftIsDropped(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	// As the worker that was killed in the middle leaves them: a marked database, and nobody who claims it.
	left := step{ID: "00000000deadbeef", At: time.Now().UTC()}
	half := left.named(s.name, madeRestoring)
	scratched := "orderly_verify_" + strings.ToLower(fmt.Sprintf("%016x", time.Now().UnixNano()))
	for _, name := range []string{half, scratched} {
		s.exec(t, "postgres", "CREATE DATABASE "+quoted(name)+" TEMPLATE template0")
	}
	_, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.Equal(t, 0, value[int](t, s, "postgres", "SELECT count(*) FROM pg_database WHERE datname = $1", scratched))
	require.Equal(t, []string{half}, s.others(t))
	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.Equal(t, []string{out.RestoredAs}, s.others(t))
}

// attempt is one of several of the same step.
func (s *site) attempt(t testing.TB, who step, in RestoreInput) (*replacement, func()) {
	t.Helper()
	b, err := s.find(t.Context(), source{doing: "postgres.restore", database: "db", key: in.Backup})
	require.NoError(t, err)
	f, err := newFilling(t.Context(), mustGet(t, s), b, 0)
	require.NoError(t, err)
	r := newReplacement(f, in, who)
	require.NoError(t, r.look(t.Context()))
	return r, func() { f.admin.close(context.Background()) }
}

func TestALaterAttemptFindsOutWhereAnotherStood(t *testing.T) {
	t.Parallel()
	for _, replace := range []bool{true, false} {
		t.Run(fmt.Sprintf("replace=%v", replace), func(t *testing.T) {
			t.Parallel()
			s := filledSite(t)
			in := RestoreInput{Database: "db", Backup: s.backedUp(t).Key, Replace: replace}
			who := step{ID: "1a2b3c4d5e6f7081", Run: "r", At: time.Now().UTC()}

			// Killed after the restored database was compared: it is not restored again.
			first, end := s.attempt(t, who, in)
			require.NoError(t, first.prepare(t.Context()))
			end()
			oid := value[uint32](t, s, "postgres", "SELECT oid FROM pg_database WHERE datname = $1", first.fresh)
			second, end := s.attempt(t, who, in)
			require.True(t, second.ready)
			require.NoError(t, second.run(t.Context()))
			end()
			require.Equal(t, oid, value[uint32](t, s, "postgres", "SELECT oid FROM pg_database WHERE datname = $1", second.out.RestoredAs))

			// Killed after it was put in place, before it could say so.
			third, end := s.attempt(t, who, in)
			defer end()
			require.True(t, third.out.Earlier)
			second.out.Earlier, second.out.Downtime = true, 0
			require.Equal(t, second.out, third.out)
		})
	}
}

func TestADatabaseThatOthersFollowByNameIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.exec(t, s.name, "CREATE SUBSCRIPTION "+s.name+" CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false, slot_name = 's')")
	s.exec(t, s.name, "ALTER SUBSCRIPTION "+s.name+" ENABLE")
	_, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "subscription "+s.name+" stands in the way: disable it")
	require.Empty(t, s.others(t))
	s.exec(t, s.name, "ALTER SUBSCRIPTION "+s.name+" DISABLE; ALTER SUBSCRIPTION "+s.name+" SET (slot_name = NONE)")
	s.exec(t, s.name, "DROP SUBSCRIPTION "+s.name)
}

func TestClientsThatKeepComingDoNotHinderTheSwap(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	ctx, stop := context.WithCancel(t.Context())
	var connected atomic.Int64
	ended := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { ended <- struct{}{} }()
			for ctx.Err() == nil {
				conn, err := pgx.Connect(ctx, s.dsn)
				if err != nil {
					continue
				}
				connected.Add(1)
				_, _ = conn.Exec(ctx, "SELECT pg_sleep(0.05)")
				_ = conn.Close(context.Background())
			}
		}()
	}
	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	stop()
	for range 4 {
		<-ended
	}
	require.NoError(t, err)
	require.Positive(t, connected.Load())
	require.Less(t, out.Downtime, 5000.0)
}

func TestSwapBackOfARunThatReplacedNothingDoesNothing(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	out, err := s.swapBack(t.Context(), SwapBackInput{Database: "db"})
	require.NoError(t, err)
	require.False(t, out.Swapped)
	_, err = s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: s.name + "_before_20261122t021400_1a2b"})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	_, err = s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: "postgres"})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestABackupOfAnotherDatabaseIsNotRestored(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.databases = action.NewClients("postgres", map[string]config.Postgres{
		"staging": {DSN: config.NewSecret(s.dsn)}, "db": {DSN: config.NewSecret(s.dsn)},
	}, openDatabase, (*database).close)
	_, err := s.restore(t.Context(), RestoreInput{Database: "staging", Backup: made.Key, Replace: true})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, `is a backup of "db", not of "staging"`)
	out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key, On: "staging"})
	require.NoError(t, err)
	require.True(t, out.Verified)
}

func TestWhatPgRestoreSaysIsJudged(t *testing.T) {
	t.Parallel()
	var stopped error
	c := &complaints{stop: func(err error) { stopped = err }}
	_, err := c.Write([]byte("pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"\nCommand was: SET"))
	require.NoError(t, err)
	require.NoError(t, stopped)
	require.True(t, c.tolerated)
	_, err = c.Write([]byte(" transaction_timeout = 0;\n\npg_restore: warning: errors ignored on restore: 1\npg_restore: err"))
	require.NoError(t, err)
	require.Empty(t, c.found())
	_, err = c.Write([]byte("or: could not execute query: ERROR:  role \"app\" does not exist"))
	require.NoError(t, err)
	c.flush()
	require.Error(t, stopped)
	require.Contains(t, c.found(), `role "app" does not exist`)
}

// asActivity runs an action as a step of a run that is always the same one.
func asActivity[In, Out any](t testing.TB, fn func(context.Context, In) (Out, error), in In) (out Out) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "it"})
	got, err := env.ExecuteActivity("it", in)
	require.NoError(t, err)
	require.NoError(t, got.Get(&out))
	return out
}

func TestARunUndoesItsOwnRestoreWithoutKnowingWhatCameOfIt(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.exec(t, s.name, "DELETE FROM documents")
	before := asActivity(t, s.swapBack, SwapBackInput{Database: "db"}) // the step never began
	require.False(t, before.Swapped)
	done := asActivity(t, s.restore, RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	dry := asActivity(t, s.swapBack, SwapBackInput{Database: "db", DryRun: true})
	require.Equal(t, done.Previous, dry.Previous)
	require.False(t, dry.Swapped)
	undone := asActivity(t, s.swapBack, SwapBackInput{Database: "db"})
	require.True(t, undone.Swapped)
	require.Equal(t, done.Previous, undone.Previous)
	require.Equal(t, 0, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
}

func TestAnOwnerThatIsNoSuperuserCanRestore(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	super := newSite(t, dsn)
	user, name := super.name+"_u", super.name+"_d"
	super.exec(t, "postgres", "CREATE ROLE "+user+" LOGIN CREATEDB PASSWORD 'w0rd-of-owner'")
	super.exec(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 OWNER "+user)
	t.Cleanup(func() {
		super.dropCopies(t)
		conn, err := pgx.Connect(context.Background(), dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), "DROP ROLE "+user)
		require.NoError(t, err)
	})
	at := mustURL(t, dsn)
	at.User, at.Path = url.UserPassword(user, "w0rd-of-owner"), "/"+name
	s := newSite(t, at.String())
	s.exec(t, name, contentsOfSite)
	made := s.backedUp(t)
	another := "orderly_verify_" + strings.ToLower(fmt.Sprintf("%016x", time.Now().UnixNano()))
	super.exec(t, "postgres", "CREATE DATABASE "+another+" TEMPLATE template0") // left by somebody else's worker: not ours to drop
	checked, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	super.exec(t, "postgres", "DROP DATABASE IF EXISTS "+another)
	require.Equal(t, "not available: only a superuser may install amcheck", checked.Amcheck)
	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	require.NoError(t, err)
	back, err := s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: out.Previous})
	require.NoError(t, err)
	require.True(t, back.Swapped)
	testenv.AssertNoSecret(t, "w0rd-of-owner", checked, out, back)
}

func TestWhoDoesNotOwnTheDatabaseIsToldBeforeTheLongWork(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	user := s.name + "_n"
	s.exec(t, "postgres", "CREATE ROLE "+user+" LOGIN CREATEDB PASSWORD 'w0rd-of-nobody'")
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), s.dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), "DROP ROLE "+user)
		require.NoError(t, err)
	})
	at := mustURL(t, s.dsn)
	at.User = url.UserPassword(user, "w0rd-of-nobody")
	s.databases = action.NewClients("postgres", map[string]config.Postgres{"db": {DSN: config.NewSecret(at.String())}}, openDatabase, (*database).close)
	for _, dry := range []bool{true, false} {
		_, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true, DryRun: dry})
		testenv.RequirePermanent(t, err, action.ErrInput)
		require.ErrorContains(t, err, "another owner of "+s.name+" stands in the way")
	}
	require.Empty(t, s.others(t))
}

func TestARestoreIntoAServerWithoutTheRolesSaysWhich(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	role := s.name + "_gone"
	s.exec(t, s.name, "CREATE ROLE "+role+"; GRANT SELECT ON documents TO "+role)
	made := s.backedUp(t)
	s.exec(t, s.name, "DROP OWNED BY "+role+"; DROP ROLE "+role)
	_, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key})
	testenv.RequirePermanent(t, err, action.ErrCommand)
	require.ErrorContains(t, err, `role "`+role+`" does not exist`)
	require.ErrorContains(t, err, "create that role on the server first")
	require.Empty(t, s.others(t))
	out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.True(t, out.Verified)
}

func TestAnEncryptedBackupIsRestoredWithItsKeyOnly(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	identity, err := encryption.GenerateX25519Identity()
	require.NoError(t, err)
	b := s.bucket
	settings := config.S3{
		Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true,
		AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
		Encrypt: &config.Encryption{Recipients: []string{identity.Recipient().String()}, Identity: config.NewSecret(identity.String())},
	}
	s.stores = action.NewClients("s3", map[string]config.S3{"backups": settings}, openStore, nil)
	made := s.backedUp(t)
	require.True(t, made.Encrypted)
	out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.Equal(t, 3, out.Checksums)
	settings.Encrypt = nil
	s.stores = action.NewClients("s3", map[string]config.S3{"backups": settings}, openStore, nil)
	_, err = s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	testenv.RequirePermanent(t, err, action.ErrDenied)
	require.ErrorContains(t, err, "give its private key as targets.s3.backups.encrypt.identity")
	testenv.AssertNoSecret(t, identity.String(), err, out)
}
