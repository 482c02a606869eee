package postgres

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// site is a database with some contents, and a bucket for its backups.
type site struct {
	*actions
	dsn, name string
	bucket    testenv.Bucket
}

// newSite gives the target "db" at a dsn, with a bucket, and "other" in another database of its server.
func newSite(t testing.TB, dsn string) *site {
	t.Helper()
	b := testenv.S3(t)
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	s3 := config.S3{
		Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true,
		AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
	}
	s := &site{dsn: dsn, name: strings.TrimPrefix(at.Path, "/"), bucket: b, actions: &actions{
		databases: action.NewClients("postgres", map[string]config.Postgres{"db": {DSN: config.NewSecret(dsn)}}, openDatabase, (*database).close),
		stores:    action.NewClients("s3", map[string]config.S3{"backups": s3}, openStore, nil),
	}}
	t.Cleanup(func() { s.dropCopies(t) })
	return s
}

const contentsOfSite = `
	CREATE TABLE documents (id int PRIMARY KEY, title text NOT NULL, body text, price numeric(10,2), at timestamptz DEFAULT now());
	INSERT INTO documents SELECT n, 'document ' || n, repeat(md5(n::text), 20), n / 7.0 FROM generate_series(1, 2000) AS n;
	CREATE INDEX ON documents (title);
	CREATE SCHEMA audit;
	CREATE TABLE audit.log (id bigserial PRIMARY KEY, what jsonb);
	INSERT INTO audit.log (what) SELECT jsonb_build_object('n', n, 'text', 'ü''"\') FROM generate_series(1, 500) AS n;
	CREATE TABLE "Odd ""name""" ("a b" text);
	INSERT INTO "Odd ""name""" VALUES (NULL), (''), ('x');
	CREATE VIEW titles AS SELECT title FROM documents;`

// filledSite is a site with contents.
func filledSite(t testing.TB) *site {
	t.Helper()
	s := newSite(t, testenv.Postgres(t))
	s.exec(t, s.name, contentsOfSite)
	return s
}

// open connects to a database of the site's server.
func (s *site) open(t testing.TB, name string) *pgx.Conn {
	t.Helper()
	at, err := url.Parse(s.dsn)
	require.NoError(t, err)
	at.Path = "/" + name
	conn, err := pgx.Connect(t.Context(), at.String())
	require.NoError(t, err)
	return conn
}

func (s *site) exec(t testing.TB, name, statements string) {
	t.Helper()
	conn := s.open(t, name)
	defer conn.Close(context.Background())
	_, err := conn.Exec(t.Context(), statements)
	require.NoError(t, err)
}

// value reads one value.
func value[T any](t testing.TB, s *site, name, query string, args ...any) (v T) {
	t.Helper()
	conn := s.open(t, name)
	defer conn.Close(context.Background())
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&v))
	return v
}

// backedUp makes a backup, with checksums.
func (s *site) backedUp(t testing.TB) Backup {
	t.Helper()
	out, err := s.backup(t.Context(), BackupInput{Database: "db", Checksums: true})
	require.NoError(t, err)
	return out
}

// others lists the databases that were made of the site's, and the scratch ones that belong to nobody.
func (s *site) others(t testing.TB) []string {
	t.Helper()
	conn := s.open(t, "postgres")
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname <> $2 ORDER BY 1", s.name+"_", s.name)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

// scratches counts the scratch databases in which a backup is.
func (s *site) scratches(t testing.TB, key string) int {
	t.Helper()
	return value[int](t, s, "postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'orderly\\_verify\\_%' AND strpos(shobj_description(oid, 'pg_database'), $1) > 0", key)
}

func (s *site) dropCopies(t testing.TB) {
	conn, err := pgx.Connect(context.Background(), strings.Replace(s.dsn, "/"+s.name+"?", "/postgres?", 1))
	if err != nil {
		t.Logf("drop copies: %v", err)
		return
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), "SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND datname <> $2", s.name+"_", s.name)
	if err != nil {
		return
	}
	found, _ := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range found {
		_, _ = conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)")
	}
}

func TestVerifyRestoresAndCompares(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)

	out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key, ManifestSHA256: made.ManifestSHA256})
	require.NoError(t, err)
	require.True(t, out.Verified)
	require.Equal(t, made.Key, out.Key)
	require.Equal(t, 3, out.Tables)
	require.Equal(t, 3, out.Checksums)
	require.EqualValues(t, 2503, out.Rows)
	require.Equal(t, "ok", out.Amcheck)
	require.Greater(t, out.Indexes, 3)
	require.Positive(t, out.RestoreSeconds)
	require.Empty(t, s.others(t))

	store, err := s.storeOf(mustGet(t, s), "")
	require.NoError(t, err)
	note, err := store.Verified(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, made.ManifestSHA256, note.ManifestSHA256)
	require.Equal(t, out.RestoreSeconds, note.RestoreSeconds)
	require.Contains(t, note.Checks[0], "amcheck: ")
	own, _ := mustURL(t, s.dsn).User.Password()
	testenv.AssertNoSecret(t, own, out, note)
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func mustGet(t testing.TB, s *site) *database {
	t.Helper()
	d, err := s.databases.Get("db")
	require.NoError(t, err)
	return d
}

