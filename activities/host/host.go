// Package host looks at the machine the worker stands on: processor, memory, load and disks. It reads
// what the kernel tells through gopsutil and never waits for a file system that does not answer. It also
// cleans the folders that orderly.yaml names for it, and no others.
package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultSample       = time.Second
	maxSample           = 30 * time.Second
	defaultMountTimeout = 2 * time.Second
	maxMountTimeout     = 30 * time.Second
)

// Actions declares the actions of this package. What may be cleaned comes from cfg; without any they can be
// described.
func Actions(cfg *config.Config) []action.Definition {
	h := newHost()
	return []action.Definition{
		action.Define("host.resources",
			"Processor, load, memory, swap and disks of the machine the worker runs on. A file system that does not answer is listed under `unread` instead of holding the action up.",
			h.resources, action.Timeout(90*time.Second)),
		action.Define("host.clean",
			"Deletes or empties old files in the folders that orderly.yaml allows under `clean`, on the machine the worker runs on. Links are not followed, other file systems not entered, and files that a program has open are left.",
			newCleaner(cfg, h).clean, action.Destructive(), action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second)),
	}
}

// ResourcesInput is the input of host.resources.
type ResourcesInput struct {
	Sample       sops.Duration `json:"sample,omitempty" doc:"How long the processor is watched, at most 30s." default:"1s"`
	MountTimeout sops.Duration `json:"mount_timeout,omitempty" doc:"How long one file system may take to answer, at most 30s." default:"2s"`
	Include      []string      `json:"include,omitempty" doc:"Mount points to look at, as glob patterns; those named here are looked at whatever their file system." default:"every real file system once"`
	Exclude      []string      `json:"exclude,omitempty" doc:"Mount points to leave out, as glob patterns (\"/snap/*\")."`
}

// Resources is the output of host.resources.
type Resources struct {
	Hostname string   `json:"hostname" doc:"The machine's name."`
	Uptime   int64    `json:"uptime" doc:"Seconds since it started."`
	CPU      CPU      `json:"cpu" doc:"Processor use while it was watched."`
	Load     Load     `json:"load" doc:"Load averages: how many processes ran or waited."`
	Memory   Memory   `json:"memory" doc:"Main memory."`
	Swap     Swap     `json:"swap" doc:"Swap space; all zero where there is none."`
	Disks    []Disk   `json:"disks" doc:"File systems, by mount point."`
	Unread   []Unread `json:"unread" doc:"What could not be looked at, and why."`
}

// CPU is processor use.
type CPU struct {
	Percent float64 `json:"percent" doc:"Busy share of all cores together, 0 to 100."`
	Cores   int     `json:"cores" doc:"Logical cores."`
}

// Load is load averages.
type Load struct {
	One            float64 `json:"one" doc:"Over one minute."`
	Five           float64 `json:"five" doc:"Over five minutes."`
	Fifteen        float64 `json:"fifteen" doc:"Over fifteen minutes."`
	OnePerCore     float64 `json:"one_per_core" doc:"Over one minute, a core. Above 1 work is waiting."`
	FivePerCore    float64 `json:"five_per_core" doc:"Over five minutes, a core."`
	FifteenPerCore float64 `json:"fifteen_per_core" doc:"Over fifteen minutes, a core."`
}

// Memory is main memory.
type Memory struct {
	Total     int64   `json:"total" doc:"Bytes in all."`
	Used      int64   `json:"used" doc:"Bytes that can't be had without swapping: total less available."`
	Available int64   `json:"available" doc:"Bytes that programs can have without swapping."`
	Percent   float64 `json:"percent" doc:"Used share, 0 to 100."`
}

// Swap is swap space.
type Swap struct {
	Total   int64   `json:"total" doc:"Bytes in all."`
	Used    int64   `json:"used" doc:"Bytes in use."`
	Percent float64 `json:"percent" doc:"Used share, 0 to 100."`
}

// Disk is one file system.
type Disk struct {
	Mount         string  `json:"mount" doc:"Where it is mounted."`
	Device        string  `json:"device" doc:"What is mounted."`
	Type          string  `json:"type" doc:"Kind of file system."`
	ReadOnly      bool    `json:"read_only" doc:"Mounted read-only. A disk that became so by itself is ill."`
	Total         int64   `json:"total" doc:"Bytes in all."`
	Used          int64   `json:"used" doc:"Bytes in use."`
	Free          int64   `json:"free" doc:"Bytes that programs without privileges can still write."`
	Percent       float64 `json:"percent" doc:"Used share of what can be used, 0 to 100, as df shows it."`
	InodesPercent float64 `json:"inodes_percent" doc:"Used share of inodes, 0 to 100; 0 where the file system has no fixed number."`
}

