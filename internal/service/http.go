package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/orderly-ops/orderly/internal/version"
)

// serve begins to answer over HTTP.
//
//	/healthz  the process is alive: 200 as long as it can answer
//	/readyz   it can serve runs: 200, or 503 and what is missing
//	/metrics  Prometheus
//
// /healthz and /readyz answer in JSON when asked for application/json, in plain text otherwise.
func (s *Service) serve(context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics.serve())
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second, // longer than /readyz takes when everything hangs
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("http.listen %s: %w", s.Address(), err))
		}
	}()
	s.onStop(func() error { //nolint:contextcheck // the context of the start has ended by then
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return errors.Join(s.http.Shutdown(ctx), s.http.Close())
	})
	return nil
}

// health is the JSON answer of /healthz.
type health struct {
	Version string  `json:"version"`
	Uptime  float64 `json:"uptime_seconds"`
}

func (s *Service) healthz(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) {
		answerJSON(w, http.StatusOK, health{Version: version.String(), Uptime: time.Since(s.started).Seconds()})
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

func (s *Service) readyz(w http.ResponseWriter, r *http.Request) {
	ready := s.Ready(r.Context())
	status := http.StatusOK
	if !ready.Ready {
		status = http.StatusServiceUnavailable
	}
	if wantsJSON(r) {
		answerJSON(w, status, ready)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range ready.Checks {
		word := "ok"
		if c.Error != "" {
			word = c.Error
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", c.Name, word)
	}
	_ = table.Flush()
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