func TestVerifyTakesTheNewestBackup(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	_, err := s.verify(t.Context(), VerifyInput{Database: "db"})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	require.ErrorContains(t, err, "make one with postgres.backup")
	s.backedUp(t)
	newer := s.backedUp(t)
	if all, _ := must(s.storeOf(mustGet(t, s), "")).List(t.Context(), backups.Prefix, "db"); all[0].Key != newer.Key {
		newer.Key = all[0].Key // both of one second: the key's end decides
	}
	out, err := s.verify(t.Context(), VerifyInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, newer.Key, out.Key)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestVerifyRestoresWhatWasDumpedWithJobs(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made, err := s.backup(t.Context(), BackupInput{Database: "db", Checksums: true, Jobs: 2})
	require.NoError(t, err)
	for _, jobs := range []int{0, 1, 3} {
		out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key, Jobs: jobs})
		require.NoError(t, err)
		require.EqualValues(t, 2503, out.Rows)
	}
	single := s.backedUp(t)
	out, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: single.Key, Jobs: 3})
	require.NoError(t, err)
	require.Equal(t, 3, out.Checksums)
}

func TestRestorePutsABackupBesideTheLiveDatabase(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.exec(t, s.name, "DELETE FROM documents")

	dry, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, DryRun: true})
	require.NoError(t, err)
	require.Contains(t, dry.RestoredAs, "_restored_")
	require.Empty(t, s.others(t))

	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.False(t, out.Replaced)
	require.Empty(t, out.Previous)
	require.Equal(t, []string{out.RestoredAs}, s.others(t))
	require.Equal(t, 2000, value[int](t, s, out.RestoredAs, "SELECT count(*) FROM documents"))
	require.Equal(t, 0, value[int](t, s, s.name, "SELECT count(*) FROM documents"))

	gone, err := s.dropCopy(t.Context(), DropCopyInput{Database: "db", Copy: out.RestoredAs, DryRun: true})
	require.NoError(t, err)
	require.False(t, gone.Dropped)
	require.Positive(t, gone.Bytes)
	for _, dropped := range []bool{true, false} { // the second time it is gone
		gone, err = s.dropCopy(t.Context(), DropCopyInput{Database: "db", Copy: out.RestoredAs})
		require.NoError(t, err)
		require.Equal(t, dropped, gone.Dropped)
	}
	require.Empty(t, s.others(t))
}

func TestDropCopyDropsNothingElse(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	for _, name := range []string{s.name, "postgres", s.name + "_before_20261122t021400", s.name + "_backup"} {
		_, err := s.dropCopy(t.Context(), DropCopyInput{Database: "db", Copy: name})
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
	foreign := s.name + "_before_20261122t021400_1a2b"
	s.exec(t, "postgres", "CREATE DATABASE "+quoted(foreign)+" TEMPLATE template0")
	_, err := s.dropCopy(t.Context(), DropCopyInput{Database: "db", Copy: foreign})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "does not bear Orderly's mark")
	require.Equal(t, []string{foreign}, s.others(t))
}

func TestRestoreReplacesTheLiveDatabase(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.exec(t, s.name, "DELETE FROM documents; CREATE TABLE later (); COMMENT ON DATABASE "+quoted(s.name)+" IS 'the team''s own'")
	client := s.open(t, s.name) // somebody who is connected
	defer client.Close(context.Background())

	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	require.NoError(t, err)
	require.True(t, out.Replaced)
	require.True(t, out.Kept)
	require.Equal(t, s.name, out.RestoredAs)
	require.Equal(t, []string{out.Previous}, s.others(t))
	require.Positive(t, out.Downtime)
	require.Error(t, client.Ping(t.Context()))
	require.Equal(t, 2000, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
	require.Equal(t, 0, value[int](t, s, out.Previous, "SELECT count(*) FROM documents"))
	require.Equal(t, "the team's own", s.comment(t, s.name))

	back, err := s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: out.Previous})
	require.NoError(t, err)
	require.True(t, back.Swapped)
	require.Equal(t, 0, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
	require.Equal(t, 2000, value[int](t, s, back.UndoneAs, "SELECT count(*) FROM documents"))
	require.Equal(t, "the team's own", s.comment(t, s.name))
	require.Equal(t, []string{back.UndoneAs}, s.others(t))

	again, err := s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: out.Previous})
	require.NoError(t, err)
	require.False(t, again.Swapped)
	require.Equal(t, []string{back.UndoneAs}, s.others(t))
}

func (s *site) comment(t testing.TB, name string) string {
	t.Helper()
	return value[string](t, s, "postgres", "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1", name)
}

func TestRestoreWithoutKeepDropsWhatItReplaced(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	no := false
	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true, Keep: &no})
	require.NoError(t, err)
	require.False(t, out.Kept)
	require.Empty(t, out.Previous)
	require.Empty(t, s.others(t))
}

