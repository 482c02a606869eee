package redis

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

func setup(t *testing.T, address string) *servers {
	t.Helper()
	s := newServers(map[string]config.Redis{"cache": {URL: config.NewSecret(address)}})
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestInfo(t *testing.T) {
	t.Parallel()

	t.Run("TellsHowARealServerStands", func(t *testing.T) {
		t.Parallel()
		address := testenv.Redis(t)
		opts, err := redis.ParseURL(address)
		require.NoError(t, err)
		client := redis.NewClient(opts)
		t.Cleanup(func() { _ = client.Close() })
		require.NoError(t, client.Set(t.Context(), "key", "value", time.Hour).Err())

		out, err := setup(t, address).info(t.Context(), InfoInput{Target: "cache"})
		require.NoError(t, err)
		require.Positive(t, out.Ping)
		require.NotEmpty(t, out.Version)
		require.Equal(t, "master", out.Role)
		require.Positive(t, out.Memory.Used)
		require.Positive(t, out.Memory.Percent)
		require.Positive(t, out.Clients.Connected)
		require.Positive(t, out.Keys)
		require.True(t, out.Replication.LinkUp)
		require.NotNil(t, out.Replication.Behind)
		testenv.AssertNoSecret(t, opts.Password, out)
	})

	t.Run("AWrongPasswordIsFinalAndNotShown", func(t *testing.T) {
		t.Parallel()
		const wrong = "wr0ng/pa55"
		at, err := url.Parse(testenv.Redis(t))
		require.NoError(t, err)
		at.User = url.UserPassword("", wrong)
		_, err = setup(t, at.String()).info(t.Context(), InfoInput{Target: "cache"})
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.True(t, app.NonRetryable())
		require.Equal(t, "Denied", app.Type())
		testenv.AssertNoSecret(t, wrong, err)
	})

	t.Run("AServerThatIsAwayIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		const password = "s3cret-word"
		_, err := setup(t, "redis://:"+password+"@127.0.0.1:1/0").info(t.Context(), InfoInput{Target: "cache"})
		require.ErrorContains(t, err, `redis "cache": connect:`)
		require.ErrorContains(t, err, "connection refused")
		var app *temporal.ApplicationError
		require.NotErrorAs(t, err, &app)
		testenv.AssertNoSecret(t, password, err)
	})

	t.Run("StopsWhenItIsCancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := setup(t, testenv.Redis(t)).info(ctx, InfoInput{Target: "cache"})
		require.ErrorIs(t, err, context.Canceled)
	})

	t.Run("AnAddressThatIsNoneIsNotShown", func(t *testing.T) {
		t.Parallel()
		const password = "s3cret-word"
		for _, address := range []string{"http://:" + password + "@host", "redis://:" + password + "@host:port/x", password} {
			_, err := setup(t, address).info(t.Context(), InfoInput{Target: "cache"})
			require.ErrorContains(t, err, "mend targets.redis.cache in orderly.yaml")
			testenv.AssertNoSecret(t, password, err)
		}
	})
}

func TestParse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)

	t.Run("ReadsAMasterWithReplicas", func(t *testing.T) {
		t.Parallel()
		out := parse(fmt.Sprintf("# Server\r\nredis_version:7.0.15\r\nrole:master\r\nused_memory:500\r\nmaxmemory:1000\r\n"+
			"keyspace_hits:3\r\nkeyspace_misses:1\r\nrdb_last_save_time:%d\r\nrdb_last_bgsave_status:err\r\n"+
			"connected_slaves:2\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=90,lag=1\r\nmaster_repl_offset:100\r\n"+
			"aof_enabled:1\r\naof_last_write_status:ok\r\ndb0:keys=4,expires=1\r\ndb11:keys=5,expires=0\r\ndbx:keys=9\r\n",
			now.Add(-time.Minute).Unix()), now)
		require.Equal(t, 50.0, out.Memory.Percent)
		require.Equal(t, 75.0, out.HitRate)
		require.EqualValues(t, 9, out.Keys)
		require.EqualValues(t, 60, out.Persistence.LastSaveAge)
		require.False(t, out.Persistence.LastSaveOK)
		require.True(t, out.Persistence.AOFOK)
		require.EqualValues(t, 2, out.Replication.Replicas)
		require.Equal(t, []Replica{{Address: "10.0.0.2:6379", State: "online", Lag: 1, Bytes: 10}}, out.Replication.Behind)
	})

	t.Run("ReadsAReplicaWhoseLinkIsDown", func(t *testing.T) {
		t.Parallel()
		out := parse("role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:42\r\n", now)
		require.False(t, out.Replication.LinkUp)
		require.EqualValues(t, 42, out.Replication.Lag)
	})

	t.Run("BearsAnythingAtAll", func(t *testing.T) {
		t.Parallel()
		out := parse("mem_fragmentation_ratio:-nan\nused_memory:many\n:::\nslave0:x\nconnected_slaves:3\n", now)
		require.Zero(t, out.Memory.Fragmentation)
		require.Equal(t, 100.0, out.HitRate)
	})
}
