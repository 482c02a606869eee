package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"

	"github.com/docker/docker/api/types/container"
)

// sample is what a container used between two ticks of the engine's clock.
type sample struct {
	share               float64 // of all the host's processor time, 0 to 1
	cpus                float64 // processors of the host
	memory, memoryLimit int64   // bytes
	pids, pidsLimit     int64
}

// watch watches a container between two ticks, which takes one to two seconds. ok is false when the
// container does not run.
func (e *engine) watch(ctx context.Context, id string) (s sample, ok bool, err error) {
	resp, err := e.api.ContainerStats(ctx, id, false)
	if err != nil {
		return sample{}, false, err
	}
	defer resp.Body.Close()
	var raw container.StatsResponse
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		if errors.Is(err, io.EOF) {
			return sample{}, false, nil // it ended before the first tick
		}
		return sample{}, false, err
	}
	return sample{
		share: busyShare(raw), cpus: float64(raw.CPUStats.OnlineCPUs),
		memory: memoryUse(raw.MemoryStats), memoryLimit: clampInt64(raw.MemoryStats.Limit),
		pids: clampInt64(raw.PidsStats.Current), pidsLimit: clampInt64(raw.PidsStats.Limit),
	}, !raw.Read.IsZero() && !raw.PreRead.IsZero(), nil
}

// busyShare is the container's part of all processor time between the two samples, 0 to 1.
func busyShare(s container.StatsResponse) float64 {
	used := float64(s.CPUStats.CPUUsage.TotalUsage) - float64(s.PreCPUStats.CPUUsage.TotalUsage)
	all := float64(s.CPUStats.SystemUsage) - float64(s.PreCPUStats.SystemUsage)
	if used <= 0 || all <= 0 {
		return 0
	}
	return min(used/all, 1)
}

// memoryUse leaves out the file cache that the kernel gives up first, as `docker stats` does. The figure's
// name differs between cgroup versions 1 and 2.
func memoryUse(m container.MemoryStats) int64 {
	cache, v1 := m.Stats["total_inactive_file"]
	if !v1 {
		cache = m.Stats["inactive_file"]
	}
	if cache > m.Usage {
		cache = 0
	}
	return clampInt64(m.Usage - cache)
}

// clampInt64 makes the kernel's "unlimited" (2^64-1) a number that JSON and CEL hold.
func clampInt64(n uint64) int64 {
	if n > math.MaxInt64 {
		return 0
	}
	return int64(n)
}
