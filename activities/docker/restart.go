package docker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultGrace   = 10 * time.Second
	maxGrace       = 5 * time.Minute
	maxWaitHealthy = 8 * time.Minute
	// lookEvery is how often a restarted container is asked for its health.
	lookEvery = 500 * time.Millisecond
	// steadyFor is how long a container without a health check must run to count as well.
	steadyFor = 3 * time.Second
)

// RestartInput is the input of docker.restart.
type RestartInput struct {
	Host        string        `json:"host" target:"docker" doc:"The Docker host."`
	Container   string        `json:"container" doc:"The container, by name or id."`
	Timeout     sops.Duration `json:"timeout,omitempty" doc:"How long it may take to end by itself before it is killed, at most 5m." default:"10s"`
	WaitHealthy sops.Duration `json:"wait_healthy,omitempty" doc:"How long its health check may take to succeed afterwards, at most 8m. A container without one has to run for 3s, or for half of this time." default:"0s: don't wait"`
	DryRun      bool          `json:"dry_run,omitempty" doc:"Look, and change nothing."`
}

// Restart is the output of docker.restart.
type Restart struct {
	Container    string     `json:"container" doc:"The container's name."`
	ID           string     `json:"id" doc:"Its short id."`
	Restarted    bool       `json:"restarted" doc:"It was restarted; false for a dry run."`
	Earlier      bool       `json:"earlier" doc:"An earlier attempt of the same step had restarted it already."`
	DryRun       bool       `json:"dry_run" doc:"Nothing was changed."`
	OldStartedAt *time.Time `json:"old_started_at,omitempty" doc:"When it was started before; absent when it never was, or when only the earlier attempt knew."`
	NewStartedAt *time.Time `json:"new_started_at,omitempty" doc:"When it was started now; absent for a dry run."`
	State        string     `json:"state" doc:"What it does now."`
	Health       string     `json:"health" enum:"none,starting,healthy,unhealthy" doc:"What its health check says now; none where it has none."`
}

func (a *actions) restart(ctx context.Context, in RestartInput) (Restart, error) {
	grace := cmp.Or(in.Timeout.D(), defaultGrace)
	if grace > maxGrace {
		return Restart{}, action.Permanent(action.ErrInput, "docker.restart: timeout %s is more than %s", in.Timeout, maxGrace)
	}
	if in.WaitHealthy.D() > maxWaitHealthy {
		return Restart{}, action.Permanent(action.ErrInput, "docker.restart: wait_healthy %s is more than %s", in.WaitHealthy, maxWaitHealthy)
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Restart{}, err
	}
	doing := "restart " + in.Container
	before, err := e.find(ctx, doing, in.Container)
	if err != nil {
		return Restart{}, err
	}
	out := Restart{Container: before.name, ID: short(before.id), DryRun: in.DryRun, OldStartedAt: maybe(before.startedAt), State: before.state, Health: before.health}
	if in.DryRun {
		return out, nil
	}
	first := firstAttempt(ctx, before)
	// Every beat carries what the first attempt saw: that is how the next one knows what has been done.
	defer action.KeepAlive(ctx, first)()
	out.OldStartedAt, out.Earlier = maybe(first.StartedAt), first.done(before)
	if !out.Earlier {
		if err := e.restart(ctx, before.id, grace); err != nil {
			return Restart{}, e.failed(doing, err)
		}
	}
	after, err := e.settle(ctx, before, in.WaitHealthy.D())
	if err != nil {
		return Restart{}, err
	}
	out.Restarted, out.NewStartedAt, out.State, out.Health = true, maybe(after.startedAt), after.state, after.health
	return out, nil
}

// attempt is what an activity's first attempt saw before it restarted anything. Later attempts find it in
// the heartbeat.
type attempt struct {
	StartedAt time.Time `json:"started_at"` // of the container, by the engine's clock
	// Scheduled is set when the first attempt left nothing: then the time it was scheduled, by the
	// Temporal server's clock, has to do.
	Scheduled time.Time `json:"scheduled,omitzero"`
}

// done says whether the container has been restarted since the first attempt.
func (f attempt) done(now detail) bool {
	if !f.Scheduled.IsZero() {
		return now.state == stateRunning && now.startedAt.After(f.Scheduled)
	}
	return now.state == stateRunning && !now.startedAt.Equal(f.StartedAt)
}

func firstAttempt(ctx context.Context, now detail) attempt {
	seen := attempt{StartedAt: now.startedAt}
	if !activity.IsActivity(ctx) {
		return seen
	}
	var left attempt
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &left) == nil {
		return left
	}
	if info := activity.GetInfo(ctx); info.Attempt > 1 {
		return attempt{Scheduled: info.ScheduledTime}
	}
	return seen
}

// settle waits until a restarted container is well, at most for patience; zero looks once.
func (e *engine) settle(ctx context.Context, before detail, patience time.Duration) (detail, error) {
	doing := "look after " + before.name
	deadline := time.After(patience)
	steady := time.Now().Add(min(patience/2, steadyFor))
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		now, err := e.inspect(ctx, before.id)
		if err != nil {
			return detail{}, e.failed(doing, err)
		}
		if patience <= 0 || well(now, time.Now().After(steady)) {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return detail{}, e.failed(doing, ctx.Err())
		case <-deadline:
			return detail{}, action.Permanent(action.ErrCommand, "docker %q: %s was restarted and is %s within %s: see docker.logs",
				e.name, now.name, ill(now), sops.Duration(patience))
		case <-tick.C:
		}
	}
}

// well says that a container runs and that its health check succeeds. Without a health check it must have
// been running for a while: many a program ends right after its start.
func well(d detail, steady bool) bool {
	return d.state == stateRunning && (d.health == healthGood || d.health == healthNone && steady)
}

// ill words how a container that is not well stands.
func ill(d detail) string {
	if d.state != stateRunning {
		return fmt.Sprintf("not running (%s, exit code %d)", d.state, d.exitCode)
	}
	return fmt.Sprintf("not healthy (%s)", d.health)
}

func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
