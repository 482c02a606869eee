package service

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// taken is an address on which something else listens.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// free is an address on which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestStart(t *testing.T) {
	t.Parallel()

	t.Run("NamesTheKeyWhosePortIsTaken", func(t *testing.T) {
		t.Parallel()
		cfg := &config.Config{HTTP: config.HTTP{Listen: taken(t)}}
		_, err := Start(t.Context(), Options{Config: cfg, Logger: quiet()})
		require.ErrorContains(t, err, "http.listen "+cfg.HTTP.Listen)
		require.ErrorContains(t, err, "set http.listen in orderly.yaml")
	})

	t.Run("GivesItsPortBackWhenTemporalIsDown", func(t *testing.T) {
		t.Parallel()
		cfg := &config.Config{HTTP: config.HTTP{Listen: free(t)}, Temporal: config.Temporal{Address: free(t)}}
		_, err := Start(t.Context(), Options{Config: cfg, Logger: quiet()})
		require.ErrorContains(t, err, "is Temporal running at "+cfg.Temporal.Address)
		l, err := net.Listen("tcp", cfg.HTTP.Listen)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	})
}

// unreachable is a service whose Temporal is gone and whose journal answers as told.
func unreachable(t *testing.T, journal error) *Service {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: free(t), Logger: nopLogger{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &Service{
		client:  c,
		queue:   "orderly",
		program: &Program{Checks: []Check{{Name: "journal", Ask: func(context.Context) error { return journal }}}},
	}
}

type nopLogger struct{}

func (nopLogger) Debug(string, ...any) {}
func (nopLogger) Info(string, ...any)  {}
func (nopLogger) Warn(string, ...any)  {}
func (nopLogger) Error(string, ...any) {}

func TestReadyz(t *testing.T) {
	t.Parallel()

	t.Run("SaysInPlainTextWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		unreachable(t, nil).readyz(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		lines := strings.Split(w.Body.String(), "\n")
		require.True(t, strings.HasPrefix(lines[0], "temporal  "), lines[0])
		require.NotContains(t, lines[0], "ok")
		require.Equal(t, "journal   ok", lines[2])
	})

	t.Run("SaysSoInJSON", func(t *testing.T) {
		t.Parallel()
		r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		unreachable(t, errors.New("journal (sqlite): reach it: disk gone")).readyz(w, r)
		var got Readiness
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.False(t, got.Ready)
		require.Equal(t, Result{Name: "journal", Error: "journal (sqlite): reach it: disk gone"}, got.Checks[2])
	})
}

func TestLogger(t *testing.T) {
	t.Parallel()

	t.Run("LetsNoSecretThrough", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		redact := func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }
		log, err := (&LogFlags{Format: "json"}).Logger(&out, redact)
		require.NoError(t, err)
		log.With("dsn", "postgres://a:hunter2@b").Info("login hunter2", "error", errors.New("bad hunter2"),
			slog.Group("target", "url", "hunter2"))
		require.NotContains(t, out.String(), "hunter2")
		require.Contains(t, out.String(), "bad …")
	})

	t.Run("RefusesAnUnknownFormat", func(t *testing.T) {
		t.Parallel()
		_, err := (&LogFlags{Format: "xml"}).Logger(io.Discard, strings.ToLower)
		require.ErrorContains(t, err, `--log-format "xml"`)
	})

	t.Run("TakesItsLevelFromTheFlag", func(t *testing.T) {
		t.Parallel()
		f := LogFlags{Format: "text", Level: slog.LevelWarn}
		set := pflag.NewFlagSet("test", pflag.ContinueOnError)
		f.Bind(set)
		require.NoError(t, set.Parse([]string{"--log-level", "debug"}))
		require.Equal(t, slog.LevelDebug, f.Level)
	})
}

func TestWorkerOptions(t *testing.T) {
	t.Parallel()

	t.Run("AreUnversionedByDefault", func(t *testing.T) {
		t.Parallel()
		o, err := workerOptions(config.Worker{})
		require.NoError(t, err)
		require.False(t, o.DeploymentOptions.UseVersioning)
	})

	t.Run("PinRunsToADeployment", func(t *testing.T) {
		t.Parallel()
		o, err := workerOptions(config.Worker{Deployment: "orderly", BuildID: "v1"})
		require.NoError(t, err)
		require.True(t, o.DeploymentOptions.UseVersioning)
		require.Equal(t, "orderly.v1", o.DeploymentOptions.Version.DeploymentName+"."+o.DeploymentOptions.Version.BuildID)
	})

	t.Run("AskForABuildIDWhenTheBinaryHasNone", func(t *testing.T) {
		t.Parallel()
		_, err := workerOptions(config.Worker{Deployment: "orderly"})
		require.ErrorContains(t, err, "worker.build_id")
	})
}

func TestMetricsShowKeyFigures(t *testing.T) {
	t.Parallel()
	log, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	m, err := newMetrics()
	require.NoError(t, err)
	require.NoError(t, m.registry.Register(figures(log, quiet())))
	w := httptest.NewRecorder()
	m.serve().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `orderly_kpi_records{kpi="mtta"} 0`)
	require.NotContains(t, w.Body.String(), "orderly_kpi_mtta_seconds", "no data, no sample")
}

func TestAWorkerMakesTheFactsOfOlderRecordsByItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	log, err := journal.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	began := time.Now()
	require.NoError(t, log.SaveRun(t.Context(), journal.Run{
		WorkflowID: "daily-check/docs", RunID: "1", Procedure: "daily-check", State: "running", Started: began, Updated: began,
		Record: json.RawMessage(`{"procedure": "daily-check", "started": "2026-11-21T11:00:00Z"}`),
	}))
	raw, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	_, err = raw.ExecContext(t.Context(), "DELETE FROM orderly_facts")
	require.NoError(t, err)
	stop := beside(catchUp(log, quiet()))
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, raw.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM orderly_facts").Scan(&n))
		return n == 1
	}, 10*time.Second, 10*time.Millisecond)
	stop()
}

func TestMetricsShowTheBuildAndWhatTheSDKCounts(t *testing.T) {
	t.Parallel()
	m, err := newMetrics()
	require.NoError(t, err)
	h := m.handler().WithTags(map[string]string{"procedure": "daily-check"})
	h.Counter("orderly_runs_ended").Inc(2)
	h.Timer("temporal_workflow_task_schedule_to_start_latency").Record(20e6)
	w := httptest.NewRecorder()
	m.serve().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`orderly_build_info{`,
		`orderly_runs_ended_total{procedure="daily-check"} 2`,
		`temporal_workflow_task_schedule_to_start_latency_seconds_bucket{procedure="daily-check",le="0.025"} 1`,
		`process_start_time_seconds`,
	} {
		require.Contains(t, w.Body.String(), line)
	}
}
