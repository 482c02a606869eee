package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// fake is a transport that keeps what it is given.
type fake struct {
	name    string
	digests bool
	reaches func(Recipient) bool
	send    func(context.Context, Delivery) (Receipt, error)

	mu  sync.Mutex
	got []Delivery
}

func (f *fake) Name() string { return f.name }

func (f *fake) Digests() bool { return f.digests }

func (f *fake) Reaches(to Recipient) bool { return f.reaches == nil || f.reaches(to) }

func (f *fake) Send(ctx context.Context, d Delivery) (Receipt, error) {
	f.mu.Lock()
	f.got = append(f.got, d)
	f.mu.Unlock()
	if f.send != nil {
		return f.send(ctx, d)
	}
	return Receipt{Ref: "ref of " + d.ID}, nil
}

// sent lists what it was given.
func (f *fake) sent() []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Delivery(nil), f.got...)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// hubOf makes a hub that is closed with the test.
func hubOf(t *testing.T, o Options, transports ...*fake) *Hub {
	t.Helper()
	o.Logger = quiet()
	all := make([]Transport, len(transports))
	for i, one := range transports {
		all[i] = one
	}
	h := NewHub(all, o)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	return h
}

func hang(ctx context.Context, _ Delivery) (Receipt, error) {
	<-ctx.Done()
	return Receipt{}, ctx.Err()
}

// hanging is a ledger that never answers.
type hanging struct{}

func (hanging) Find(ctx context.Context, _ []string) ([]Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (hanging) Note(context.Context, []Entry) error    { return nil }
func (hanging) Prune(context.Context, time.Time) error { return nil }

func byEmail(to Recipient) bool { return to.Email != "" }
func bySlack(to Recipient) bool { return to.Slack != "" }

var (
	ann  = Recipient{ID: "ann", Name: "Ann", Slack: "U01", Email: "ann@example.org"}
	bob  = Recipient{ID: "bob", Name: "Bob", Email: "bob@example.org"}
	page = Message{ID: "m1", Kind: KindPage, Headline: "API down", Thread: "er/api", Run: "er/api"}
)

func numbered(n int) Message {
	m := page
	m.ID, m.Thread, m.Run = fmt.Sprintf("m%d", n), fmt.Sprintf("er/%d", n), fmt.Sprintf("er/%d", n)
	m.Headline, m.Severity = fmt.Sprintf("service %d down", n), fmt.Sprintf("P%d", n%3)
	m.Commands = []string{"orderly ack " + m.Run}
	return m
}

func TestPage(t *testing.T) {
	t.Parallel()
	t.Run("UsesEveryTransportThatReachesThePerson", func(t *testing.T) {
		t.Parallel()
		slack, email := &fake{name: "slack", reaches: bySlack}, &fake{name: "email", reaches: byEmail}
		h := hubOf(t, Options{}, slack, email)
		got := h.Page(t.Context(), []Recipient{ann, bob, {ID: "carl"}}, nil, page)
		require.Len(t, got[0], 2)
		require.Equal(t, Sent, got[0][0].State)
		require.Equal(t, "ref of m1/ann/slack", got[0][0].Ref)
		require.Equal(t, "Ann", got[0][0].Name)
		require.False(t, got[0][0].At.IsZero())
		require.Len(t, got[1], 1)
		require.Equal(t, "email", got[1][0].Transport)
		require.Empty(t, got[2])
	})
	t.Run("UsesOnlyViaWhereThatReachesThePerson", func(t *testing.T) {
		t.Parallel()
		slack, email := &fake{name: "slack", reaches: bySlack}, &fake{name: "email", reaches: byEmail}
		h := hubOf(t, Options{}, slack, email)
		got := h.Page(t.Context(), []Recipient{ann, bob}, []string{"slack"}, page)
		require.Len(t, got[0], 1)
		require.Equal(t, "slack", got[0][0].Transport)
		require.Len(t, got[1], 1, "slack does not reach Bob")
		require.Equal(t, "email", got[1][0].Transport)
	})
	t.Run("AnswersWithinItsBudgetWhenATransportHangs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack, email := &fake{name: "slack", send: hang}, &fake{name: "email"}
			h := hubOf(t, Options{}, slack, email)
			began := time.Now()
			got := h.Page(t.Context(), []Recipient{ann}, nil, page)
			require.Equal(t, DefaultBudget, time.Since(began))
			require.Equal(t, Sending, got[0][0].State)
			require.Equal(t, Sent, got[0][1].State)

			time.Sleep(sendLimit)
			got = h.Page(t.Context(), []Recipient{ann}, nil, page)
			require.Equal(t, Failed, got[0][0].State)
			require.Contains(t, got[0][0].Error, "no answer in time")
			require.Len(t, slack.sent(), 1)
		})
	})
	t.Run("WaitsOnlyAMomentForALedgerThatHangs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack"}
			h := NewHub([]Transport{slack}, Options{Ledger: hanging{}, Logger: quiet()})
			began := time.Now()
			require.Equal(t, Sent, h.Page(t.Context(), []Recipient{ann}, nil, page)[0][0].State)
			require.Equal(t, DefaultLedgerTimeout, time.Since(began))

			began = time.Now()
			require.Equal(t, Sent, h.Page(t.Context(), []Recipient{ann}, nil, numbered(2))[0][0].State)
			require.Zero(t, time.Since(began), "it is known to hang")

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.NoError(t, h.Close(ctx))
			require.LessOrEqual(t, time.Since(began), time.Second)
			require.Len(t, slack.sent(), 2)
		})
	})
	t.Run("GoesOnWhenItsCallerIsGone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slow := &fake{name: "slack", send: func(ctx context.Context, _ Delivery) (Receipt, error) {
				return Receipt{}, errors.Join(ctx.Err(), after(ctx, 10*time.Second))
			}}
			h := hubOf(t, Options{}, slow)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.Equal(t, Sending, h.Page(ctx, []Recipient{ann}, nil, page)[0][0].State)
			time.Sleep(11 * time.Second)
			require.Equal(t, Sent, h.Page(t.Context(), []Recipient{ann}, nil, page)[0][0].State)
		})
	})
	t.Run("SendsNothingTwice", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack"}
		h := hubOf(t, Options{}, slack)
		first := h.Page(t.Context(), []Recipient{ann}, nil, page)
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() { require.Equal(t, first, h.Page(t.Context(), []Recipient{ann}, nil, page)) })
		}
		calls.Wait()
		require.Len(t, slack.sent(), 1)
	})
	t.Run("TellsAChannelFromAPersonOfTheSameName", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack"}
		h := hubOf(t, Options{}, slack)
		h.Page(t.Context(), []Recipient{{ID: "health"}, {ID: "health", Channel: true}}, nil, page)
		require.Len(t, slack.sent(), 2)
	})
	t.Run("SaysWhetherThereIsUseInTryingAgainAndKeepsSecretsToItself", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack", send: func(context.Context, Delivery) (Receipt, error) {
			return Receipt{}, temporal.NewNonRetryableApplicationError("token hunter2 refused", "Denied", nil)
		}}
		email := &fake{name: "email", send: func(context.Context, Delivery) (Receipt, error) {
			return Receipt{}, errors.New("connection refused")
		}}
		h := hubOf(t, Options{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }}, slack, email)
		got := h.Page(t.Context(), []Recipient{ann}, nil, page)[0]
		require.True(t, got[0].Permanent)
		require.Equal(t, "token … refused", got[0].Error)
		require.Equal(t, Failed, got[1].State)
		require.False(t, got[1].Permanent)
	})
	t.Run("SurvivesATransportThatPanics", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack", send: func(context.Context, Delivery) (Receipt, error) { panic("nil map") }}
		h := hubOf(t, Options{}, slack)
		got := h.Page(t.Context(), []Recipient{ann}, nil, page)[0][0]
		require.True(t, got.Permanent)
		require.Contains(t, got.Error, "nil map")
	})
	t.Run("HandsNoMoreThanItCanTakeToATransport", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		now, most := 0, 0
		slow := &fake{name: "webhook", send: func(ctx context.Context, _ Delivery) (Receipt, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			defer func() { mu.Lock(); now--; mu.Unlock() }()
			return Receipt{}, after(ctx, 10*time.Millisecond)
		}}
		synctest.Test(t, func(t *testing.T) {
			h := hubOf(t, Options{}, slow)
			everybody := make([]Recipient, 1000)
			for i := range everybody {
				everybody[i].ID = fmt.Sprint(i)
			}
			for _, outcomes := range h.Page(t.Context(), everybody, nil, page) {
				require.Equal(t, Sent, outcomes[0].State)
			}
		})
		require.Equal(t, inFlight, most)
	})
}