func TestRestoreBringsBackADatabaseThatIsLost(t *testing.T) {
	t.Parallel()
	s := filledSite(t)
	made := s.backedUp(t)
	s.exec(t, "postgres", "DROP DATABASE "+quoted(s.name))
	out, err := s.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	require.NoError(t, err)
	require.True(t, out.Replaced)
	require.False(t, out.Kept)
	require.Empty(t, out.Previous)
	require.Equal(t, 2000, value[int](t, s, s.name, "SELECT count(*) FROM documents"))
	require.Empty(t, s.others(t))
	require.Equal(t, []string{"CONNECT", "TEMPORARY"}, value[[]string](t, s, s.name, `
		SELECT array_agg(x.privilege_type::text ORDER BY x.privilege_type) FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS x
		WHERE datname = current_database() AND x.grantee = 0`), "its users come in again")
}

func TestRestoreCarriesTheDatabasesPropertiesOver(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	s := newSite(t, dsn)
	owner, reader := s.name+"_o", s.name+"_r"
	name := s.name + "_p"
	s.exec(t, "postgres", "CREATE ROLE "+quoted(owner)+"; CREATE ROLE "+quoted(reader))
	t.Cleanup(func() {
		s.dropCopies(t)
		conn, err := pgx.Connect(context.Background(), dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		for _, r := range []string{owner, reader} {
			_, err := conn.Exec(context.Background(), "DROP ROLE "+quoted(r))
			require.NoError(t, err)
		}
	})
	s.exec(t, "postgres", "CREATE DATABASE "+quoted(name)+" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' OWNER "+quoted(owner)+" CONNECTION LIMIT 77")
	db := "DATABASE " + quoted(name)
	for _, statement := range []string{
		"REVOKE CONNECT ON " + db + " FROM PUBLIC",
		"GRANT CONNECT ON " + db + " TO " + quoted(reader) + " WITH GRANT OPTION",
		"ALTER " + db + ` SET search_path TO "$user", 'odd "schema"', public`,
		"ALTER " + db + " SET statement_timeout TO '61s'",
		"ALTER " + db + ` SET my.setting TO 'it''s \ here'`,
		"ALTER ROLE " + quoted(reader) + " IN " + db + " SET work_mem TO '7MB'",
		"COMMENT ON " + db + ` IS 'orders: back\slash'`,
	} {
		s.exec(t, "postgres", statement)
	}
	at := mustURL(t, dsn)
	at.Path = "/" + name
	p := newSite(t, at.String())
	p.exec(t, name, "CREATE SCHEMA s AUTHORIZATION "+quoted(owner)+"; CREATE TABLE s.t AS SELECT 'ü' AS x; ALTER TABLE s.t OWNER TO "+quoted(owner)+"; GRANT SELECT ON s.t TO "+quoted(reader))
	before := p.props(t, name)
	made := p.backedUp(t)
	out, err := p.restore(t.Context(), RestoreInput{Database: "db", Backup: made.Key, Replace: true})
	require.NoError(t, err)
	require.Equal(t, before, p.props(t, name))
	require.Equal(t, "LATIN1", before.Encoding)
	require.Equal(t, owner, before.Owner)
	require.Len(t, before.Settings, 4)
	require.Equal(t, owner, value[string](t, p, name, "SELECT tableowner FROM pg_tables WHERE schemaname = 's'"))
	require.True(t, value[bool](t, p, name, "SELECT has_table_privilege($1, 's.t', 'SELECT')", reader))
	require.NotEmpty(t, out.Previous)
}

func (s *site) props(t testing.TB, name string) properties {
	t.Helper()
	a, err := mustGet(t, s).administer(t.Context())
	require.NoError(t, err)
	defer a.close(t.Context())
	p, err := a.properties(t.Context(), name)
	require.NoError(t, err)
	return p
}

func TestNamesOfCopiesFitAndAreKnown(t *testing.T) {
	t.Parallel()
	s := step{ID: "1a2b3c4d5e6f7081", At: time.Date(2026, 11, 22, 2, 14, 0, 0, time.UTC)}
	for _, base := range []string{"docs", strings.Repeat("d", 63), strings.Repeat("ü", 31)} {
		for _, made := range []string{madeRestoring, madeRestored, madeBefore, madeUndone} {
			name := s.named(base, made)
			require.LessOrEqual(t, len(name), maxName)
			require.Equal(t, made, madeOf(name, base), name)
			require.Empty(t, madeOf(name, "other"))
		}
	}
	require.Equal(t, "docs_before_20261122t021400_1a2b", s.named("docs", madeBefore))
	require.Empty(t, madeOf("docs", "docs"))
	require.Empty(t, madeOf("docs_before_2026", "docs"))

	// Databases of many tenants are often called alike but for the end.
	one, other := strings.Repeat("tenant_", 8)+"1", strings.Repeat("tenant_", 8)+"2"
	require.Empty(t, madeOf(s.named(one, madeRestoring), other))
	require.Empty(t, madeOf(s.named(one, madeBefore), strings.Repeat("tenant_", 4)))
}
