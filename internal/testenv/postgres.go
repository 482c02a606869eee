package testenv

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/internal/testenv/server"
)

// Postgres gives the URL of a new, empty database, with a password in it. The user is a superuser.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := need(t, "ORDERLY_TEST_POSTGRES_DSN", "postgres")
	name := unique("orderly_test_")
	execute(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0") // template1 may be in use by a test beside
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal("ORDERLY_TEST_POSTGRES_DSN is not a URL")
	}
	dsn.Path = "/" + name
	return dsn.String()
}

// PostgresStandby gives the URL of a new replica of the whole test server, which it takes seconds to make.
func PostgresStandby(t testing.TB) string {
	t.Helper()
	primary := need(t, "ORDERLY_TEST_POSTGRES_DSN", "postgres")
	standby, err := server.StartStandby(t.Context(), primary)
	if err != nil {
		t.Fatalf("start a standby: %v", err)
	}
	t.Cleanup(standby.Stop)
	return standby.DSN()
}

// OwnPostgres gives a server that this test may restart or fill. maxFile is how many megabytes a file of it,
// and so a table, may have before its disk looks full; 0 is no limit.
func OwnPostgres(t testing.TB, maxFile int) *server.Postgres {
	t.Helper()
	own, err := server.StartPostgres(t.Context(), maxFile)
	if err != nil {
		t.Fatalf("start a PostgreSQL server: %v", err)
	}
	t.Cleanup(own.Stop)
	return own
}

// execute runs one statement that takes no arguments; names in it are our own.
func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the test database server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
