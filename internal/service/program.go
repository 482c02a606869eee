package service

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
)

// Program is what a worker runs and what that needs.
type Program struct {
	// Register tells the worker its workflows and activities.
	Register func(worker.Registry)
	// Checks are asked by /readyz besides Temporal and the worker.
	Checks []Check
	// Collectors are shown by /metrics besides what is counted.
	Collectors []prometheus.Collector
	// Close frees what the program holds, once the worker has stopped. It may be nil.
	Close func() error
}

// Check says whether something the program needs can be reached.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Parts is what a program is built from.
type Parts struct {
	Config *config.Config
	Client client.Client
	Logger *slog.Logger
	// Metrics takes what the program counts; nil: nobody counts.
	Metrics client.MetricsHandler
}

// Builder makes a program.
type Builder func(context.Context, Parts) (*Program, error)
