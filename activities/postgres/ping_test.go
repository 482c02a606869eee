package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

func TestPingTellsHowADatabaseStands(t *testing.T) {
	t.Parallel()
	dsn := testenv.Postgres(t)
	a := setup(t, dsn)
	for range 3 {
		session(t, dsn)
	}
	out, err := a.ping(t.Context(), PingInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, "db", out.Database)
	require.Positive(t, out.Connect)
	require.Positive(t, out.Latency)
	require.Regexp(t, `^\d+\.\d+`, out.Version)
	require.WithinDuration(t, time.Now(), out.StartedAt, 24*time.Hour)
	require.False(t, out.InRecovery)
	require.Greater(t, out.Size, int64(1<<20))
	require.GreaterOrEqual(t, out.Connections.Used, 4)
	require.Greater(t, out.Connections.Max, out.Connections.Used)
	require.Equal(t, 3, out.Connections.Reserved)
	require.InDelta(t, float64(out.Connections.Used)/float64(out.Connections.Max-3)*100, out.Connections.Percent, 0.01)
	require.Equal(t, "primary", out.Replication.Role)
}

func TestPingTellsHowFarCopiesAreBehind(t *testing.T) {
	t.Parallel()
	standby := testenv.PostgresStandby(t)
	primary := testenv.Postgres(t)

	var out Ping
	require.Eventually(t, func() bool {
		var err error
		out, err = setup(t, standby).ping(t.Context(), PingInput{Database: "db"})
		require.NoError(t, err)
		return out.Replication.Streaming
	}, 2*time.Minute, 50*time.Millisecond)
	require.True(t, out.InRecovery)
	require.Equal(t, "standby", out.Replication.Role)

	conn := session(t, primary)
	copied := session(t, standby)
	_, err := copied.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE filled AS SELECT n, repeat('x', 1000) FROM generate_series(1, 1000) AS n")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		out, err = setup(t, standby).ping(t.Context(), PingInput{Database: "db"})
		require.NoError(t, err)
		return out.Replication.LagBytes > 1_000_000
	}, 2*time.Minute, 50*time.Millisecond)

	out, err = setup(t, primary).ping(t.Context(), PingInput{Database: "db"})
	require.NoError(t, err)
	require.NotEmpty(t, out.Replication.Replicas)
	require.Greater(t, out.Replication.LagBytes, int64(1_000_000))
	require.Equal(t, "127.0.0.1", out.Replication.Replicas[0].Address)

	_, err = copied.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		out, err = setup(t, standby).ping(t.Context(), PingInput{Database: "db"})
		require.NoError(t, err)
		return out.Replication.LagBytes < 1_000_000
	}, 2*time.Minute, 50*time.Millisecond)
}
