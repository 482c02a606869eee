package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/kpi"
	"github.com/orderly-ops/orderly/internal/version"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// Orderly is the program of every production worker: all procedures, all actions, and the journal.
func Orderly(ctx context.Context, p Parts) (*Program, error) {
	log, err := journal.Open(ctx, p.Config.Journal.DSN.Reveal())
	if err != nil {
		return nil, fmt.Errorf("journal.dsn: %w", err)
	}
	hub, err := newHub(p, log) //nolint:contextcheck // the hub lives longer than what starts it
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	sources := p.Config.ProcedureSources(library.FS)
	people := engine.NewPeople(sources, hub, engine.PeopleOptions{Redact: p.Config.Redact, Logger: p.Logger})
	procedures := func() *sops.Library {
		lib, _ := sops.LoadLibrary(sources, sops.Env{Catalogue: activities.Catalogue()}) // its problems are the checks' to tell
		return lib
	}
	actions := activities.Definitions(activities.Deps{Config: p.Config, Journal: log, Org: people.Org, Procedures: procedures, Ask: asking(p.Client), Tell: people}) //nolint:contextcheck // clients are made when first used
	catalogue := activities.Describe(actions)
	own := engine.New(sources, sops.Env{ //nolint:contextcheck // likewise
		Catalogue: catalogue,
		Targets:   p.Config.TargetNames(),
		Commands:  p.Config.CommandNames(),
	}, log, engine.Reaching(people))
	background := []func(context.Context){catchUp(log, p.Logger)}
	if p.Client != nil {
		background = append(background, (&lost{temporal: p.Client, journal: log, logger: p.Logger, now: time.Now}).run)
	}
	stop := beside(background...) //nolint:contextcheck // it goes on until the program is closed
	return &Program{
		Register: func(r worker.Registry) {
			workflows.Register(r, workflows.Options{
				Catalogue:  catalogue,
				Version:    version.String(),
				Versioning: versioning(p.Config.Worker),
			})
			activities.Register(r, actions, p.Config.Redact)
			own.Register(r)
		},
		Checks:     []Check{{Name: "journal", Ask: log.Ping}},
		Collectors: []prometheus.Collector{figures(log, p.Logger)},
		Close: func() error { //nolint:contextcheck // the context of the start has ended by then
			stop()
			return errors.Join(activities.Close(actions), closeHub(hub), log.Close())
		},
	}, nil
}

// beside does something beside everything else until it is stopped.
func beside(all ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var under sync.WaitGroup
	for _, do := range all {
		under.Go(func() { do(ctx) })
	}
	return func() {
		cancel()
		under.Wait()
	}
}

// catchUp makes what key figures need of the records that an older version has written: then neither the first
// look at /metrics nor the first `orderly kpi` after an upgrade has to.
func catchUp(log *journal.Journal, logger *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		if err := log.CatchUp(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("the facts of older records are not made yet; whoever asks for key figures waits for them", "error", err)
		}
	}
}

// figures shows the key figures of the last 30 days.
func figures(log *journal.Journal, logger *slog.Logger) *kpi.Collector {
	return kpi.NewCollector(func(ctx context.Context) (*kpi.Set, error) { return kpi.Read(ctx, log, kpi.Options{}) }, logger)
}

// asking gives the record of a run as the run itself tells it.
func asking(c client.Client) func(context.Context, string) (json.RawMessage, error) {
	return func(ctx context.Context, workflowID string) (json.RawMessage, error) {
		value, err := c.QueryWorkflow(ctx, workflowID, "", workflows.QueryStatus)
		if err != nil {
			return nil, err
		}
		var record json.RawMessage
		err = value.Get(&record)
		return record, err
	}
}

// versioning keeps a run on the worker version it began with, where versions are told apart at all: an
// engine change then can't break a run in flight.
func versioning(cfg config.Worker) workflow.VersioningBehavior {
	if cfg.Deployment == "" {
		return workflow.VersioningBehaviorUnspecified
	}
	return workflow.VersioningBehaviorPinned
}
