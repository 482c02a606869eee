package notify

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting is how many orders wait for the ledger; more than that go without.
	maxWaiting = 20_000
	// maxGathered is how many orders are carried out together.
	maxGathered = 1_000
	// ledgerLimit bounds one visit to the ledger.
	ledgerLimit = 10 * time.Second
	// longestWait is how long a page waits at the longest for a ledger that is busy with others but makes
	// progress.
	longestWait = time.Second
	// pruneEvery is how often old entries are dropped, and pruneAfter how old they are then.
	pruneEvery = time.Hour
	pruneAfter = 30 * 24 * time.Hour
)

// book writes into the ledger. One goroutine does, and takes along whatever has come in while it was
// writing, so that a burst of a thousand pages costs a few transactions.
type book struct {
	ledger  Ledger
	timeout time.Duration
	logger  *slog.Logger
	orders  chan bookOrder
	done    chan struct{}
	running context.Context // ends when visits are cut off
	cutOff  context.CancelFunc

	since atomic.Int64 // when the visit under way began, as Unix nanoseconds; 0: none
	away  atomic.Bool  // the last visit failed
	late  []Entry      // ends that could not be written yet; only keep's goroutine touches them
}

// bookOrder is to look deliveries up and note them as begun, or to note how some ended.
type bookOrder struct {
	begun []string
	known chan<- map[string]Entry // answers begun
	ended []Entry
}

func openBook(ledger Ledger, timeout time.Duration, logger *slog.Logger) *book {
	running, cutOff := context.WithCancel(context.Background())
	b := &book{
		ledger: ledger, timeout: timeout, logger: logger, running: running, cutOff: cutOff,
		orders: make(chan bookOrder, maxWaiting), done: make(chan struct{}),
	}
	go b.keep()
	return b
}

// begin notes that deliveries are about to be sent and gives what was known of them before. Where the
// ledger does not answer soon, nothing is known.
func (b *book) begin(ids []string) map[string]Entry {
	known := make(chan map[string]Entry, 1)
	if !b.order(bookOrder{begun: ids, known: known}) || b.unavailable() {
		return nil
	}
	began, limit := time.Now(), time.NewTicker(b.timeout)
	defer limit.Stop()
	for {
		select {
		case entries := <-known:
			return entries
		case <-limit.C:
			if b.unavailable() || time.Since(began) >= longestWait {
				return nil
			}
		}
	}
}

// end notes how deliveries ended, without waiting.
func (b *book) end(entries []Entry) {
	if len(entries) > 0 {
		b.order(bookOrder{ended: entries})
	}
}

func (b *book) order(o bookOrder) bool {
	select {
	case b.orders <- o:
		return true
	default:
		return false
	}
}

// unavailable says whether there is no use waiting: the ledger has failed, or hangs.
func (b *book) unavailable() bool {
	since := b.since.Load()
	return b.away.Load() || since != 0 && time.Since(time.Unix(0, since)) >= b.timeout
}

// close writes what is left, at the longest until ctx ends, and ends the book. Nothing may be ordered any
// more.
func (b *book) close(ctx context.Context) {
	close(b.orders)
	select {
	case <-b.done:
	case <-ctx.Done():
	}
	b.cutOff()
	<-b.done
}

// keep carries orders out until there are no more.
func (b *book) keep() {
	defer close(b.done)
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	b.prune()
	for {
		select {
		case first, open := <-b.orders:
			if !open {
				return
			}
			b.visit(b.gather(first))
		case <-tick.C:
			b.prune()
		}
	}
}

// gather takes along what else is waiting.
func (b *book) gather(first bookOrder) []bookOrder {
	all := []bookOrder{first}
	for len(all) < maxGathered {
		select {
		case next, open := <-b.orders:
			if !open {
				return all
			}
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// visit carries out some orders and answers those who wait.
func (b *book) visit(orders []bookOrder) {
	var known map[string]Entry
	orders = append([]bookOrder{{ended: b.late}}, orders...)
	err := b.enter(func(ctx context.Context) (err error) {
		if known, err = b.find(ctx, orders); err != nil {
			return err
		}
		return b.ledger.Note(ctx, notes(orders, known))
	})
	b.late = nil
	for _, o := range orders {
		if err != nil && len(b.late) < maxWaiting {
			b.late = append(b.late, o.ended...)
		}
		if o.known != nil {
			o.known <- known
		}
	}
}

// enter does something with the ledger, within bounds, and says when it goes away and when it is back,
// once each.
func (b *book) enter(do func(context.Context) error) error {
	b.since.Store(time.Now().UnixNano())
	defer b.since.Store(0)
	ctx, cancel := context.WithTimeout(b.running, ledgerLimit)
	defer cancel()
	err := do(ctx)
	switch was := b.away.Swap(err != nil); {
	case err != nil && !was:
		b.logger.Warn("the ledger of deliveries is away: messages go out without it, after a crash perhaps twice", "error", err)
	case err == nil && was:
		b.logger.Info("the ledger of deliveries is back")
	}
	return err
}

func (b *book) find(ctx context.Context, orders []bookOrder) (map[string]Entry, error) {
	var ids []string
	for _, o := range orders {
		ids = append(ids, o.begun...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := b.ledger.Find(ctx, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[string]Entry, len(found))
	for _, e := range found {
		known[e.ID] = e
	}
	return known, nil
}

// notes are the entries to write, one for each delivery: the last word on it.
func notes(orders []bookOrder, known map[string]Entry) []Entry {
	now, at := time.Now().UTC(), map[string]int{}
	var all []Entry
	note := func(e Entry) {
		if i, twice := at[e.ID]; twice {
			all[i] = e
			return
		}
		at[e.ID] = len(all)
		all = append(all, e)
	}
	for _, o := range orders {
		for _, id := range o.begun {
			if known[id].State != Sent {
				note(Entry{ID: id, State: Sending, At: now})
			}
		}
		for _, e := range o.ended {
			note(e)
		}
	}
	return all
}

// prune drops old entries. The next time will do as well.
func (b *book) prune() {
	_ = b.enter(func(ctx context.Context) error { return b.ledger.Prune(ctx, time.Now().Add(-pruneAfter)) })
}
