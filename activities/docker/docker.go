// Package docker looks at the containers of a Docker Engine, restarts, updates, isolates and keeps them as
// evidence, clears away what nothing uses, and puts back what was there before. Every question is asked of
// many containers at once and bounded in time, because an engine in trouble answers slowly or not at all
// for just the container one wants to know about. Every change can be gone on with or back from wherever it
// was cut off.
package docker

import (
	"context"
	"io"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

// Actions declares the actions of this package for the Docker hosts of orderly.yaml. Without any they
// can be described, not run. keep is where docker.logs puts what is too long for an output.
func Actions(hosts map[string]config.Docker, keep Keeper) []action.Definition {
	a := &actions{engines: action.NewClients("docker", hosts, openEngine, (*engine).close), keep: keep, now: time.Now}
	closed := action.ClosedBy(a.engines.Close)
	return []action.Definition{
		action.Define("docker.containers",
			"State, health, restarts and uptime of a host's containers. A container that does not answer is listed under `unread` instead of holding the action up.",
			a.containers, closed),
		action.Define("docker.stats",
			"Processor and memory use of a host's running containers, all watched at the same time. A container that does not answer is listed under `unread`.",
			a.stats, closed, action.Timeout(2*time.Minute)),
		action.Define("docker.logs",
			"The last lines that a container printed. With `artifact`, many more of them are kept as an artifact.",
			a.logs, closed, action.Timeout(5*time.Minute), action.Heartbeat(30*time.Second)),
		action.Define("docker.snapshot",
			"Keeps how containers, their networks and volumes are made as one artifact that docker.restore puts back, and tags their images so that no clean-up takes them. "+
				"The containers' environments are in the artifact, passwords included; nothing else shows them.",
			a.snapshot, closed, action.Timeout(5*time.Minute), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.restore",
			"Puts containers back as a snapshot has them: image, settings, networks with aliases and addresses, name, and whether they run. Does only what differs, so it can be run at any time and again.",
			a.restore, closed, action.Destructive(), action.Timeout(time.Hour), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.update",
			"Replaces a container by one of an approved image, otherwise the same. When the new one does not become healthy in time, the previous one is put back and the step fails.",
			a.update, closed, action.Destructive(), action.Timeout(time.Hour), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.prune",
			"Removes what nothing uses: containers that ended, images, networks, volumes, the build cache, each only when asked for. "+
				"What is young, has a protecting label or is needed by a snapshot stays; volumes with a name go only when they are listed.",
			a.prune, closed, action.Destructive(), action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.images-outdated",
			"Compares the images of running containers with what their registries have under the same names now, and with what those names mean on the host. What can't be asked is unknown, not current.",
			a.imagesOutdated, closed, action.Timeout(5*time.Minute), action.Heartbeat(30*time.Second)),
		action.Define("docker.isolate",
			"Takes a container off its networks and, if wanted, freezes it, so that nothing gets in or out and nothing is lost. How it was connected is kept for docker.rejoin.",
			a.isolate, closed, action.Destructive(), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.rejoin",
			"Connects an isolated container again as it was and lets it run. One that was not isolated is left alone.",
			a.rejoin, closed, action.Destructive(), action.Heartbeat(30*time.Second), patient),
		action.Define("docker.export",
			"Keeps a container as evidence: its processes, settings, changed files, log and all its files as artifacts with a list of their SHA-256, and, if wanted, an image of it on the host.",
			a.export, closed, action.Timeout(time.Hour), action.Heartbeat(time.Minute), patient),
		action.Define("docker.restart",
			"Restarts a container and, if wanted, waits until it is healthy. A container that the same step restarted already is not restarted again.",
			a.restart, closed, action.Destructive(), action.Timeout(15*time.Minute), action.Heartbeat(30*time.Second)),
	}
}

// patient is for actions that change much: an engine that is restarted in the middle is back within a minute.
func patient(d *action.Definition) {
	d.Retry = sops.Retry{Attempts: 8, Initial: sops.Duration(time.Second), Backoff: 2, Max: sops.Duration(20 * time.Second)}
}

// actions holds the engines that the actions talk to.
type actions struct {
	engines *action.Clients[config.Docker, *engine]
	keep    Keeper
	now     func() time.Time
}

// Keeper keeps artifacts of the run that an action belongs to, and reads those of any run.
type Keeper interface {
	// Keep keeps what is written, with the secrets of orderly.yaml taken out.
	Keep(ctx context.Context, name string, write func(io.Writer) error) (artifact.Saved, error)
	// KeepExact keeps what is written as it is: what is evidence, or has to be read back.
	KeepExact(ctx context.Context, name string, write func(io.Writer) error) (artifact.Saved, error)
	// KeepAt keeps what is written as it is under a key that does not depend on the run.
	KeepAt(ctx context.Context, key string, write func(io.Writer) error) (artifact.Saved, error)
	// Copy reads what was kept.
	Copy(ctx context.Context, key string, to io.Writer) error
}

// Unread is a container that could not be looked at.
type Unread struct {
	Name string `json:"name" doc:"The container."`
	ID   string `json:"id" doc:"Its short id."`
	Why  string `json:"why" doc:"What happened."`
}

// short is how an id is shown: enough to tell containers apart, and a thousand of them fit an output.
func short(id string) string {
	const length = 12
	if i := len("sha256:"); len(id) > i && id[:i] == "sha256:" {
		id = id[i:]
	}
	return id[:min(length, len(id))]
}

// find looks at one container and words the error when it is not there.
func (e *engine) find(ctx context.Context, doing, name string) (detail, error) {
	if name == "" {
		return detail{}, action.Permanent(action.ErrInput, "docker %q: %s: no container named", e.name, doing)
	}
	d, err := e.inspect(ctx, name)
	switch {
	case err == nil:
		return d, nil
	case missing(err):
		return detail{}, e.unknown(ctx, doing, name)
	default:
		return detail{}, e.failed(doing, err)
	}
}
