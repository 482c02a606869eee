package notify

import (
	"time"

	"go.temporal.io/sdk/client"
)

// Names of what the hub counts. On /metrics they are orderly_pages_total and
// orderly_page_delivery_seconds.
const (
	metricPages = "orderly_pages"         // attempts that ended, by transport and state
	metricTime  = "orderly_page_delivery" // how long one took, waiting for room included, by transport
)

// counts counts deliveries, if anybody wants to know.
type counts struct{ handler client.MetricsHandler }

func (c counts) delivered(o Outcome, transport string, took time.Duration) {
	if c.handler == nil {
		return
	}
	by := c.handler.WithTags(map[string]string{"transport": transport})
	by.WithTags(map[string]string{"state": string(o.State)}).Counter(metricPages).Inc(1)
	by.Timer(metricTime).Record(took)
}