// Unread is something that could not be looked at.
type Unread struct {
	What string `json:"what" doc:"The mount point, or the pattern under include that names none."`
	Why  string `json:"why" doc:"What happened."`
}

// machine reads the host. Its disk functions are fields so that a test can have a file system that hangs.
type machine struct {
	mounts func(ctx context.Context, all bool) ([]disk.PartitionStat, error)
	usage  func(ctx context.Context, path string) (*disk.UsageStat, error)
	// reading shares one read among all who ask for a mount: while a dead file system holds one
	// goroutine, later runs don't add more.
	reading singleflight.Group
}

func newHost() *machine {
	return &machine{mounts: disk.PartitionsWithContext, usage: disk.UsageWithContext}
}

// resources is the action host.resources.
func (m *machine) resources(ctx context.Context, in ResourcesInput) (Resources, error) {
	choice, err := newChoice(in)
	if err != nil {
		return Resources{}, err
	}
	sample, err := within("sample", time.Duration(in.Sample), defaultSample, maxSample)
	if err != nil {
		return Resources{}, err
	}
	patience, err := within("mount_timeout", time.Duration(in.MountTimeout), defaultMountTimeout, maxMountTimeout)
	if err != nil {
		return Resources{}, err
	}
	var out Resources
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { out.CPU, err = readCPU(ctx, sample); return err })
	group.Go(func() (err error) { out.Disks, out.Unread, err = m.disks(ctx, choice, patience); return err })
	group.Go(func() error { return readKernel(ctx, &out) })
	if err := group.Wait(); err != nil {
		return Resources{}, err
	}
	out.Load = perCore(out.Load, out.CPU.Cores)
	return out, nil
}

// within is a duration with its default, refused when it is negative or too long.
func within(field string, given, fallback, longest time.Duration) (time.Duration, error) {
	if given == 0 {
		return fallback, nil
	}
	if given < 0 || given > longest {
		return 0, action.Permanent(action.ErrInput, "host.resources: %s is %s, want more than 0 and at most %s", field, given, longest)
	}
	return given, nil
}

func readCPU(ctx context.Context, sample time.Duration) (CPU, error) {
	cores, err := cpu.CountsWithContext(ctx, true)
	if err != nil {
		return CPU{}, fmt.Errorf("count processor cores: %w", err)
	}
	percent, err := cpu.PercentWithContext(ctx, sample, false)
	if err != nil {
		return CPU{}, fmt.Errorf("read processor use: %w", err)
	}
	if len(percent) == 0 {
		return CPU{}, errors.New("read processor use: the kernel told nothing")
	}
	return CPU{Percent: rounded(percent[0]), Cores: cores}, nil
}

// readKernel reads what the kernel answers at once.
func readKernel(ctx context.Context, out *Resources) error {
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the host name: %w", err)
	}
	uptime, err := host.UptimeWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read the uptime: %w", err)
	}
	average, err := load.AvgWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read the load: %w", err)
	}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read memory use: %w", err)
	}
	swap, err := mem.SwapMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read swap use: %w", err)
	}
	out.Hostname, out.Uptime = hostname, int64(uptime)
	out.Load = Load{One: average.Load1, Five: average.Load5, Fifteen: average.Load15}
	used := memory.Total - min(memory.Available, memory.Total)
	out.Memory = Memory{Total: int64(memory.Total), Used: int64(used), Available: int64(memory.Available), Percent: share(used, memory.Total)}
	out.Swap = Swap{Total: int64(swap.Total), Used: int64(swap.Used), Percent: share(swap.Used, swap.Total)}
	return nil
}

func perCore(l Load, cores int) Load {
	n := float64(max(1, cores))
	l.OnePerCore, l.FivePerCore, l.FifteenPerCore = rounded(l.One/n), rounded(l.Five/n), rounded(l.Fifteen/n)
	return l
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return rounded(100 * float64(part) / float64(whole))
}

// rounded keeps two decimals: enough to judge by, and short to read.
func rounded(v float64) float64 { return math.Round(v*100) / 100 }
