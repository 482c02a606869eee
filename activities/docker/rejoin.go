package docker

import (
	"cmp"
	"context"
	"maps"

	"github.com/orderly-ops/orderly/activities/action"
)

// RejoinInput is the input of docker.rejoin.
type RejoinInput struct {
	Host      string `json:"host" target:"docker" doc:"The Docker host."`
	Container string `json:"container" doc:"The container, by name or id."`
	Memory    string `json:"memory,omitempty" doc:"What docker.isolate gave as memory." default:"the memory of this container"`
	DryRun    bool   `json:"dry_run,omitempty" doc:"Look, and change nothing."`
}

// Rejoin is the output of docker.rejoin.
type Rejoin struct {
	Container string   `json:"container" doc:"The container's name."`
	Networks  []string `json:"networks" doc:"The networks that it was connected to again, or would be."`
	Unpaused  bool     `json:"unpaused" doc:"Its programs were frozen and run again."`
	Changed   bool     `json:"changed" doc:"Something was done; false when it was not isolated, and for a dry run."`
	DryRun    bool     `json:"dry_run" doc:"Nothing was changed."`
}

func (a *actions) rejoin(ctx context.Context, in RejoinInput) (Rejoin, error) {
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Rejoin{}, err
	}
	if a.keep == nil {
		return Rejoin{}, action.Permanent(action.ErrNotConfigured, "docker.rejoin: this worker keeps no artifacts")
	}
	defer action.KeepAlive(ctx)()
	doing := "rejoin " + in.Container
	d, err := e.find(ctx, doing, in.Container)
	if err != nil {
		return Rejoin{}, err
	}
	is, err := e.specOf(ctx, d.id)
	if err != nil {
		return Rejoin{}, e.failed(doing, err)
	}
	m, err := a.remembered(ctx, cmp.Or(in.Memory, memoryKey(in.Host, d.id)))
	if err != nil {
		return Rejoin{}, err
	}
	out := Rejoin{Container: is.Name, Networks: []string{}, DryRun: in.DryRun}
	if m.ID == "" || m.Rejoined { // it was never isolated, or is connected again
		return out, nil
	}
	if m.ID != is.ID {
		return Rejoin{}, action.Permanent(action.ErrInput, "docker %q: %s is of container %s, and %s is %s now: it was replaced meanwhile; use docker.restore with a snapshot",
			e.name, in.Memory, short(m.ID), is.Name, short(is.ID))
	}
	out.Networks = m.gone(is)
	if in.DryRun {
		return out, nil
	}
	want := m.Was
	want.Endpoints = maps.Clone(is.Endpoints) // what was connected meanwhile stays
	maps.Copy(want.Endpoints, m.Was.Endpoints)
	changed, err := e.join(ctx, is.ID, want)
	if err != nil {
		return Rejoin{}, e.failed(doing, err)
	}
	if is.State == statePaused && m.State == stateRunning {
		if out.Unpaused, err = e.bring(ctx, is.ID, stateRunning, 0); err != nil {
			return Rejoin{}, e.failed(doing, err)
		}
	}
	out.Changed = len(changed) > 0 || out.Unpaused
	m.Rejoined = true
	return out, a.memorise(ctx, in.Host, m)
}