func TestAClosedHub(t *testing.T) {
	t.Parallel()
	t.Run("HasSentWhatItWasGiven", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slow := &fake{name: "slack", send: func(ctx context.Context, _ Delivery) (Receipt, error) {
				return Receipt{}, after(ctx, 5*time.Second)
			}}
			h := hubOf(t, Options{Budget: time.Second}, slow)
			h.Page(t.Context(), []Recipient{ann}, nil, page)
			require.NoError(t, h.Close(t.Context()))
			require.Equal(t, Sent, h.Page(t.Context(), []Recipient{ann}, nil, page)[0][0].State)
			require.Equal(t, Failed, h.Page(t.Context(), []Recipient{ann}, nil, numbered(2))[0][0].State)
		})
	})
	t.Run("CutsOffWhatTakesTooLong", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := NewHub([]Transport{&fake{name: "slack", send: hang}}, Options{Logger: quiet()})
			h.Page(t.Context(), []Recipient{ann}, nil, page)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, h.Close(ctx), context.DeadlineExceeded)
		})
	})
}

func TestTheTableForgetsWhatIsOldOrTooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slack := &fake{name: "slack"}
		h := hubOf(t, Options{}, slack)
		h.Page(t.Context(), []Recipient{ann}, nil, page)
		time.Sleep(kept)
		h.Page(t.Context(), []Recipient{ann}, nil, numbered(2))
		require.Nil(t, h.table.find("m1/ann/slack"))
		require.NotNil(t, h.table.find("m2/ann/slack"))
	})
	table := newTable()
	for n := range maxKept + 10 {
		f, _ := table.join(Delivery{ID: fmt.Sprint(n)}, nil, false)
		close(f.landed)
	}
	require.Len(t, table.flights, maxKept)
	require.Len(t, table.ages, maxKept)
}

// after waits, or until ctx ends.
func after(ctx context.Context, d time.Duration) error {
	if !sleep(ctx, d) {
		return ctx.Err()
	}
	return nil
}
