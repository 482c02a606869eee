package kpi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// freshEnough is how long figures are shown before they are made again: an incident that opens is to be seen soon.
	freshEnough = time.Minute
	// patience is how long a scrape waits for them; Prometheus itself gives up after 10 s.
	patience = 5 * time.Second
)

// Collector shows the figures of the last 30 days among a worker's metrics. They are made when somebody looks,
// at most every minute; when they can't be, the older ones are shown and the log says why.
type Collector struct {
	read   func(context.Context) (*Set, error)
	logger *slog.Logger

	mu   sync.Mutex
	last *Set
	at   time.Time // of the last attempt
}

// NewCollector shows what read gives.
func NewCollector(read func(context.Context) (*Set, error), logger *slog.Logger) *Collector {
	return &Collector{read: read, logger: logger}
}

// Describe says nothing: which metrics there are depends on the data.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	if set := c.current(); set != nil {
		set.send(ch)
	}
}

// current makes the figures anew when they are old. Scrapes that come meanwhile wait for the same ones.
func (c *Collector) current() *Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < freshEnough {
		return c.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	set, err := c.read(ctx)
	c.at = time.Now()
	if err != nil {
		c.logger.Warn("key figures can't be made; /metrics shows the last ones", "error", err)
		return c.last
	}
	c.last = set
	return set
}
