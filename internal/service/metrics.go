package service

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/orderly-ops/orderly/internal/version"
)

// buckets fits what the SDK times, in seconds: from a local activity to a task that waited out an outage.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// metrics is everything that /metrics shows: the SDK's, Orderly's own and the process's.
type metrics struct {
	registry *prometheus.Registry
	provider *sdkmetric.MeterProvider
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(),
	)
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &metrics{
		registry: registry,
		provider: sdkmetric.NewMeterProvider(
			sdkmetric.WithReader(exporter),
			sdkmetric.WithView(sdkmetric.NewView(
				sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram},
				sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: buckets}},
			)),
		),
	}, nil
}

// buildInfo is the constant 1, labelled with what runs.
func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "orderly_build_info",
		Help:        "What runs: the version of Orderly and of Go.",
		ConstLabels: prometheus.Labels{"version": version.String(), "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}

// handler takes the SDK's metrics, and those that workflows and activities count through it. Monotonic
// counters get the names that Temporal's published dashboards ask for (temporal_request_total).
func (m *metrics) handler() client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                m.provider.Meter("temporal-sdk-go"),
		OnError:              func(err error) { slog.Warn("metrics", "error", err) },
		UseMonotonicCounters: true,
	})
}

// serve answers a scrape.
func (m *metrics) serve() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
