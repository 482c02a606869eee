// Package service is the worker as a running process: it connects to Temporal, serves procedures and
// actions, answers health, readiness and metrics over HTTP, and stops in order. The worker binary and the
// devserver both run it.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/workflows"
)

// StopTimeout is how long actions in flight may go on once the worker was told to stop. Orchestrators
// usually kill after 30 s; what is cut off is tried again by another worker.
const StopTimeout = 20 * time.Second

// Options says what to serve and where.
type Options struct {
	Config *config.Config
	Logger *slog.Logger
	// Program is what the worker runs; nil means Orderly's procedures and actions.
	Program Builder
	// Connect reaches Temporal; nil means as orderly.yaml and the environment say.
	Connect func(context.Context, ...connect.Option) (client.Client, error)
	// Namespace is the one that Connect uses; needed only with Connect.
	Namespace string
}

// Service is a worker that serves. Stop it once.
type Service struct {
	opts      Options
	queue     string
	identity  string
	namespace string
	metrics   *metrics
	listener  net.Listener
	http      *http.Server
	client    client.Client
	program   *Program
	worker    worker.Worker
	started   time.Time
	stopping  atomic.Bool
	fatal     chan error
	undo      []func() error // what Stop does, last first
}

// Start starts everything in order and returns once the worker polls its queue. When a part can't start,
// what was started is stopped again and the error says which part and what to do.
func Start(ctx context.Context, opts Options) (*Service, error) {
	s := &Service{
		opts:     opts,
		queue:    cmp.Or(opts.Config.Temporal.TaskQueue, workflows.DefaultTaskQueue),
		identity: identity(),
		started:  time.Now(),
		fatal:    make(chan error, 1),
	}
	for _, start := range []func(context.Context) error{s.listen, s.connect, s.checkNamespace, s.build, s.serve, s.work, s.watch} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

// Fatal delivers the error that ended the service by itself, if one does.
func (s *Service) Fatal() <-chan error { return s.fatal }

// Address is where health, readiness and metrics are served.
func (s *Service) Address() string { return s.listener.Addr().String() }

// TaskQueue is the queue that the worker polls.
func (s *Service) TaskQueue() string { return s.queue }

// Stop stops in order: no new work is taken, actions in flight get StopTimeout, then journal, clients and
// the HTTP listener are closed. Readiness says "stopping" meanwhile.
func (s *Service) Stop() error {
	s.stopping.Store(true)
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i]())
	}
	s.undo = nil
	return errors.Join(errs...)
}

func (s *Service) onStop(f func() error) { s.undo = append(s.undo, f) }

// listen takes the port first: a port in use is the commonest trouble and the cheapest to find.
func (s *Service) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.opts.Config.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen %s: %w: stop what uses it, or set http.listen in orderly.yaml", s.opts.Config.HTTP.Listen, err)
	}
	s.listener = l
	s.onStop(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	s.metrics, err = newMetrics()
	return err
}

// connect reaches Temporal.
func (s *Service) connect(ctx context.Context) error {
	dial, err := s.dialler()
	if err != nil {
		return err
	}
	c, err := dial(ctx, connect.Logger(s.opts.Logger), connect.Metrics(s.metrics.handler()), connect.Identity(s.identity))
	if err != nil {
		return err
	}
	s.client = c
	s.onStop(func() error { c.Close(); return nil })
	return nil
}

// dialler decides how Temporal is reached and notes the namespace.
func (s *Service) dialler() (func(context.Context, ...connect.Option) (client.Client, error), error) {
	if s.opts.Connect != nil {
		s.namespace = cmp.Or(s.opts.Namespace, connect.DefaultNamespace)
		return s.opts.Connect, nil
	}
	resolved, err := connect.Options(s.opts.Config.Temporal)
	if err != nil {
		return nil, err
	}
	s.namespace = resolved.Namespace
	return func(ctx context.Context, opts ...connect.Option) (client.Client, error) {
		return connect.Dial(ctx, s.opts.Config.Temporal, opts...)
	}, nil
}

// build makes what the worker runs.
func (s *Service) build(ctx context.Context) error {
	build := s.opts.Program
	if build == nil {
		build = Orderly
	}
	program, err := build(ctx, Parts{
		Config: s.opts.Config, Client: s.client, Logger: s.opts.Logger, Metrics: s.metrics.handler(),
	})
	if err != nil {
		return err
	}
	s.program = program
	if program.Close != nil {
		s.onStop(program.Close)
	}
	for _, c := range program.Collectors {
		if err := s.metrics.registry.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// fail ends the service from within; the first reason counts.
func (s *Service) fail(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}

// identity tells this process from others in histories and among the queue's pollers.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("orderly-worker@%s:%d", host, os.Getpid())
}
