package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/activities/notify/webhook"
	"github.com/orderly-ops/orderly/workflows"
)

// The benchmarks of incidents want one round each, because a round takes up to minutes; `make bench` runs
// them with -benchtime 1x.

const (
	pagerSecret = "a secret of benchmarks only"
	// blackoutQueue is where the dev server's own worker listens.
	blackoutQueue = workflows.DefaultTaskQueue
)

// blackout is an incident that waits until somebody resolves it.
const blackout = `
sop: blackout
title: Blackout
inputs: {level: {type: string}, reason: {type: string, default: The API is down}}
incident: {summary: "${{ inputs.reason }}", level: "${{ inputs.level }}"}
phases: [{id: response, steps: [{id: over, wait: {for: resolved}}]}]
`

// sizes are how many incidents the benchmarks take: 100 and 1,000, or what ORDERLY_BENCH_INCIDENTS says.
func sizes(b *testing.B) []int {
	b.Helper()
	var all []int
	for text := range strings.SplitSeq(cmp.Or(os.Getenv("ORDERLY_BENCH_INCIDENTS"), "100,1000"), ",") {
		n, err := strconv.Atoi(text)
		require.NoError(b, err, "ORDERLY_BENCH_INCIDENTS")
		all = append(all, n)
	}
	return all
}

// pager is where the pages of all incidents arrive. Like every good receiver it checks signatures.
type pager struct {
	url string

	mu      sync.Mutex
	arrived map[paging][]time.Time
	refused []error
	changed chan struct{} // closed and replaced when a page arrives
}

// paging tells pages apart: the run and the person that stands for a tier.
type paging struct{ run, person string }

func newPager(b *testing.B) *pager {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	p := &pager{url: "http://" + l.Addr().String(), arrived: map[paging][]time.Time{}, changed: make(chan struct{})}
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return p
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = webhook.Verify(pagerSecret, r.Header.Get(webhook.Header), body, at, webhook.Tolerance)
	}
	var event webhook.Event
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.refused = append(p.refused, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if event.Payload.Class != "page" {
		return
	}
	key := paging{event.Payload.Source, event.RoutingKey}
	p.arrived[key] = append(p.arrived[key], at)
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits until something holds of what has arrived.
func (p *pager) await(ctx context.Context, holds func(map[paging][]time.Time) bool) error {
	for {
		p.mu.Lock()
		done, changed := holds(p.arrived), p.changed
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// at is when a page arrived first.
func (p *pager) at(key paging) (first time.Time, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if all := p.arrived[key]; len(all) > 0 {
		return all[0], len(all)
	}
	return time.Time{}, 0
}

// last is when a page arrived last.
func (p *pager) last(key paging) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.arrived[key]
	return all[len(all)-1]
}

// people are those of org.yaml, by name, each with a webhook at the pager.
func (p *pager) people(names ...string) string {
	var b strings.Builder
	b.WriteString("people:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  %s: {webhook: %q}\n", name, p.url)
	}
	return b.String()
}

// notify is what orderly.yaml says of the pager.
func (*pager) notify() string { return fmt.Sprintf("notify: {webhook: {secret: %q}}\n", pagerSecret) }

// startTimes are when Temporal began the runs of a workflow type.
func startTimes(b *testing.B, c client.Client, workflowType string, n int) map[string]time.Time {
	b.Helper()
	began := map[string]time.Time{}
	require.Eventually(b, func() bool {
		var token []byte
		for {
			page, err := c.ListWorkflow(b.Context(), &workflowservice.ListWorkflowExecutionsRequest{
				Query: fmt.Sprintf("WorkflowType = %q", workflowType), PageSize: 1000, NextPageToken: token,
			})
			require.NoError(b, err)
			for _, run := range page.GetExecutions() {
				began[run.GetExecution().GetWorkflowId()] = run.GetStartTime().AsTime()
			}
			if token = page.GetNextPageToken(); token == nil {
				return len(began) >= n
			}
		}
	}, time.Minute, time.Second, "not all runs are listed")
	return began
}

// spread is a sorted list of times and what one wants to know of it.
type spread []time.Duration

func (s spread) sorted() spread { return slices.Sorted(slices.Values(s)) }

// at is a percentile of a sorted spread.
func (s spread) at(percent int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[min(len(s)-1, len(s)*percent/100)]
}

func (s spread) report(b *testing.B, name string) {
	b.Helper()
	for _, m := range []struct {
		name  string
		value time.Duration
	}{{"p50", s.at(50)}, {"p99", s.at(99)}, {"max", s.at(100)}} {
		b.ReportMetric(m.value.Seconds(), name+"-"+m.name+"-s")
	}
}
