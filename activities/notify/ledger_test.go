package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/internal/journal"
)

// medium is a transport that keeps what it is given.
type medium struct {
	name string
	send func(notify.Delivery) error

	mu  sync.Mutex
	got []notify.Delivery
}

func (m *medium) Name() string { return m.name }

func (m *medium) Reaches(notify.Recipient) bool { return true }

func (m *medium) Send(_ context.Context, d notify.Delivery) (notify.Receipt, error) {
	m.mu.Lock()
	m.got = append(m.got, d)
	m.mu.Unlock()
	if m.send != nil {
		if err := m.send(d); err != nil {
			return notify.Receipt{}, err
		}
	}
	return notify.Receipt{Ref: "ref of " + d.ID}, nil
}

func (m *medium) sent() []notify.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]notify.Delivery(nil), m.got...)
}

// flaky is a ledger that can be away.
type flaky struct {
	notify.Ledger

	away     *atomic.Bool
	failures atomic.Int64
}

var errAway = errors.New("the database is away")

func (f *flaky) Find(ctx context.Context, ids []string) ([]notify.Entry, error) {
	if f.away.Load() {
		f.failures.Add(1)
		return nil, errAway
	}
	return f.Ledger.Find(ctx, ids)
}

func (f *flaky) Note(ctx context.Context, entries []notify.Entry) error {
	if f.away.Load() {
		f.failures.Add(1)
		return errAway
	}
	return f.Ledger.Note(ctx, entries)
}

// counted counts the visits to a ledger.
type counted struct {
	notify.Ledger

	notes atomic.Int64
}

func (c *counted) Note(ctx context.Context, entries []notify.Entry) error {
	c.notes.Add(1)
	return c.Ledger.Note(ctx, entries)
}

// openLedger is a ledger in an SQLite file.
func openLedger(t *testing.T, path string) notify.Ledger {
	t.Helper()
	j, err := journal.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return engine.Ledger(j)
}

// patient is a time-out for ledgers that are there: a slow machine is no slow ledger.
const patient = 20 * time.Second

// process is a hub as one process has it; what one process knows the next one does not.
func process(t *testing.T, ledger notify.Ledger, m *medium) *notify.Hub {
	t.Helper()
	return notify.NewHub([]notify.Transport{m}, notify.Options{
		Ledger: ledger, Logger: slog.New(slog.DiscardHandler),
		LedgerTimeout: patient,
	})
}

func message(n int) notify.Message {
	return notify.Message{ID: fmt.Sprintf("run:%d", n), Kind: notify.KindPage, Headline: "API down"}
}

var everybody = []notify.Recipient{{ID: "ann", Name: "Ann"}, {ID: "bob", Name: "Bob"}}

