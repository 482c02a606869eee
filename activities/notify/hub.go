package notify

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

const (
	// inFlight is how many messages are handed to one transport at once.
	inFlight = 64
	// sendLimit bounds one attempt at a delivery, from when the transport gets it.
	sendLimit = 30 * time.Second
	// DefaultBudget bounds how long Page holds up its caller.
	DefaultBudget = 3 * time.Second
	// DefaultLedgerTimeout is how long one visit to the ledger may take before pages are sent without it.
	DefaultLedgerTimeout = 300 * time.Millisecond
)

// Options tune a hub. The zero value is a hub without a ledger.
type Options struct {
	// Ledger remembers deliveries across processes; nil: only this process does.
	Ledger Ledger
	// Redact takes the secrets out of what transports say. Nil: nothing is changed.
	Redact func(string) string
	// Metrics counts deliveries. Nil: nobody counts.
	Metrics client.MetricsHandler
	// Logger gets what no outcome can tell, such as a ledger that is away. Default: slog.Default.
	Logger *slog.Logger
	// Budget bounds how long Page holds up its caller. Default: DefaultBudget.
	Budget time.Duration
	// LedgerTimeout is how long one visit to the ledger may take before pages are sent without it. Default:
	// DefaultLedgerTimeout.
	LedgerTimeout time.Duration
	// Storm says from when on somebody's messages are gathered. Default: see Storm.
	Storm Storm
}

// Hub hands out messages over all transports of a process. Make one with NewHub, and Close it. It is safe
// for concurrent use.
//
// A delivery goes through these hands: the table, which joins a second call for the same delivery to the
// first; the guard, which holds it back when very many are on their way to the same person; the ledger,
// which knows what an earlier process did; and its transport.
type Hub struct {
	media   []*medium
	table   *table
	guard   *guard
	book    *book // nil: no ledger
	counts  counts
	redact  func(string) string
	budget  time.Duration
	logger  *slog.Logger
	running context.Context // ends when deliveries are cut off
	cutOff  context.CancelFunc

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup // deliveries under way
}

// medium is a transport and the room for what is handed to it at once.
type medium struct {
	Transport
	digests bool
	slots   chan struct{}
}

// NewHub makes a hub of transports, each of a name of its own.
func NewHub(transports []Transport, o Options) *Hub {
	running, cutOff := context.WithCancel(context.Background())
	h := &Hub{
		table:   newTable(),
		redact:  o.Redact,
		counts:  counts{o.Metrics},
		budget:  cmp.Or(o.Budget, DefaultBudget),
		logger:  cmp.Or(o.Logger, slog.Default()),
		running: running,
		cutOff:  cutOff,
	}
	if h.redact == nil {
		h.redact = func(text string) string { return text }
	}
	for _, t := range transports {
		d, ok := t.(Digester)
		h.media = append(h.media, &medium{Transport: t, digests: ok && d.Digests(), slots: make(chan struct{}, inFlight)})
	}
	if o.Ledger != nil {
		h.book = openBook(o.Ledger, cmp.Or(o.LedgerTimeout, DefaultLedgerTimeout), h.logger)
	}
	h.guard = newGuard(o.Storm, &h.busy, h.flush)
	return h
}

// Transports are the parts of the hub, for those that can do more than send.
func (h *Hub) Transports() []Transport {
	all := make([]Transport, len(h.media))
	for i, m := range h.media {
		all[i] = m.Transport
	}
	return all
}

// Close sends at once what was gathered, waits until everything has gone out, at the longest until ctx
// ends, and writes what the ledger has to know. What is asked of a closed hub fails.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	again := h.closed
	h.closed = true
	h.mu.Unlock()
	if again {
		return nil
	}
	h.guard.flushAll()
	idle := make(chan struct{})
	go func() {
		h.busy.Wait()
		close(idle)
	}()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	h.cutOff()
	<-idle
	if h.book != nil {
		h.book.close(ctx)
	}
	return err
}

// spawn runs f while the hub is open, and says whether it does. Close waits for it.
func (h *Hub) spawn(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.busy.Go(f)
	return true
}
