package redis

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func client(t testing.TB, address string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(address)
	require.NoError(t, err)
	c := redis.NewClient(opts)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// fill writes n keys of that prefix, of 100 bytes each.
func fill(t testing.TB, c *redis.Client, prefix string, n int) {
	t.Helper()
	pipe := c.Pipeline()
	for i := range n {
		pipe.Set(t.Context(), fmt.Sprintf("%s%d", prefix, i), fmt.Sprintf("%0100d", i), 0)
	}
	_, err := pipe.Exec(t.Context())
	require.NoError(t, err)
}

func TestFlush(t *testing.T) {
	t.Parallel()

	t.Run("NeedsTheTargetsNameTwice", func(t *testing.T) {
		t.Parallel()
		address := testenv.Redis(t)
		c := client(t, address)
		fill(t, c, "a", 3)
		for _, confirm := range []string{"", "yes", "cach"} {
			_, err := setup(t, address).flush(t.Context(), FlushInput{Target: "cache", Confirm: confirm})
			testenv.RequirePermanent(t, err, action.ErrDenied)
			require.ErrorContains(t, err, `confirm has to be "cache"`)
		}
		require.EqualValues(t, 3, c.DBSize(t.Context()).Val())
	})

	t.Run("EmptiesItsDatabaseOnlyAndMeasuresWhatCameBack", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		c := client(t, address)
		fill(t, c, "a", 50_000)
		require.NoError(t, c.Do(t.Context(), "SELECT", 0).Err())
		require.NoError(t, c.Copy(t.Context(), "a1", "kept", 7, false).Err())
		s := setup(t, address)
		dry, err := s.flush(t.Context(), FlushInput{Target: "cache", DryRun: true})
		require.NoError(t, err)
		require.EqualValues(t, 50_000, dry.Matched)
		require.Zero(t, dry.Deleted)
		require.EqualValues(t, 50_000, dry.KeysAfter)
		out, err := s.flush(t.Context(), FlushInput{Target: "cache", Confirm: "cache"})
		require.NoError(t, err)
		require.Equal(t, "db 0", out.Scope)
		require.EqualValues(t, 50_000, out.Deleted)
		require.Zero(t, out.KeysAfter)
		require.Greater(t, out.Recovered, int64(5_000_000))
		out, err = s.flush(t.Context(), FlushInput{Target: "cache", Confirm: "cache", All: true})
		require.NoError(t, err)
		require.EqualValues(t, 1, out.Deleted, "the key of the other database")
		require.Equal(t, "all databases", out.Scope)
	})

	t.Run("DeletesOnlyWhatIsLikeThePattern", func(t *testing.T) {
		t.Parallel()
		address := testenv.Redis(t)
		c := client(t, address)
		fill(t, c, "session:", 5000)
		fill(t, c, "user:", 10)
		s := setup(t, address)
		dry, err := s.flush(t.Context(), FlushInput{Target: "cache", Pattern: "session:*", DryRun: true})
		require.NoError(t, err)
		require.GreaterOrEqual(t, dry.Matched, int64(5000))
		require.EqualValues(t, 5010, dry.KeysAfter)
		out, err := s.flush(t.Context(), FlushInput{Target: "cache", Pattern: "session:*", Confirm: "cache"})
		require.NoError(t, err)
		require.EqualValues(t, 5000, out.Deleted)
		require.EqualValues(t, 10, out.KeysAfter)
		_, err = s.flush(t.Context(), FlushInput{Target: "cache", Pattern: "x", All: true, DryRun: true})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})

	t.Run("RefusesAReplica", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		require.NoError(t, client(t, address).ReplicaOf(t.Context(), "127.0.0.1", "1").Err())
		_, err := setup(t, address).flush(t.Context(), FlushInput{Target: "cache", Confirm: "cache"})
		testenv.RequirePermanent(t, err, action.ErrInput)
		require.ErrorContains(t, err, "name its master")
	})

	t.Run("OfAUserWhoMayNotIsFinal", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		c := client(t, address)
		require.NoError(t, c.Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">reader-pass", "~*", "+@all", "-flushdb").Err())
		opts := c.Options()
		_, err := setup(t, "redis://reader:reader-pass@"+opts.Addr+"/0").flush(t.Context(), FlushInput{Target: "cache", Confirm: "cache"})
		testenv.RequirePermanent(t, err, action.ErrDenied)
		testenv.AssertNoSecret(t, "reader-pass", err)
	})
}

