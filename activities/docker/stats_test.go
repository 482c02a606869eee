package docker

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func TestStatsTellWhatRunningContainersUse(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const mib = 1 << 20
	busy := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-burn", "0.5"}, CPUs: 0.8})
	large := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-memory", "32"}, Memory: 128 * mib})
	ended := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-exit", "0"}})
	testenv.AwaitContainer(t, ended.ID, exited)
	testenv.AwaitContainer(t, large.ID, running)

	out, err := a.stats(t.Context(), StatsInput{Host: "local", Filter: only(t)})
	require.NoError(t, err)
	require.Empty(t, out.Unread)
	require.Len(t, out.Containers, 2)
	require.GreaterOrEqual(t, out.CPUs, 1.0)
	by := map[string]Usage{}
	for _, u := range out.Containers {
		by[u.Name] = u
	}
	u := by[busy.Name]
	require.InDelta(t, 0.5, u.CPUs, 0.4, "a busy machine gives it less")
	require.InDelta(t, u.CPUs/out.CPUs*100, u.CPUPercent, 1)
	require.InDelta(t, u.CPUs/0.8*100, u.CPUOfLimit, 1)
	require.InDelta(t, 0.8, u.CPULimit, 0.001)
	require.False(t, u.MemoryLimited)
	u = by[large.Name]
	require.EqualValues(t, 128*mib, u.MemoryLimit)
	require.True(t, u.MemoryLimited)
	require.GreaterOrEqual(t, u.Memory, int64(32*mib))
	require.InDelta(t, float64(u.Memory)/(128*mib)*100, u.MemoryPercent, 0.01)
	require.Positive(t, u.PIDs)
	require.InDelta(t, out.CPUs, u.CPULimit, 0.001, "without a limit it may use the host")
}

func TestStatsWithNothingRunningAreEmpty(t *testing.T) {
	t.Parallel()
	out, err := setup(t).stats(t.Context(), StatsInput{Host: "local", Filter: only(t)})
	require.NoError(t, err)
	require.Empty(t, out.Containers)
	require.NotNil(t, out.Containers)
	require.NotNil(t, out.Unread)
}

func TestStatsRefuseALongTimeout(t *testing.T) {
	t.Parallel()
	_, err := at(t, "tcp://127.0.0.1:1", answerWithin).stats(t.Context(), StatsInput{Host: "local", Timeout: sops.Duration(time.Hour)})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestMemoryUseLeavesOutTheCache(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stats container.MemoryStats
		want  int64
	}{
		"CgroupV1":            {container.MemoryStats{Usage: 100, Stats: map[string]uint64{"total_inactive_file": 30, "inactive_file": 5}}, 70},
		"CgroupV2":            {container.MemoryStats{Usage: 100, Stats: map[string]uint64{"inactive_file": 30}}, 70},
		"WithoutDetail":       {container.MemoryStats{Usage: 100}, 100},
		"MoreCacheThanMemory": {container.MemoryStats{Usage: 100, Stats: map[string]uint64{"inactive_file": 300}}, 100},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, memoryUse(c.stats))
		})
	}
}

// BenchmarkStats compares fifty containers with the slowest one: reading all should cost little more.
func BenchmarkStats(b *testing.B) {
	const count = 50
	a := setup(b)
	for range count {
		testenv.RunContainer(b, testenv.ContainerSpec{})
	}
	e, err := a.engines.Get("local")
	require.NoError(b, err)
	var slowest, all time.Duration
	for b.Loop() {
		chosen, err := e.list(b.Context(), false)
		require.NoError(b, err)
		chosen = only(b).choose(chosen)
		require.Len(b, chosen, count)
		for _, c := range chosen[:5] { // each waits for the same clock
			start := time.Now()
			_, _, err := e.usage(b.Context(), c)
			require.NoError(b, err)
			slowest = max(slowest, time.Since(start))
		}
		start := time.Now()
		out, err := a.stats(b.Context(), StatsInput{Host: "local", Filter: only(b)})
		require.NoError(b, err)
		require.Len(b, out.Containers, count)
		all += time.Since(start)
	}
	b.ReportMetric(slowest.Seconds(), "s/slowest-single")
	b.ReportMetric(all.Seconds()/float64(b.N), fmt.Sprintf("s/all-%d", count))
	b.ReportMetric(all.Seconds()/float64(b.N)/slowest.Seconds(), "ratio")
}
