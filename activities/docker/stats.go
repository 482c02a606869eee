package docker

import (
	"cmp"
	"context"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	// sampleAtOnce is how many containers are watched at the same time. Each waits for two ticks of the
	// engine's one-second clock, whatever their number: one after the other, 50 take 50 s and more.
	sampleAtOnce = 200

	defaultSampleWithin = 20 * time.Second
	maxSampleWithin     = time.Minute
)

// StatsInput is the input of docker.stats.
type StatsInput struct {
	Host string `json:"host" target:"docker" doc:"The Docker host."`
	Filter
	Timeout sops.Duration `json:"timeout,omitempty" doc:"How long reading all of them may take, at most 1m." default:"20s"`
}

// Stats is the output of docker.stats.
type Stats struct {
	CPUs       float64  `json:"cpus" doc:"Processors of the host; 0 when nothing runs."`
	Containers []Usage  `json:"containers" doc:"The running containers, by name. One that ended meanwhile is left out."`
	Unread     []Unread `json:"unread" doc:"Containers that could not be read in time, and why."`
	LeftOut    int      `json:"left_out" doc:"Containers not read because there are more than 2,000."`
}

// Usage is what one container uses.
type Usage struct {
	Name          string  `json:"name" doc:"The container."`
	ID            string  `json:"id" doc:"Its short id."`
	CPUs          float64 `json:"cpus" doc:"Processors it kept busy; 1.5 is one and a half."`
	CPUPercent    float64 `json:"cpu_percent" doc:"Share of the whole host's processors, 0 to 100."`
	CPULimit      float64 `json:"cpu_limit" doc:"Processors it may use; the host's where it has no limit."`
	CPUOfLimit    float64 `json:"cpu_of_limit" doc:"Share of the processors it may use, 0 to 100. Momentary bursts may show as a little more."`
	Memory        int64   `json:"memory" doc:"Bytes in use, without the file cache that can be dropped at once."`
	MemoryLimit   int64   `json:"memory_limit" doc:"Bytes it may use; the host's memory where it has no limit."`
	MemoryPercent float64 `json:"memory_percent" doc:"Share of the bytes it may use, 0 to 100."`
	MemoryLimited bool    `json:"memory_limited" doc:"It has a memory limit of its own."`
	PIDs          int64   `json:"pids" doc:"Processes and threads."`
	PIDsLimit     int64   `json:"pids_limit" doc:"How many it may have; 0 is no limit."`
}

func (a *actions) stats(ctx context.Context, in StatsInput) (Stats, error) {
	within := cmp.Or(in.Timeout.D(), defaultSampleWithin)
	if within > maxSampleWithin {
		return Stats{}, action.Permanent(action.ErrInput, "docker.stats: timeout %s is more than %s", in.Timeout, maxSampleWithin)
	}
	if err := in.check("docker.stats"); err != nil {
		return Stats{}, err
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Stats{}, err
	}
	running, err := e.list(ctx, false)
	if err != nil {
		return Stats{}, err
	}
	chosen, leftOut := bound(in.choose(running))
	seen, err := ask(ctx, chosen, sampleAtOnce, within, e.usage)
	if err != nil {
		return Stats{}, e.failed("read the use of containers", err)
	}
	out := Stats{Containers: []Usage{}, Unread: seen.unread, LeftOut: leftOut}
	for _, u := range seen.found {
		if u != nil {
			out.Containers = append(out.Containers, u.Usage)
			out.CPUs = u.hostCPUs
		}
	}
	return out, nil
}

// reading is a container's use and the processors of the host it was read on.
type reading struct {
	Usage
	hostCPUs float64
}

// usage reads one container: what it uses and, meanwhile, what it may use.
//
// The engine's `stream=false` is what gives a right processor figure with one request: it samples twice,
// a second apart. `one-shot` answers sooner but holds one sample only, so it takes two requests, each
// of which waits for the engine's tick: no faster for the pair, and twice the load.
func (e *engine) usage(ctx context.Context, c summary) (reading, bool, error) {
	var d detail
	var s sample
	var runs bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d, err = e.inspect(ctx, c.id)
		return err
	})
	group.Go(func() (err error) {
		s, runs, err = e.watch(ctx, c.id)
		return err
	})
	if err := group.Wait(); err != nil {
		return reading{}, false, err
	}
	return read(c, d, s), runs, nil
}

func read(c summary, d detail, s sample) reading {
	limit := s.cpus
	if d.cpus > 0 {
		limit = min(d.cpus, s.cpus)
	}
	busy := s.share * s.cpus
	return reading{hostCPUs: s.cpus, Usage: Usage{
		Name: c.name, ID: short(c.id),
		CPUs: round(busy), CPUPercent: round(s.share * 100), CPULimit: limit, CPUOfLimit: percent(busy, limit),
		Memory: s.memory, MemoryLimit: s.memoryLimit, MemoryPercent: percent(float64(s.memory), float64(s.memoryLimit)),
		MemoryLimited: d.memoryLimited, PIDs: s.pids, PIDsLimit: s.pidsLimit,
	}}
}

func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return round(part / whole * 100)
}

// round keeps two decimals: more would be noise.
func round(x float64) float64 { return math.Round(x*100) / 100 }
