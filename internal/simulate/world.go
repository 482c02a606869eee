package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// world is everything around one simulated run. It belongs to one goroutine at a time: the test environment's
// loop and the workflow coroutines that it hands control to.
type world struct {
	ctx      context.Context
	options  Options
	scenario *Scenario
	start    time.Time
	clock    time.Time // the present
	horizon  time.Time
	dead     []span // when no worker lives, in order

	people *engine.People
	own    map[string]reflect.Value // the engine's own activities, by name
	inside map[string]action.Definition
	hub    *hub
	script *script

	env    *testsuite.TestWorkflowEnvironment // of the current execution
	id     string                             // workflow id of the run
	input  json.RawMessage
	title  string
	events int // of the current execution's history, about

	runs    []*live              // every run that was simulated, in the order of their start
	started map[string]time.Time // runs that are only noted, and until when they are open
	queue   queue                // what is to happen
	asked   map[string]bool      // questions that an answer is planned for
	result  *Result

	crews     []*crew // of the current execution and of those that it runs
	execution int     // how often it has continued as new, plus 1
	over      bool    // the horizon is reached
	starting  bool    // another run is about to begin: time stands still
	toStart   []*live // those that begin others, each as often as it does
}

// span is a time that begins at from and ends before until.
type span struct{ from, until time.Time }

func newWorld(ctx context.Context, o Options, s *Scenario) (*world, error) {
	w := &world{
		ctx: ctx, options: o, scenario: s, start: s.start(), clock: s.start(),
		started: map[string]time.Time{}, asked: map[string]bool{},
		result: &Result{
			Procedure: s.Procedure, Scenario: s.ID, Title: s.Title, File: s.File, At: s.start(),
			Pages: []Page{}, Told: []Told{}, Deeds: []DeedDone{}, Started: []Started{}, Attempts: []Attempt{}, Assumed: []string{},
		},
	}
	w.horizon = w.start.Add(cmp.Or(s.Horizon, DefaultHorizon))
	w.dead = deadTimes(s.Kills, w.start)
	w.hub = newHub(w)
	w.people = engine.NewPeople(o.Sources, w.hub, engine.PeopleOptions{Logger: silent(), Now: w.now})
	w.registerOwn()    //nolint:contextcheck // nothing of it outlives the simulation
	w.registerInside() //nolint:contextcheck // the same
	w.script = newScript(s.Actions)
	w.planDeeds()
	err := w.admit()
	return w, err
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// now is the time in the run.
func (w *world) now() time.Time { return w.clock }

// alive is t, or, when no worker lives then, when the next one begins.
func (w *world) alive(t time.Time) time.Time {
	for _, d := range w.dead {
		if !t.Before(d.from) && t.Before(d.until) {
			t = d.until
		}
	}
	return t
}

// killed says when the worker dies that works from one time to another; zero when it does not.
func (w *world) killed(from, until time.Time) time.Time {
	for _, d := range w.dead {
		if !d.from.Before(from) && d.from.Before(until) {
			return d.from
		}
	}
	return time.Time{}
}

// deadTimes joins the kills.
func deadTimes(kills []Kill, start time.Time) []span {
	var all []span
	for _, k := range kills {
		from := k.At.In(start)
		all = append(all, span{from, from.Add(k.For)})
	}
	slices.SortStableFunc(all, func(a, b span) int { return a.from.Compare(b.from) })
	var joined []span
	for _, d := range all {
		if n := len(joined); n > 0 && !d.from.After(joined[n-1].until) {
			if d.until.After(joined[n-1].until) {
				joined[n-1].until = d.until
			}
			continue
		}
		joined = append(joined, d)
	}
	return joined
}

// targets are those that orderly.yaml has in the scenario.
func (s *Scenario) targets() map[string][]string {
	if s.Targets != nil {
		return s.Targets
	}
	return DefaultTargets
}

func (s *Scenario) start() time.Time {
	if s.At.IsZero() {
		return DefaultAt
	}
	return s.At.UTC()
}

// registerOwn collects the engine's own activities: the real ones, but for those that ask Temporal or write
// the journal.
func (w *world) registerOwn() {
	env := sops.Env{Catalogue: w.options.Catalogue, Targets: map[string][]string{}}
	for _, kind := range []string{"docker", "http", "postgres", "redis", "s3"} {
		env.Targets[kind] = w.scenario.targets()[kind]
	}
	w.own = map[string]reflect.Value{}
	engine.New(w.options.Sources, env, nil, engine.Reaching(w.people)).Register(registrar(w.own))
	w.own[workflows.ActivitySave] = reflect.ValueOf(func(context.Context, json.RawMessage) error { return nil })
	w.own[workflows.ActivityKeep] = reflect.ValueOf(func(context.Context, workflows.KeptRecord) error { return nil })
	w.own[workflows.ActivityWindow] = reflect.ValueOf(w.window)
	w.own[workflows.ActivityLoad] = reflect.ValueOf(w.loader(w.own[workflows.ActivityLoad]))
	w.own[workflows.ActivityResolve] = reflect.ValueOf(w.resolver(w.own[workflows.ActivityResolve]))
}

// registrar keeps activities by name.
type registrar map[string]reflect.Value

// RegisterActivityWithOptions implements what engine.Activities register with.
func (r registrar) RegisterActivityWithOptions(fn any, options activity.RegisterOptions) {
	r[options.Name] = reflect.ValueOf(fn)
}

// registerInside keeps the actions that are carried out as they are, because they only look at orderly.yaml
// and org.yaml.
func (w *world) registerInside() {
	t := w.scenario.targets()
	cfg := &config.Config{File: "orderly.yaml", Targets: config.Targets{
		Docker: named[config.Docker](t["docker"]), Postgres: named[config.Postgres](t["postgres"]), Redis: named[config.Redis](t["redis"]),
		HTTP: named[config.Endpoint](t["http"]), S3: named[config.S3](t["s3"]),
	}}
	w.inside = map[string]action.Definition{}
	for _, d := range activities.Definitions(activities.Deps{Config: cfg, Org: w.people.Org}) {
		if d.Name == "targets.list" || d.Name == "report.items" || strings.HasPrefix(d.Name, "org.") {
			w.inside[d.Name] = d
		}
	}
}

func named[T any](names []string) map[string]T {
	out := make(map[string]T, len(names))
	for _, n := range names {
		var zero T
		out[n] = zero
	}
	return out
}

// note keeps a remark for the reader, once.
func (w *world) note(text string) {
	if !slices.Contains(w.result.Notes, text) {
		w.result.Notes = append(w.result.Notes, text)
	}
}
