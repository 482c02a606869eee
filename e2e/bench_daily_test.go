package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/workflows"
)

// BenchmarkDailyCheck runs the shipped daily check over 50 containers and a system of every other kind, and
// compares it with the slowest probe in it: what is looked at side by side should cost no more.
func BenchmarkDailyCheck(b *testing.B) {
	const containers = 50
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	b.Cleanup(service.Close)
	for i := range containers {
		testenv.RunContainer(b, testenv.ContainerSpec{Name: fmt.Sprintf("bench-%d-%02d", time.Now().UnixNano(), i)})
	}
	h := open(b, setting{config: platform(b, service.URL)})
	c := h.temporal()
	var whole, slowest time.Duration
	for b.Loop() {
		said := h.orderly("start", "daily-check", "--watch")
		require.Zero(b, said.exit, said.stderr)
		id := latest(b, h, "daily-check")
		require.NoError(b, c.GetWorkflow(context.Background(), id, "").Get(context.Background(), nil))
		rec := h.record(c, id)
		whole += rec.Ended.Sub(rec.Started)
		slowest += slowestProbe(rec)
	}
	b.ReportMetric(whole.Seconds()/float64(b.N), "check-s")
	b.ReportMetric(slowest.Seconds()/float64(b.N), "slowest-probe-s")
	b.ReportMetric(float64(whole)/float64(slowest), "ratio")
}

// slowestProbe is the longest that a single action took.
func slowestProbe(rec *workflows.Record) time.Duration {
	var longest time.Duration
	var look func(steps []*workflows.Step)
	look = func(steps []*workflows.Step) {
		for _, s := range steps {
			if s.Kind == "uses" && s.Started != nil && s.Ended != nil {
				longest = max(longest, s.Ended.Sub(*s.Started))
			}
			look(s.Steps)
			for _, item := range s.Items {
				look(item.Steps)
			}
		}
	}
	for _, p := range rec.Phases {
		look(p.Steps)
	}
	return longest
}