func TestTheLedger(t *testing.T) {
	t.Parallel()
	path := func(t *testing.T) string { return filepath.Join(t.TempDir(), "journal.db") }

	t.Run("KeepsTheNextProcessFromSendingAgain", func(t *testing.T) {
		t.Parallel()
		ledger, m := openLedger(t, path(t)), &medium{name: "webhook"}
		first := process(t, ledger, m)
		got := first.Page(t.Context(), everybody, nil, message(1))
		require.NoError(t, first.Close(t.Context()))

		second := process(t, ledger, m)
		again := second.Page(t.Context(), everybody, nil, message(1))
		require.NoError(t, second.Close(t.Context()))
		require.Len(t, m.sent(), 2)
		for i := range got {
			require.Equal(t, notify.Sent, again[i][0].State)
			require.Equal(t, got[i][0].Ref, again[i][0].Ref)
			require.Equal(t, got[i][0].At.Truncate(time.Millisecond), again[i][0].At.Truncate(time.Millisecond))
		}
	})
	t.Run("SaysThatADeliveryCutShortMayHaveArrived", func(t *testing.T) {
		t.Parallel()
		ledger, m := openLedger(t, path(t)), &medium{name: "webhook"}
		// A process that dies while the transport has the message: nothing is noted afterwards.
		dying, began, dead := process(t, ledger, m), make(chan struct{}, 2), make(chan struct{})
		m.send = func(notify.Delivery) error {
			began <- struct{}{}
			<-dead
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { <-began; <-began; stop() }()
		require.Equal(t, notify.Sending, dying.Page(ctx, everybody, nil, message(1))[0][0].State)

		next := &medium{name: "webhook"}
		hub := process(t, ledger, next)
		require.Equal(t, notify.Sent, hub.Page(t.Context(), everybody, nil, message(1))[0][0].State)
		require.NoError(t, hub.Close(t.Context()))
		for _, d := range next.sent() {
			require.True(t, d.Again, d.ID)
		}
		close(dead)
		require.NoError(t, dying.Close(t.Context()))
	})
	t.Run("DoesNotSayThatOfWhatWasRefused", func(t *testing.T) {
		t.Parallel()
		ledger := openLedger(t, path(t))
		refusing := &medium{name: "webhook", send: func(notify.Delivery) error { return action.Permanent(action.ErrNotFound, "no such hook") }}
		first := process(t, ledger, refusing)
		require.True(t, first.Page(t.Context(), everybody, nil, message(1))[0][0].Permanent)
		require.NoError(t, first.Close(t.Context()))

		next := &medium{name: "webhook"}
		second := process(t, ledger, next)
		require.Equal(t, notify.Sent, second.Page(t.Context(), everybody, nil, message(1))[0][0].State)
		require.NoError(t, second.Close(t.Context()))
		require.False(t, next.sent()[0].Again)
	})
	t.Run("StopsNoPageWhenItFails", func(t *testing.T) {
		t.Parallel()
		m := &medium{name: "webhook"}
		var away atomic.Bool
		away.Store(true)
		hub := process(t, &flaky{Ledger: openLedger(t, path(t)), away: &away}, m)
		for n := range 10 {
			require.Equal(t, notify.Sent, hub.Page(t.Context(), everybody, nil, message(n))[0][0].State)
		}
		require.NoError(t, hub.Close(t.Context()))
		require.Len(t, m.sent(), 20)
	})
	t.Run("LearnsLaterWhatItMissed", func(t *testing.T) {
		t.Parallel()
		var away atomic.Bool
		away.Store(true)
		ledger := openLedger(t, path(t))
		failing := &flaky{Ledger: ledger, away: &away}
		m := &medium{name: "webhook"}
		hub := process(t, failing, m)
		hub.Page(t.Context(), everybody, nil, message(1))
		require.Eventually(t, func() bool { return failing.failures.Load() >= 2 }, 10*time.Second, time.Millisecond)
		away.Store(false)
		hub.Page(t.Context(), everybody, nil, message(2))
		require.NoError(t, hub.Close(t.Context()))

		known, err := ledger.Find(t.Context(), []string{"run:1/ann/webhook", "run:1/bob/webhook", "run:2/ann/webhook"})
		require.NoError(t, err)
		require.Len(t, known, 3)
		for _, e := range known {
			require.Equal(t, notify.Sent, e.State)
		}
	})
	t.Run("IsWrittenInGroupsWhenAThousandPagesComeAtOnce", func(t *testing.T) {
		t.Parallel()
		const pages = 1000
		ledger, m := &counted{Ledger: openLedger(t, path(t))}, &medium{name: "webhook"}
		hub := process(t, ledger, m)
		var all sync.WaitGroup
		for n := range pages {
			all.Go(func() {
				for _, outcomes := range hub.Page(t.Context(), everybody, nil, message(n)) {
					if s := outcomes[0].State; s == notify.Failed {
						t.Errorf("page %d: %s", n, outcomes[0].Error)
					}
				}
			})
		}
		all.Wait()
		require.NoError(t, hub.Close(t.Context()))
		require.Less(t, ledger.notes.Load(), int64(pages/4))
		t.Log("transactions:", ledger.notes.Load())

		sent := map[string]int{}
		for _, d := range m.sent() {
			sent[d.ID]++
			require.False(t, d.Again)
		}
		require.Len(t, sent, 2*pages)
		again := process(t, ledger, m)
		for n := range pages {
			require.Equal(t, notify.Sent, again.Page(t.Context(), everybody, nil, message(n))[0][0].State)
		}
		require.NoError(t, again.Close(t.Context()))
		require.Len(t, m.sent(), 2*pages)
	})
}
