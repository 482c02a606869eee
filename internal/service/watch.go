package service

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderly-ops/orderly/internal/watchdog"
)

// watch starts the watchdog, if orderly.yaml has one. It is the first to stop: a worker that is told to
// stop no longer serves timers.
func (s *Service) watch(ctx context.Context) error {
	settings := s.opts.Config.Worker.Watchdog
	if settings == nil {
		return nil
	}
	last := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderly_watchdog_last_success_seconds",
		Help: "When the watchdog last pinged its URL, in seconds since 1970; 0: not yet.",
	})
	s.metrics.registry.MustRegister(last)
	w := &watchdog.Watchdog{
		Client: s.client, Queue: s.queue, Identity: s.identity, Polls: s.polling, Config: *settings, Logger: s.opts.Logger,
		Pinged: func(at time.Time) { last.Set(float64(at.UnixMilli()) / 1000) },
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // that of the start has an end of its own
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	s.onStop(func() error {
		cancel()
		<-done
		return nil
	})
	return nil
}
