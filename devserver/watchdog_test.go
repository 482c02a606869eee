package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/watchdog"
)

const pingToken = "token-0123456789"

// monitor takes pings, and answers with status.
type monitor struct {
	*httptest.Server
	pings  chan string // method and path
	status atomic.Int64
}

func newMonitor(t *testing.T) *monitor {
	t.Helper()
	m := &monitor{pings: make(chan string, 100)}
	m.status.Store(http.StatusOK)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(m.status.Load()))
		m.pings <- r.Method + " " + r.URL.Path
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *monitor) await(t *testing.T) {
	t.Helper()
	select {
	case ping := <-m.pings:
		require.Equal(t, "GET /"+pingToken, ping)
	case <-time.After(patience):
		require.Fail(t, "no ping came")
	}
}

func (m *monitor) config(every time.Duration) config.Watchdog {
	return config.Watchdog{URL: config.NewSecret(m.URL + "/" + pingToken), Every: every}
}

func awaitLog(t *testing.T, log *lockedBuffer, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), want) }, patience, 20*time.Millisecond, "%q", want)
}

func TestTheWatchdog(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	c := server(t, o)
	polls := func(context.Context) error { return nil }

	t.Run("PingsWhileTheWorkerServesTimers", func(t *testing.T) {
		m := newMonitor(t)
		settings := m.config(time.Hour)
		cfg := &config.Config{Worker: config.Worker{Watchdog: &settings}}
		s, err := service.Start(t.Context(), serviceOptions(o, cfg, func(worker.Registry) {}))
		require.NoError(t, err)
		m.await(t)
		require.Eventually(t, func() bool {
			answer, err := http.Get("http://" + s.Address() + "/metrics")
			require.NoError(t, err)
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Contains(t, string(text), "orderly_watchdog_last_success_seconds")
			return !strings.Contains(string(text), "orderly_watchdog_last_success_seconds 0\n")
		}, patience, 20*time.Millisecond)
		require.NoError(t, s.Stop())
	})

	t.Run("IsSilentWhileNobodyServesThemAndGoesOnAfterwards", func(t *testing.T) {
		m, log := newMonitor(t), &lockedBuffer{}
		const queue = "watched"
		dog := &watchdog.Watchdog{
			Client: c, Queue: queue, Identity: "test", Polls: polls, Config: m.config(20 * time.Millisecond),
			Logger: slog.New(slog.NewTextHandler(log, nil)), Pinged: func(time.Time) {},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			dog.Run(ctx)
		}()
		awaitLog(t, log, "the pings stop")
		require.Contains(t, log.String(), "was not served within 10s")
		require.Empty(t, m.pings, "no worker, no ping")

		w := worker.New(c, queue, worker.Options{})
		watchdog.Register(w)
		require.NoError(t, w.Start())
		defer w.Stop()
		m.await(t)
		awaitLog(t, log, "the pings go on")

		m.status.Store(http.StatusNotFound)
		awaitLog(t, log, "status 404")
		cancel()
		<-done
		require.Equal(t, 2, strings.Count(log.String(), "the pings stop"), "once each time")
		testenv.AssertNoSecret(t, pingToken, log.String())
	})

	t.Run("IsSilentWhenThisWorkerDoesNotPoll", func(t *testing.T) {
		m, log := newMonitor(t), &lockedBuffer{}
		ctx, cancel := context.WithCancel(t.Context())
		dog := &watchdog.Watchdog{
			Client: c, Queue: "any", Identity: "test", Config: m.config(time.Hour),
			Logger: slog.New(slog.NewTextHandler(log, nil)), Pinged: func(time.Time) {},
			Polls: func(context.Context) error { return io.ErrUnexpectedEOF },
		}
		go func() {
			defer cancel()
			awaitLog(t, log, io.ErrUnexpectedEOF.Error())
		}()
		dog.Run(ctx)
		require.Empty(t, m.pings)
	})

	t.Run("LeavesNothingOpenAndCanBeLeftOutOfLists", func(t *testing.T) {
		require.Eventually(t, func() bool {
			return len(find(t, c, "WorkflowType = '"+watchdog.WorkflowType+"' AND ExecutionStatus = 'Running'")) == 0
		}, patience, 100*time.Millisecond)
		require.NotEmpty(t, find(t, c, "TaskQueue = 'watched'"))
		require.Empty(t, find(t, c, "TaskQueue = 'watched' AND WorkflowType != '"+watchdog.WorkflowType+"'"))
	})
}

func find(t *testing.T, c client.Client, query string) []*workflowpb.WorkflowExecutionInfo {
	t.Helper()
	found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	require.NoError(t, err)
	return found.GetExecutions()
}
