package notify

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// counter is a metrics handler that keeps what it is told.
type counter struct {
	tags   string
	mu     *sync.Mutex
	counts map[string]int64
}

func (c counter) WithTags(tags map[string]string) client.MetricsHandler {
	for _, name := range []string{"transport", "state"} {
		if v, ok := tags[name]; ok {
			c.tags += " " + v
		}
	}
	return c
}

func (c counter) Counter(name string) client.MetricsCounter { return counterOf{c, name} }
func (c counter) Gauge(string) client.MetricsGauge          { return nil }
func (c counter) Timer(name string) client.MetricsTimer     { return counterOf{c, name} }

type counterOf struct {
	counter
	name string
}

func (c counterOf) Inc(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[c.name+c.tags] += n
}

func (c counterOf) Record(time.Duration) { c.Inc(1) }

func TestDeliveriesAreCounted(t *testing.T) {
	t.Parallel()
	c := counter{mu: &sync.Mutex{}, counts: map[string]int64{}}
	slack := &fake{name: "slack", send: func(context.Context, Delivery) (Receipt, error) { return Receipt{}, errors.New("503") }}
	h := hubOf(t, Options{Metrics: c}, slack, &fake{name: "email"})
	h.Page(t.Context(), []Recipient{ann, bob}, nil, page)
	require.NoError(t, h.Close(t.Context()))
	require.Equal(t, map[string]int64{
		"orderly_pages slack failed": 2, "orderly_pages email sent": 2,
		"orderly_page_delivery slack": 2, "orderly_page_delivery email": 2,
	}, maps.Clone(c.counts))
}
