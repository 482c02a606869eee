package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops"
)

// Options are what a simulation needs besides its scenario.
type Options struct {
	// Sources are the folders of procedures, with org.yaml. Required.
	Sources []sops.Source
	// Catalogue is every action there is. Default: activities.Catalogue.
	Catalogue *sops.Catalogue
	// Version of this build, for the record. Default: "dev".
	Version string
	// ContinueAfter is after about how many events of history a run continues as new. Default: 4096, as Temporal
	// suggests it.
	ContinueAfter int
	// Cache is shared by simulations of the same sources. Default: each has its own.
	Cache *Cache

	sdk bool // the coroutines are the SDK's own
}

func (o Options) withDefaults() Options {
	if o.Catalogue == nil {
		o.Catalogue = activities.Catalogue()
	}
	o.Version = cmp.Or(o.Version, "dev")
	if o.Cache == nil {
		o.Cache = &Cache{once: true}
	}
	o.ContinueAfter = cmp.Or(o.ContinueAfter, 4096)
	return o
}

// Run plays a scenario: the procedure runs to its end, or to the scenario's horizon. The same scenario always
// gives the same result. An error says that the run could not even begin, or that the simulation itself broke;
// a run that fails is a result.
func Run(ctx context.Context, o Options, s *Scenario) (result *Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("scenario %s of %s: the simulation broke off, please report it: %v", s.ID, s.Procedure, p)
		}
	}()
	w, err := newWorld(ctx, o.withDefaults(), s)
	if err != nil {
		return nil, fmt.Errorf("scenario %s of %s: %w", s.ID, s.Procedure, plainly(err))
	}
	if err := w.play(); err != nil {
		return nil, fmt.Errorf("scenario %s of %s: %w", s.ID, s.Procedure, plainly(err))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("scenario %s of %s: given up at %s of its time: %w", s.ID, s.Procedure, at(w.clock), err)
	}
	return w.finish(), nil
}

// plainly is an error without what Temporal adds to its own.
func plainly(err error) error {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return errors.New(app.Message())
	}
	return err
}

// at is a time as messages of this package show it.
func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
