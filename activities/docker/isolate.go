package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// IsolateInput is the input of docker.isolate.
type IsolateInput struct {
	Host      string   `json:"host" target:"docker" doc:"The Docker host."`
	Container string   `json:"container" doc:"The container, by name or id."`
	Pause     bool     `json:"pause,omitempty" doc:"Freeze its programs as well: what is in memory stays as evidence, and nothing can be deleted."`
	Except    []string `json:"except,omitempty" doc:"Networks that it stays on, by name."`
	DryRun    bool     `json:"dry_run,omitempty" doc:"Look, and change nothing."`
}

// Isolate is the output of docker.isolate.
type Isolate struct {
	Container string   `json:"container" doc:"The container's name."`
	ID        string   `json:"id" doc:"Its short id."`
	Networks  []string `json:"networks" doc:"The networks that it was taken off, by this or an earlier isolation."`
	Paused    bool     `json:"paused" doc:"Its programs are frozen."`
	Memory    string   `json:"memory" doc:"The artifact that docker.rejoin goes by; it finds it by itself."`
	Changed   bool     `json:"changed" doc:"Something was done; false when it was isolated already, and for a dry run."`
	DryRun    bool     `json:"dry_run" doc:"Nothing was changed."`
}

// memory is how a container was connected before it was isolated.
type memory struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Since    time.Time `json:"since"`
	State    string    `json:"state"`
	Was      spec      `json:"was"` // endpoints and network mode only
	Rejoined bool      `json:"rejoined"`
}

// memoryKey is where the memory of a container is kept: a place that does not depend on the run, so that it
// is found again even when the run that isolated it died before it could say where.
func memoryKey(host, id string) string { return "docker-isolated/" + host + "/" + short(id) + ".json" }

func (a *actions) isolate(ctx context.Context, in IsolateInput) (Isolate, error) {
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Isolate{}, err
	}
	if a.keep == nil {
		return Isolate{}, action.Permanent(action.ErrNotConfigured, "docker.isolate: this worker keeps no artifacts, and without one nobody would know how to connect %s again", in.Container)
	}
	defer action.KeepAlive(ctx)()
	doing := "isolate " + in.Container
	d, err := e.find(ctx, doing, in.Container)
	if err != nil {
		return Isolate{}, err
	}
	was, err := e.specOf(ctx, d.id)
	if err != nil {
		return Isolate{}, e.failed(doing, err)
	}
	if !ownNetwork(was.Host.NetworkMode) && !was.Host.NetworkMode.IsNone() && !in.Pause {
		return Isolate{}, action.Permanent(action.ErrInput, "docker %q: %s uses the network %q, which it can't be taken off: pause it", e.name, was.Name, was.Host.NetworkMode)
	}
	m, err := a.recollect(ctx, in.Host, was)
	if err != nil {
		return Isolate{}, err
	}
	off := slices.DeleteFunc(slices.Sorted(maps.Keys(was.Endpoints)), func(name string) bool { return slices.Contains(in.Except, name) })
	out := Isolate{Container: was.Name, ID: short(was.ID), Memory: memoryKey(in.Host, was.ID), DryRun: in.DryRun, Paused: was.State == statePaused}
	if in.DryRun {
		out.Networks = off
		return out, nil
	}
	if err := a.memorise(ctx, in.Host, m); err != nil { // before anything is changed
		return Isolate{}, err
	}
	left := was
	left.Endpoints = maps.Clone(was.Endpoints)
	for _, name := range off {
		delete(left.Endpoints, name)
	}
	changed, err := e.join(ctx, was.ID, left)
	if err != nil {
		return Isolate{}, e.failed(doing, err)
	}
	out.Changed = len(changed) > 0
	if in.Pause && was.State == stateRunning {
		if _, err := e.bring(ctx, was.ID, statePaused, 0); err != nil {
			return Isolate{}, e.failed("pause "+was.Name, err)
		}
		out.Changed, out.Paused = true, true
	}
	out.Networks = m.gone(left)
	return out, nil
}

// gone names the networks that the container was on and is not any more.
func (m memory) gone(is spec) []string {
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(m.Was.Endpoints)) {
		if is.Endpoints[name] == nil {
			names = append(names, name)
		}
	}
	return names
}

// recollect gives the memory of a container: that of an isolation which nobody ended, with what has been
// connected since, or a new one.
func (a *actions) recollect(ctx context.Context, host string, is spec) (memory, error) {
	m, err := a.remembered(ctx, memoryKey(host, is.ID))
	if err != nil {
		return memory{}, err
	}
	if m.ID != is.ID || m.Rejoined {
		m = memory{ID: is.ID, Name: is.Name, Since: a.scheduled(ctx), State: is.State, Was: is.connections()}
	}
	for name, endpoint := range is.Endpoints {
		m.Was.Endpoints[name] = endpoint
	}
	return m, nil
}

// remembered reads a memory; none is no error.
func (a *actions) remembered(ctx context.Context, key string) (memory, error) {
	var text bytes.Buffer
	err := a.keep.Copy(ctx, key, &text)
	if absent(err) {
		return memory{}, nil
	}
	if err != nil {
		return memory{}, err
	}
	var m memory
	if err := json.Unmarshal(text.Bytes(), &m); err != nil {
		return memory{}, action.Permanent(action.ErrInput, "%s is not what docker.isolate wrote: connect the container by hand", key)
	}
	return m, nil
}

func (a *actions) memorise(ctx context.Context, host string, m memory) error {
	_, err := a.keep.KeepAt(ctx, memoryKey(host, m.ID), func(w io.Writer) error { return json.NewEncoder(w).Encode(m) })
	return err
}

// absent says that there is no such artifact.
func absent(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == action.ErrNotFound
}
