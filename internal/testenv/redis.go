package testenv

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/orderly-ops/orderly/internal/testenv/server"
)

// redisDatabases is how many databases the test server has; 0 only holds the counter that hands them out.
const redisDatabases = 4096

// Redis gives the URL of an empty Redis database, with a password in it.
func Redis(t testing.TB) string {
	t.Helper()
	root := need(t, "ORDERLY_TEST_REDIS_URL", "redis")
	ctx, cancel := bounded()
	defer cancel()
	counter := redisClient(t, root)
	defer counter.Close()
	n, err := counter.Incr(ctx, "orderly-test:databases").Result()
	if err != nil {
		t.Fatalf("take a test database in Redis: %v", err)
	}
	at, err := url.Parse(root)
	if err != nil {
		t.Fatal("ORDERLY_TEST_REDIS_URL is not a URL")
	}
	at.Path = "/" + strconv.FormatInt(1+n%(redisDatabases-1), 10)
	flushRedis(t, at.String())
	t.Cleanup(func() { flushRedis(t, at.String()) })
	return at.String()
}

// OwnRedis gives the URL of a Redis server that this test may treat as it likes, with settings as redis-server
// takes them: "--appendonly", "yes".
func OwnRedis(t testing.TB, settings ...string) string {
	t.Helper()
	at, stop, err := server.StartRedis(t.Context(), settings...)
	if err != nil {
		t.Fatalf("start a Redis server: %v", err)
	}
	t.Cleanup(stop)
	return at
}

func redisClient(t testing.TB, at string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(at)
	if err != nil {
		t.Fatal("ORDERLY_TEST_REDIS_URL is not a Redis URL")
	}
	return redis.NewClient(opts)
}

func flushRedis(t testing.TB, at string) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	client := redisClient(t, at)
	defer client.Close()
	if err := client.FlushDB(ctx).Err(); err != nil {
		t.Fatalf("empty a test database in Redis: %v", err)
	}
}