func TestSave(t *testing.T) {
	t.Parallel()

	t.Run("AnswersWhenTheSnapshotIsOnDisk", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t, "--appendonly", "yes")
		c := client(t, address)
		fill(t, c, "a", 1000)
		require.NoError(t, c.ConfigSet(t.Context(), "rdb-key-save-delay", "300").Err())
		s := setup(t, address)
		out, err := s.save(t.Context(), SaveInput{Target: "cache", RewriteAOF: true})
		require.NoError(t, err)
		require.True(t, out.SavedAt.After(out.Before))
		require.Equal(t, c.LastSave(t.Context()).Val(), out.SavedAt.Unix())
		require.Greater(t, out.Duration.D(), 250*time.Millisecond)
		require.False(t, out.Joined)
		require.True(t, out.AOFRewritten)
		_, err = os.Stat(filepath.Join(c.ConfigGet(t.Context(), "dir").Val()["dir"], "dump.rdb"))
		require.NoError(t, err)
		again, err := s.save(t.Context(), SaveInput{Target: "cache"})
		require.NoError(t, err)
		require.Equal(t, out.SavedAt, again.Before)
		require.True(t, again.SavedAt.After(again.Before))
		require.False(t, again.AOFRewritten)
	})

	t.Run("WaitsForSomebodyElsesSaveAndMakesItsOwn", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		c := client(t, address)
		fill(t, c, "a", 1000)
		require.NoError(t, c.ConfigSet(t.Context(), "rdb-key-save-delay", "500").Err())
		require.NoError(t, c.BgSave(t.Context()).Err())
		out, err := setup(t, address).save(t.Context(), SaveInput{Target: "cache", RewriteAOF: true})
		require.NoError(t, err)
		require.True(t, out.Joined)
		require.True(t, out.SavedAt.After(out.Before))
		require.False(t, out.AOFRewritten, "it is off")
	})

	t.Run("FailsWhenTheServerCannotWrite", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		c := client(t, address)
		fill(t, c, "a", 10)
		dir := c.ConfigGet(t.Context(), "dir").Val()["dir"]
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "dump.rdb", "in-the-way"), 0o700))
		s := setup(t, address)
		for range 2 { // the first leaves the server's last status bad
			_, err := s.save(t.Context(), SaveInput{Target: "cache"})
			testenv.RequireTransient(t, err)
			require.ErrorContains(t, err, "could not write its snapshot")
		}
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "dump.rdb")))
		_, err := s.save(t.Context(), SaveInput{Target: "cache"})
		require.NoError(t, err, "a bad status from before is not held against it")
	})

	t.Run("GivesUpInTimeAndWhenCancelled", func(t *testing.T) {
		t.Parallel()
		address := testenv.OwnRedis(t)
		c := client(t, address)
		fill(t, c, "a", 1000)
		require.NoError(t, c.ConfigSet(t.Context(), "rdb-key-save-delay", "1000000").Err())
		s := setup(t, address)
		_, err := s.save(t.Context(), SaveInput{Target: "cache", Timeout: sops.Duration(time.Second)})
		testenv.RequireTransient(t, err)
		require.ErrorIs(t, err, errLate)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.save(ctx, SaveInput{Target: "cache"})
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.save(t.Context(), SaveInput{Target: "cache", Timeout: sops.Duration(time.Hour)})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
}
