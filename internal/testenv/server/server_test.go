package server

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// alone hides the servers that lead this very test run.
func alone(t *testing.T) {
	t.Helper()
	for _, variable := range leaders {
		t.Setenv(variable, "")
	}
}

func TestServersAnswerUntilTheyAreStopped(t *testing.T) {
	alone(t)
	servers, err := Start(t.Context(), Kinds)
	require.NoError(t, err)
	defer servers.Stop()
	led := map[string]string{}
	for _, line := range servers.Env() {
		key, value, _ := strings.Cut(line, "=")
		led[key] = value
	}
	for _, kind := range []string{"postgres", "redis", "s3"} {
		at, err := url.Parse(led[leaders[kind]])
		require.NoError(t, err)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", at.Host)
		require.NoError(t, err, kind)
		require.NoError(t, conn.Close())
	}
	require.NotEmpty(t, led[leaders["docker"]])
	require.NotEmpty(t, led["ORDERLY_TEST_DOCKER_IMAGE"])

	servers.Stop()
	for _, kind := range []string{"postgres", "redis", "s3"} {
		at, err := url.Parse(led[leaders[kind]])
		require.NoError(t, err)
		_, err = new(net.Dialer).DialContext(t.Context(), "tcp", at.Host)
		require.Error(t, err, kind)
	}
	_, err = os.Stat(servers.dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestServerThatIsLedToAlreadyIsNotStarted(t *testing.T) {
	alone(t)
	t.Setenv(leaders["redis"], "redis://elsewhere:6379/0")
	servers, err := Start(t.Context(), []string{"redis"})
	require.NoError(t, err)
	defer servers.Stop()
	require.Empty(t, servers.Env())
}

func TestUnknownServerNamesTheKnown(t *testing.T) {
	alone(t)
	_, err := Start(t.Context(), []string{"mysql"})
	require.ErrorContains(t, err, `unknown server "mysql" (there are postgres, redis, s3, docker)`)
}

func TestMissingProgramSaysWhatToDo(t *testing.T) {
	alone(t)
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), []string{"redis"})
	require.ErrorContains(t, err, "redis: redis-server is not installed: run .ci/deps")
}

func TestStartThatIsCancelledLeavesNothing(t *testing.T) {
	alone(t)
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, []string{"redis", "postgres"})
	require.Error(t, err)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}
