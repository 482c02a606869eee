package docker

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

const (
	// inspectAtOnce is how many containers are inspected at the same time. An inspection costs the
	// engine about a millisecond, so this is for those that hang.
	inspectAtOnce = 50
	// inspectWithin bounds the inspection of all of them.
	inspectWithin = 20 * time.Second
	// maxListed bounds the output: about 350 bytes a container, and Temporal takes 2 MB.
	maxListed = 2000
)

// The engine's words that are decided upon here.
const (
	stateRunning = "running"
	healthBad    = "unhealthy"
	healthGood   = "healthy"
	healthNone   = "none"
)

// The labels that Docker Compose puts on its containers.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
)

// ContainersInput is the input of docker.containers.
type ContainersInput struct {
	Host string `json:"host" target:"docker" doc:"The Docker host."`
	Filter
	All *bool `json:"all,omitempty" doc:"Containers that don't run as well." default:"true"`
}

// Containers is the output of docker.containers.
type Containers struct {
	Total      int         `json:"total" doc:"Containers that the filter chose."`
	Running    int         `json:"running" doc:"Of those listed, how many run."`
	Unhealthy  int         `json:"unhealthy" doc:"Of those listed, how many fail their own health check."`
	Containers []Container `json:"containers" doc:"The containers, by name."`
	Unread     []Unread    `json:"unread" doc:"Containers that could not be looked at, and why."`
	LeftOut    int         `json:"left_out" doc:"Containers not listed because there are more than 2,000. Those that run well are left out first."`
}

// Container is how one container stands.
type Container struct {
	Name      string        `json:"name" doc:"Its name."`
	ID        string        `json:"id" doc:"Its short id."`
	Image     string        `json:"image" doc:"The image it was made from."`
	ImageID   string        `json:"image_id" doc:"The image's short id."`
	State     string        `json:"state" enum:"created,running,paused,restarting,removing,exited,dead" doc:"What it does."`
	Health    string        `json:"health" enum:"none,starting,healthy,unhealthy" doc:"What its health check says; none where it has none."`
	Restarts  int           `json:"restarts" doc:"How often its restart policy started it again. Restarts by hand don't count."`
	ExitCode  int           `json:"exit_code" doc:"What it last ended with; 0 while it never ended."`
	OOMKilled bool          `json:"oom_killed" doc:"It was last ended because it used more memory than it may."`
	StartedAt *time.Time    `json:"started_at,omitempty" doc:"When it last started; absent when it never did."`
	Uptime    sops.Duration `json:"uptime" doc:"How long it has been running; 0s when it does not."`
	Project   string        `json:"project,omitempty" doc:"Its Docker Compose project."`
	Service   string        `json:"service,omitempty" doc:"Its Docker Compose service."`
}

func (a *actions) containers(ctx context.Context, in ContainersInput) (Containers, error) {
	if err := in.check("docker.containers"); err != nil {
		return Containers{}, err
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Containers{}, err
	}
	all, err := e.list(ctx, in.All == nil || *in.All)
	if err != nil {
		return Containers{}, err
	}
	chosen, leftOut := bound(in.choose(all))
	seen, err := ask(ctx, chosen, inspectAtOnce, inspectWithin, func(ctx context.Context, c summary) (detail, bool, error) {
		d, err := e.inspect(ctx, c.id)
		return d, true, err
	})
	if err != nil {
		return Containers{}, e.failed("inspect containers", err)
	}
	out := Containers{Total: len(chosen) + leftOut, LeftOut: leftOut, Unread: seen.unread, Containers: []Container{}}
	for i, d := range seen.found {
		if d != nil {
			out.add(describe(chosen[i], *d, a.now()))
		}
	}
	return out, nil
}

func (cs *Containers) add(c Container) {
	cs.Containers = append(cs.Containers, c)
	if c.State == stateRunning {
		cs.Running++
	}
	if c.Health == healthBad {
		cs.Unhealthy++
	}
}

func describe(c summary, d detail, now time.Time) Container {
	out := Container{
		Name: c.name, ID: short(c.id), Image: c.image, ImageID: short(c.imageID), State: d.state, Health: d.health,
		Restarts: d.restarts, ExitCode: d.exitCode, OOMKilled: d.oomKilled,
		Project: c.labels[labelProject], Service: c.labels[labelService],
	}
	if d.startedAt.IsZero() {
		return out
	}
	out.StartedAt = &d.startedAt
	if d.state == stateRunning {
		// The engine's clock may be ahead of ours.
		out.Uptime = sops.Duration(max(0, now.Sub(d.startedAt).Truncate(time.Second)))
	}
	return out
}

// bound keeps as many containers as an output may have. What runs goes first: it needs the least attention.
func bound(chosen []summary) (kept []summary, leftOut int) {
	if len(chosen) <= maxListed {
		return chosen, 0
	}
	slices.SortStableFunc(chosen, func(a, b summary) int { return cmp.Compare(rank(a), rank(b)) })
	kept, leftOut = chosen[:maxListed], len(chosen)-maxListed
	slices.SortFunc(kept, func(a, b summary) int { return cmp.Compare(a.name, b.name) })
	return kept, leftOut
}

func rank(c summary) int {
	if c.state == stateRunning {
		return 1
	}
	return 0
}
