package postgres

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

func TestActivityTellsWhatADatabaseIsDoing(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	a := setup(t, dsn)
	holder, waiter, sleeper := session(t, dsn), session(t, dsn), session(t, dsn+"&application_name=billing")
	_, err := holder.Exec(t.Context(), "CREATE TABLE accounts (id int, secret text)")
	require.NoError(t, err)
	tx, err := holder.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE accounts")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	go func() {
		_, _ = sleeper.Exec(ctx, "SELECT pg_sleep(3600), 'top-secret-literal' -- a comment")
		ended <- struct{}{}
	}()
	go func() {
		_, _ = waiter.Exec(ctx, "UPDATE accounts SET secret = 'top-secret-literal' WHERE id = 4711")
		ended <- struct{}{}
	}()
	t.Cleanup(func() { cancel(); <-ended; <-ended })

	var out Activity
	require.Eventually(t, func() bool {
		out, err = a.activity(t.Context(), ActivityInput{Database: "db"})
		require.NoError(t, err)
		return out.Active == 2 && out.Waiting == 1 && out.LongestQuery.Age > 0
	}, 2*time.Minute, 20*time.Millisecond)
	require.Equal(t, 3, out.Sessions)
	require.Equal(t, 1, out.IdleInTransaction)
	require.Zero(t, out.Hidden)
	require.EqualValues(t, holder.PgConn().PID(), out.LongestTransaction.PID)
	require.Equal(t, "idle in transaction", out.LongestTransaction.State)
	require.Equal(t, "LOCK TABLE accounts", out.LongestTransaction.Query)
	require.Empty(t, out.LongestTransaction.WaitEvent)
	require.NotNil(t, out.LongestTransaction.BlockedBy)
	testenv.AssertNoSecret(t, "top-secret-literal", out)

	// With the sleeper gone the blocked update is what runs longest.
	_, err = holder.Exec(t.Context(), "SELECT pg_terminate_backend($1)", sleeper.PgConn().PID())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		out, err = a.activity(t.Context(), ActivityInput{Database: "db"})
		require.NoError(t, err)
		return out.Active == 1
	}, 2*time.Minute, 20*time.Millisecond)
	require.EqualValues(t, waiter.PgConn().PID(), out.LongestQuery.PID)
	require.Equal(t, "UPDATE accounts SET secret = ? WHERE id = ?", out.LongestQuery.Query)
	require.Equal(t, []int{int(holder.PgConn().PID())}, out.LongestQuery.BlockedBy)
	require.Equal(t, "Lock: relation", out.LongestQuery.WaitEvent)
	require.Equal(t, "orderly", out.LongestQuery.User)
	require.Equal(t, "127.0.0.1", out.LongestQuery.Client)
}

func TestActivityOfAQuietDatabaseHasNoLongestQuery(t *testing.T) {
	t.Parallel()
	out, err := setup(t, testenv.Postgres(t)).activity(t.Context(), ActivityInput{Database: "db"})
	require.NoError(t, err)
	require.Zero(t, out.Sessions)
	require.Zero(t, out.LongestQuery.PID)
	require.Zero(t, out.LongestTransaction.Age)
	require.NotNil(t, out.LongestQuery.BlockedBy)
}

func TestUserWithoutRightsSeesWhatIsHidden(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	conn := session(t, dsn)
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	role := "guest_" + at.Path[len(at.Path)-8:]
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'guest-password'")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = conn.Exec(context.Background(), "DROP ROLE "+role) })
	at.User = url.UserPassword(role, "guest-password")
	a := setup(t, at.String())
	out, err := a.activity(t.Context(), ActivityInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, 1, out.Sessions)
	require.Equal(t, 1, out.Hidden)
	ping, err := a.ping(t.Context(), PingInput{Database: "db"})
	require.NoError(t, err)
	require.GreaterOrEqual(t, ping.Connections.Used, 2)
}
