package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// setup gives actions whose target "db" is at a dsn.
func setup(t testing.TB, dsn string) *actions {
	t.Helper()
	a := &actions{databases: action.NewClients("postgres",
		map[string]config.Postgres{"db": {DSN: config.NewSecret(dsn)}}, openDatabase, (*database).close)}
	t.Cleanup(func() { require.NoError(t, a.databases.Close()) })
	return a
}

// session opens a connection of somebody else.
func session(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// everyAction calls each action, to see how it takes trouble with the database.
func everyAction(a *actions) map[string]func(context.Context) error {
	short := sops.Duration(500 * time.Millisecond)
	return map[string]func(context.Context) error{
		"ping": func(ctx context.Context) error {
			_, err := a.ping(ctx, PingInput{Database: "db", Timeout: short})
			return err
		},
		"activity": func(ctx context.Context) error {
			_, err := a.activity(ctx, ActivityInput{Database: "db", Timeout: short})
			return err
		},
	}
}

const password = "hunter2/&correct horse"

// forms writes the same address as a URL and as key=value text, both with a password.
func forms(user, address, name string) map[string]string {
	host, port, _ := net.SplitHostPort(address)
	at := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: address, Path: "/" + name, RawQuery: "sslmode=disable"}
	return map[string]string{
		"URL":     at.String(),
		"Keyword": fmt.Sprintf("host=%s port=%s user=%s password='%s' dbname=%s sslmode=disable", host, port, user, password, name),
	}
}

func TestDatabaseInTrouble(t *testing.T) {
	t.Parallel()
	server, err := url.Parse(testenv.Postgres(t))
	require.NoError(t, err)
	own, _ := server.User.Password()
	cases := map[string]struct {
		user, address, name string
		permanent           string
		says                string
	}{
		"RefusesConnections": {"u", refusing(t), "docs", "", "connection refused"},
		"NeverAnswers":       {"u", testenv.Silent(t), "docs", "", "no answer within 500ms"},
		"WrongPassword":      {"orderly", server.Host, "postgres", action.ErrDenied, "password authentication failed"},
		"NoSuchUser":         {"nobody", server.Host, "postgres", action.ErrDenied, "password authentication failed"},
	}
	for name, c := range cases {
		for form, dsn := range forms(c.user, c.address, c.name) {
			for verb, call := range everyAction(setup(t, dsn)) {
				t.Run(name+"/"+form+"/"+verb, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					err := call(ctx)
					require.NoError(t, ctx.Err(), "it must give up by itself")
					if c.permanent == "" {
						testenv.RequireTransient(t, err)
					} else {
						testenv.RequirePermanent(t, err, c.permanent)
					}
					require.ErrorContains(t, err, c.says)
					require.ErrorContains(t, err, fmt.Sprintf("postgres %q (%s/%s)", "db", c.address, c.name))
					testenv.AssertNoSecret(t, password, err)
					testenv.AssertNoSecret(t, dsn, err)
				})
			}
		}
	}
	server.Path = "/nowhere"
	_, err = setup(t, server.String()).ping(t.Context(), PingInput{Database: "db"})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	require.ErrorContains(t, err, `database "nowhere" does not exist`)
	testenv.AssertNoSecret(t, own, err)
}

func TestUnreadableDSNIsNotShown(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:" + "hunter2-and-more" + "@host:port/db",
		"host=h password=hunter2-and-more port=x",
		"hunter2-and-more",
		"postgres://u:%zzhunter2-and-more@h/db",
	} {
		_, err := setup(t, dsn).ping(t.Context(), PingInput{Database: "db"})
		testenv.RequirePermanent(t, err, action.ErrNotConfigured)
		require.ErrorContains(t, err, "targets.postgres.db")
		testenv.AssertNoSecret(t, "hunter2-and-more", err)
	}
}

func TestOutputsHoldNoPassword(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	own, _ := at.User.Password()
	a := setup(t, dsn)
	ping, err := a.ping(t.Context(), PingInput{Database: "db"})
	require.NoError(t, err)
	activity, err := a.activity(t.Context(), ActivityInput{Database: "db", Server: true})
	require.NoError(t, err)
	testenv.AssertNoSecret(t, own, ping, activity)
}

func TestUnknownDatabaseTargetSaysWhichThereAre(t *testing.T) {
	t.Parallel()
	_, err := setup(t, "postgres://h/d").ping(t.Context(), PingInput{Database: "dc"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, `did you mean "db"?`)
}

func TestTimeoutIsBounded(t *testing.T) {
	t.Parallel()
	_, err := setup(t, "postgres://h/d").ping(t.Context(), PingInput{Database: "db", Timeout: sops.Duration(time.Hour)})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestSlowQueryEndsHereAndOnTheServer(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	d, err := setup(t, dsn).databases.Get("db")
	require.NoError(t, err)
	conn, err := d.connect(t.Context(), 5*time.Second)
	require.NoError(t, err)
	defer shut(t.Context(), conn)
	err = d.read(t.Context(), conn, 200*time.Millisecond, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_sleep(3600)")
		return err
	})
	testenv.RequireTransient(t, err)
	other := session(t, dsn)
	require.Eventually(t, func() bool {
		var sleeping int
		err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(3600)' AND pid <> pg_backend_pid()").Scan(&sleeping)
		return err == nil && sleeping == 0
	}, 2*time.Minute, 20*time.Millisecond)
}

func TestActionsCanBeDescribedWithoutTargets(t *testing.T) {
	t.Parallel()
	for _, d := range Actions(config.Targets{}) {
		require.NotEmpty(t, d.Doc)
		require.NoError(t, d.Close())
	}
}

// refusing is an address where nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
