package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"

	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/internal/service"
	"github.com/orderly-ops/orderly/internal/version"
)

// serve runs everything until ctx ends or a part fails, then stops it in order: worker, UI, server.
func serve(ctx context.Context, f *flags, stdout, stderr io.Writer) error {
	cfg, err := config.Load(f.config)
	if err != nil {
		return err
	}
	logger, err := f.log.Logger(stderr, cfg.Redact)
	if err != nil {
		return err
	}
	slog.SetDefault(logger)
	stack, err := start(ctx, f, cfg, logger)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil //nolint:nilerr // stopped while starting: no failure
	case err != nil:
		return err
	}
	announce(stdout, f, stack)
	var failed error
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(stdout, "stopping; once more stops at once")
	case failed = <-stack.worker.Fatal():
	}
	return errors.Join(failed, stack.stop())
}

// running is what was started, and how it is stopped again.
type running struct {
	server serverOptions
	worker *service.Service
	undo   []func() error
}

func (r *running) onStop(f func() error) { r.undo = append(r.undo, f) }

// stop undoes every start, last first.
func (r *running) stop() error {
	var errs []error
	for i := len(r.undo) - 1; i >= 0; i-- {
		errs = append(errs, r.undo[i]())
	}
	return errors.Join(errs...)
}

// start brings everything up in order; when a part fails, what was started is stopped again.
func start(ctx context.Context, f *flags, cfg *config.Config, logger *slog.Logger) (*running, error) {
	r := &running{server: serverOptions{
		dir:       f.data,
		ip:        f.ip,
		port:      f.port,
		namespace: cmp.Or(cfg.Temporal.Namespace, connect.DefaultNamespace),
		retention: f.retention.D(),
		untuned:   f.untuned,
		logger:    logger,
	}}
	if err := r.startAll(ctx, f, cfg); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *running) startAll(ctx context.Context, f *flags, cfg *config.Config) error {
	if err := r.claim(ctx, f, cfg); err != nil {
		return err
	}
	stopServer, err := startServer(ctx, r.server)
	if err != nil {
		return err
	}
	r.onStop(stopServer)
	if !f.headless {
		stopUI := startUI(f.ip, f.uiPort, r.server.address(), r.server.namespace, r.server.logger)
		r.onStop(func() error { stopUI(); return nil })
	}
	r.worker, err = service.Start(ctx, service.Options{
		Config:    cfg,
		Logger:    r.server.logger,
		Namespace: r.server.namespace,
		Connect: func(ctx context.Context, opts ...connect.Option) (client.Client, error) {
			return dialServer(ctx, r.server, opts...)
		},
	})
	if err != nil {
		return err
	}
	r.onStop(r.worker.Stop)
	return nil
}

// claim takes the data folder and looks at the ports before anything is started.
func (r *running) claim(ctx context.Context, f *flags, cfg *config.Config) error {
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	lock, err := lockDir(f.data)
	if err != nil {
		return err
	}
	r.onStop(lock.release)
	ports := [][2]string{
		{"--port", join(f.ip, f.port)},
		{"http.listen in orderly.yaml", cfg.HTTP.Listen},
	}
	if !f.headless {
		ports = append(ports, [2]string{"--ui-port", join(f.ip, f.uiPort)})
	}
	for _, p := range ports {
		if err := checkPort(ctx, p[0], p[1]); err != nil {
			return err
		}
	}
	return nil
}

// announce says where everything is, in one write.
func announce(w io.Writer, f *flags, r *running) {
	data, err := filepath.Abs(f.data)
	if err != nil {
		data = f.data
	}
	var text bytes.Buffer
	_, _ = fmt.Fprintf(&text, "Orderly %s is running; Ctrl-C stops it.\n\n", version.String())
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(what, where string) { _, _ = fmt.Fprintf(table, "  %s\t%s\n", what, where) }
	line("Temporal", fmt.Sprintf("%s (namespace %s, task queue %s)", r.server.address(), r.server.namespace, r.worker.TaskQueue()))
	if !f.headless {
		line("Web UI", "http://"+join(reachable(f.ip), f.uiPort))
	}
	line("Health", "http://"+r.worker.Address()+"/readyz")
	line("Metrics", "http://"+r.worker.Address()+"/metrics")
	line("Data", data)
	_ = table.Flush()
	if ip := net.ParseIP(f.ip); !ip.IsLoopback() {
		_, _ = fmt.Fprintf(&text, "\n  Whoever reaches %s can start, signal and stop runs: nothing asks for credentials.\n", f.ip)
	}
	_, _ = w.Write(text.Bytes())
}
