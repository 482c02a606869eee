package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	dueMeanwhile = 50 // incidents whose page falls due during an outage
	// responseQueue is where workers beside the dev server listen; the dev server's own listens elsewhere.
	responseQueue = "response"
	// beforehand is how long before the deadline something is killed.
	beforehand = time.Second
)

// BenchmarkIncidentsAfterAKill shows how long it takes until pages that fell due while the worker, or the
// server, was away have left after it was started again. An outage that ends just after the deadline is
// the hardest: by then the server has handed the work to the worker that is gone.
func BenchmarkIncidentsAfterAKill(b *testing.B) {
	for _, gap := range []time.Duration{200 * time.Millisecond, 12 * time.Second} {
		b.Run(fmt.Sprintf("worker/due=%s", gap), func(b *testing.B) {
			u, p, h := lateHouse(b)
			worker := h.worker("worker", responseQueue)
			u.outage(b, p, h, gap, worker.kill, func() { h.worker("worker", responseQueue) })
		})
		b.Run(fmt.Sprintf("server/due=%s", gap), func(b *testing.B) {
			u, p, h := lateHouse(b)
			h.worker("worker", responseQueue)
			u.outage(b, p, h, gap, h.server.kill, func() {
				h.server = h.restart(h.server)
				h.ready()
			})
		})
	}
}

// lateHouse has a server, and people who are paged once.
func lateHouse(b *testing.B) (*burst, *pager, *house) {
	b.Helper()
	u, p := newBurst(dueMeanwhile), newPager(b)
	u.wait = time.Hour
	h := open(b, setting{procedures: map[string]string{"blackout.yaml": blackout, "org.yaml": u.org(p)}, config: p.notify()})
	return u, p, h
}

// outage starts incidents, kills something before their pages are due, starts it again a while after, and
// reports when the last page left: after the start of the process, and after it said that it was ready.
func (u *burst) outage(b *testing.B, p *pager, h *house, gap time.Duration, kill, start func()) {
	b.Helper()
	who := blackouts
	who.queue = responseQueue
	chosen := u.start(b, h.temporal(), p, who)
	<-time.After(time.Until(u.moment.Add(-beforehand)))
	kill()
	<-time.After(time.Until(u.moment.Add(gap)))
	began := time.Now()
	start()
	ready := time.Now()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(b, p.await(ctx, func(arrived map[paging][]time.Time) bool { return len(arrived) == 2*u.n }), "pages are missing")
	last := time.Time{}
	for id := range chosen {
		at, times := p.at(paging{id, benchTiers[0]})
		require.Equal(b, 1, times, "pages of %s", id)
		if at.After(last) {
			last = at
		}
	}
	b.ReportMetric(ready.Sub(began).Seconds(), "start-s")
	b.ReportMetric(last.Sub(began).Seconds(), "since-start-s")
	b.ReportMetric(max(0, last.Sub(ready).Seconds()), "since-ready-s")
	b.ReportMetric(0, "ns/op")
}
