package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// oddContents is what databases hold that are not made for a demonstration.
const oddContents = `
	CREATE TABLE parent (a int);
	CREATE TABLE child (own text) INHERITS (parent);
	ALTER TABLE parent ADD COLUMN later text DEFAULT 'x';
	INSERT INTO child SELECT n, 'own', 'later' FROM generate_series(1, 3) AS n;
	CREATE TABLE nothing ();
	INSERT INTO nothing DEFAULT VALUES;
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE TABLE "select" ("t" int, "ROW" positive, "größe; --" mood, twice int GENERATED ALWAYS AS ("t" * 2) STORED, id int GENERATED ALWAYS AS IDENTITY);
	INSERT INTO "select" VALUES (1, 2, 'ok'), (2, 3, NULL);
	ALTER TABLE "select" ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON "select" USING ("t" = 1);
	CREATE TABLE parts (id int, at date) PARTITION BY LIST (id);
	CREATE TABLE parts_1 (at date, gone text, id int);
	ALTER TABLE parts_1 DROP COLUMN gone;
	ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES IN (1);
	CREATE TABLE parts_rest PARTITION OF parts DEFAULT PARTITION BY RANGE (id);
	CREATE TABLE parts_low PARTITION OF parts_rest FOR VALUES FROM (MINVALUE) TO (100);
	INSERT INTO parts VALUES (1, '2026-01-01'), (2, '2026-01-02');
	CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS id;
	CREATE MATERIALIZED VIEW a_later AS SELECT count(*) AS n FROM parts;
	CREATE MATERIALIZED VIEW a_first AS SELECT n FROM a_later;
	SELECT lo_from_bytea(0, 'a large object');
	CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''error: none''; END';
	CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION noted();`

// oddSite is a site in a database whose name needs quoting everywhere.
func oddSite(t *testing.T) *site {
	t.Helper()
	dsn := testenv.Postgres(t)
	name := newSite(t, dsn).name + `_Größe "a" 'b' \ x=y %41; --`
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+quoted(name)+" TEMPLATE template0")
	require.NoError(t, err)
	at := mustURL(t, dsn)
	at.Path = "/" + name
	return newSite(t, at.String())
}

func TestOddDatabasesAreBackedUpVerifiedAndRestored(t *testing.T) {
	t.Parallel()
	s := oddSite(t)
	s.exec(t, s.name, oddContents)
	made := s.backedUp(t)
	checked, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.Equal(t, made.Rows, checked.Rows)

	s.exec(t, s.name, `DELETE FROM child`)
	replaced, err := s.restore(t.Context(), RestoreInput{Database: "db", Replace: true})
	require.NoError(t, err)
	require.Equal(t, 3, value[int](t, s, s.name, "SELECT count(*)::int FROM child"))
	require.Equal(t, 0, value[int](t, s, replaced.Previous, "SELECT count(*)::int FROM child"))

	back, err := s.swapBack(t.Context(), SwapBackInput{Database: "db", Previous: replaced.Previous})
	require.NoError(t, err)
	require.True(t, back.Swapped)
	require.Equal(t, 0, value[int](t, s, s.name, "SELECT count(*)::int FROM child"))
	dropped, err := s.dropCopy(t.Context(), DropCopyInput{Database: "db", Copy: back.UndoneAs})
	require.NoError(t, err)
	require.True(t, dropped.Dropped)
}

func TestAnEmptyDatabaseIsBackedUpAndVerified(t *testing.T) {
	t.Parallel()
	s := newSite(t, testenv.Postgres(t))
	made := s.backedUp(t)
	require.Zero(t, made.Tables)
	checked, err := s.verify(t.Context(), VerifyInput{Database: "db", Backup: made.Key})
	require.NoError(t, err)
	require.Zero(t, checked.Rows)
}

func TestLimitsOfSessionsDoNotEndARestore(t *testing.T) {
	t.Parallel()
	s := newSite(t, testenv.Postgres(t))
	role := s.name + "_limited"
	s.exec(t, "postgres", "CREATE ROLE "+quoted(role)+" SUPERUSER LOGIN PASSWORD 'limited'")
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), s.dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), "DROP ROLE "+quoted(role))
		require.NoError(t, err)
	})
	for _, setting := range []string{"statement_timeout = '30s'", "idle_session_timeout = '30s'", "lock_timeout = '30s'"} {
		s.exec(t, "postgres", "ALTER ROLE "+quoted(role)+" SET "+setting)
	}
	at := mustURL(t, s.dsn)
	at.User = nil
	query := at.Query()
	query.Set("user", role)
	query.Set("password", "limited")
	at.RawQuery = query.Encode()
	d := mustGet(t, newSite(t, at.String()))
	a, err := d.administer(t.Context())
	require.NoError(t, err)
	defer a.close(t.Context())
	for _, setting := range []string{"statement_timeout", "idle_session_timeout", "lock_timeout"} {
		var now string
		require.NoError(t, a.conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&now))
		require.Equal(t, "0", now, setting)
	}
}
