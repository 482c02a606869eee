package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/workflows"
)

const (
	waiting = 10_000           // open incidents that nothing is due for
	quietly = 30 * time.Second // how long the worker is watched
	// clockTick is what /proc counts processor time in, on every Linux that Go runs on.
	clockTick = 10 * time.Millisecond
)

// BenchmarkIncidentsWaiting shows what a worker needs for very many open incidents while nothing happens.
func BenchmarkIncidentsWaiting(b *testing.B) {
	p := newPager(b)
	org := p.people("start") + "policies: {main: {tiers: [{page: [start], wait: 1d}]}}\ndefaults: {policy: main}\n"
	h := open(b, setting{procedures: map[string]string{"blackout.yaml": blackout, "org.yaml": org}, config: p.notify()})
	worker := h.worker("worker", responseQueue)
	idle := worker.memory(b, "VmRSS")
	began := time.Now()
	startMany(b, h.temporal(), p, waiting)
	started := time.Since(began)
	<-time.After(quietly / 2) // what the starts left behind comes to its end
	before := worker.busy(b)
	<-time.After(quietly)
	spent := worker.busy(b) - before
	b.ReportMetric(worker.memory(b, "VmRSS"), "rss-MB")
	b.ReportMetric(worker.memory(b, "VmHWM"), "peak-MB")
	b.ReportMetric(idle, "idle-rss-MB")
	b.ReportMetric(100*spent.Seconds()/quietly.Seconds(), "cpu-%")
	b.ReportMetric(waiting/started.Seconds(), "starts/s")
	b.ReportMetric(0, "ns/op")
}

// startMany opens incidents and waits until each has paged somebody.
func startMany(b *testing.B, c client.Client, p *pager, n int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 8*time.Minute)
	defer cancel()
	numbers := make(chan int)
	var all sync.WaitGroup
	for range starters {
		all.Go(func() {
			for i := range numbers {
				options := client.StartWorkflowOptions{ID: idOfBlackout(i), TaskQueue: responseQueue}
				_, err := c.ExecuteWorkflow(ctx, options, blackouts.workflowType, map[string]any{})
				if err == nil {
					err = p.await(ctx, func(arrived map[paging][]time.Time) bool {
						return arrived[paging{idOfBlackout(i), "start"}] != nil
					})
				}
				if err != nil {
					b.Errorf("incident %d: %v", i, err)
					cancel()
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}

func idOfBlackout(i int) string { return fmt.Sprintf("blackout/%d", i) }

// memory is a figure of /proc/…/status in MB.
func (p *process) memory(b *testing.B, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			require.NoError(b, err)
			return float64(kb) / 1024
		}
	}
	require.Fail(b, "no such figure", name)
	return 0
}

// busy is how much processor time a process has used.
func (p *process) busy(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(b, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int
	for _, f := range fields[11:13] { // utime and stime, counted from after the name
		n, err := strconv.Atoi(f)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

const (
	acknowledged = 200
	pagedEvery   = 3 * time.Second
	acksWithin   = 20 * time.Second
)

// BenchmarkIncidentsAcknowledged shows how long after an acknowledgement was sent a page still arrives, of
// incidents that page somebody every few seconds. None at all counts as 0.
func BenchmarkIncidentsAcknowledged(b *testing.B) {
	p := newPager(b)
	org := p.people("start") + fmt.Sprintf("policies: {main: {tiers: [{page: [start], wait: %s}]}}\ndefaults: {policy: main}\n", pagedEvery)
	h := open(b, setting{procedures: map[string]string{"blackout.yaml": blackout, "org.yaml": org}, config: p.notify()})
	h.worker("worker", responseQueue)
	c := h.temporal()
	startMany(b, c, p, acknowledged)
	sent, answered := make([]time.Time, acknowledged), make(spread, acknowledged)
	var all sync.WaitGroup
	for i := range acknowledged {
		all.Go(func() {
			<-time.After(rand.N(acksWithin))
			sent[i] = time.Now()
			require.NoError(b, acknowledge(b.Context(), c, i))
			answered[i] = time.Since(sent[i])
		})
	}
	all.Wait()
	<-time.After(2 * pagedEvery) // a page that should not come would come now
	var after spread
	for i := range acknowledged {
		last := p.last(paging{idOfBlackout(i), "start"})
		after = append(after, max(0, last.Sub(sent[i])))
	}
	after.sorted().report(b, "after")
	answered.sorted().report(b, "answer")
	b.ReportMetric(0, "ns/op")
}

func acknowledge(ctx context.Context, c client.Client, i int) error {
	update, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: idOfBlackout(i), UpdateName: workflows.MessageAcknowledge, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Acknowledge{By: "start"}},
	})
	if err != nil {
		return err
	}
	return update.Get(ctx, nil)
}
