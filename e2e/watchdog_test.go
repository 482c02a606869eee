package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheWatchdogFallsSilentWithItsWorker counts the pings of a worker that serves, is killed, and serves
// again.
func TestTheWatchdogFallsSilentWithItsWorker(t *testing.T) {
	t.Parallel()
	var pings atomic.Int32
	monitor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pings.Add(1) }))
	t.Cleanup(monitor.Close)
	h := open(t, setting{config: "targets: {}\nworker: {watchdog: {url: \"${PING_URL}\", every: 5s}}\n", env: []string{"PING_URL=" + monitor.URL}})
	h.await("two pings", time.Minute, func() bool { return pings.Load() >= 2 })

	h.server.kill()
	silent := pings.Load()
	await(time.Now(), 7*time.Second) // one would have been due
	require.Equal(t, silent, pings.Load(), "a dead worker pings nobody")

	h.server = h.restart(h.server)
	h.await("the pings to go on", time.Minute, func() bool { return pings.Load() > silent })
}
