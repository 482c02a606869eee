package notify

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// failing fails so many times and then sends.
func failing(times int, err error) func(context.Context, Delivery) (Receipt, error) {
	return func(context.Context, Delivery) (Receipt, error) {
		if times--; times >= 0 {
			return Receipt{}, err
		}
		return Receipt{Ref: "ok"}, nil
	}
}

func overOf(outcomes []Outcome, transport string) Outcome {
	i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Transport == transport })
	if i < 0 {
		return Outcome{}
	}
	return outcomes[i]
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	deliver := func(t *testing.T, h *Hub, via ...string) []Outcome {
		first := h.Page(t.Context(), []Recipient{ann}, via, page)
		return h.Deliver(t.Context(), page, []Owed{{ann, first[0]}})[0]
	}
	t.Run("TriesAgainWhatFailed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", send: failing(2, errors.New("connection reset"))}
			email := &fake{name: "email"}
			h := hubOf(t, Options{}, slack, email)
			got := deliver(t, h)
			require.Equal(t, Sent, overOf(got, "slack").State)
			require.Equal(t, Sent, overOf(got, "email").State)
			require.Len(t, slack.sent(), 3)
			require.False(t, slack.sent()[0].Again)
			require.True(t, slack.sent()[1].Again, "the first may have arrived")
			require.Len(t, email.sent(), 1, "what was sent is not sent again")
		})
	})
	t.Run("TriesNotWhatIsInVain", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack", send: failing(9, temporal.NewNonRetryableApplicationError("no such member", "NotFound", nil))}
		h := hubOf(t, Options{}, slack, &fake{name: "email"})
		got := deliver(t, h)
		require.True(t, overOf(got, "slack").Permanent)
		require.Len(t, slack.sent(), 1)
	})
	t.Run("TriesEveryOtherTransportForSomebodyWhomNothingHasReached", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack", send: failing(9, temporal.NewNonRetryableApplicationError("no such member", "NotFound", nil))}
		email, webhook := &fake{name: "email"}, &fake{name: "webhook", reaches: func(r Recipient) bool { return r.Webhook != "" }}
		h := hubOf(t, Options{}, slack, email, webhook)
		got := deliver(t, h, "slack")
		require.Len(t, got, 2)
		require.Equal(t, "slack", got[0].Transport)
		require.Equal(t, Sent, overOf(got, "email").State)
	})
	t.Run("DoesSoWhileTheFirstTransportIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack, email := &fake{name: "slack", send: failing(99, errors.New("503"))}, &fake{name: "email"}
			email.send = func(context.Context, Delivery) (Receipt, error) {
				require.Len(t, slack.sent(), 2, "page, and once again")
				return Receipt{}, nil
			}
			h := hubOf(t, Options{}, slack, email)
			got := deliver(t, h, "slack")
			require.Equal(t, Sent, overOf(got, "email").State)
			require.Equal(t, Failed, overOf(got, "slack").State)
			require.Len(t, slack.sent(), 1+attempts)
		})
	})
	t.Run("HasPatienceWithATransportThatHangsButNotForEver", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack, email := &fake{name: "slack", send: hang}, &fake{name: "email"}
			h := hubOf(t, Options{}, slack, email)
			began := time.Now()
			email.send = func(context.Context, Delivery) (Receipt, error) {
				require.Equal(t, DefaultBudget+patience, time.Since(began))
				return Receipt{}, nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			first := h.Page(ctx, []Recipient{ann}, []string{"slack"}, page)
			got := h.Deliver(ctx, page, []Owed{{ann, first[0]}})[0]
			require.Equal(t, Sent, overOf(got, "email").State)
			require.Equal(t, time.Minute, time.Since(began))
			require.Equal(t, Sending, overOf(got, "slack").State, "how things stand when the time is up")
		})
	})
	t.Run("WaitsForTheOutcomeOfWhatIsUnderWay", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", send: func(ctx context.Context, _ Delivery) (Receipt, error) {
				return Receipt{}, after(ctx, 8*time.Second)
			}}
			h := hubOf(t, Options{}, slack, &fake{name: "email"})
			got := deliver(t, h, "slack")
			require.Len(t, got, 1, "email is not needed")
			require.Equal(t, Sent, got[0].State)
			require.Len(t, slack.sent(), 1)
		})
	})
	t.Run("ComesBackWhenTheMediumSays", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			busy := temporal.NewApplicationErrorWithOptions("rate limited", "Busy", temporal.ApplicationErrorOptions{NextRetryDelay: 20 * time.Second})
			slack := &fake{name: "slack", send: failing(1, busy)}
			h := hubOf(t, Options{}, slack)
			began := time.Now()
			got := deliver(t, h)
			require.Equal(t, Sent, got[0].State)
			require.Equal(t, 20*time.Second, time.Since(began))
			require.False(t, slack.sent()[1].Again, "it was refused, so it did not arrive")
		})
	})
	t.Run("LeavesAMediumAloneThatWantsALongRest", func(t *testing.T) {
		t.Parallel()
		busy := temporal.NewApplicationErrorWithOptions("rate limited", "Busy", temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
		slack := &fake{name: "slack", send: failing(1, busy)}
		h := hubOf(t, Options{}, slack)
		got := deliver(t, h)
		require.Equal(t, Failed, got[0].State)
		require.False(t, got[0].Permanent)
		require.Len(t, slack.sent(), 1)
	})
	t.Run("LooksFirstForWhatAnotherProcessMayHaveSent", func(t *testing.T) {
		t.Parallel()
		slack := &fake{name: "slack"}
		h := hubOf(t, Options{}, slack)
		owed := []Owed{{ann, []Outcome{{Recipient: "ann", Transport: "slack", State: Sending}}}}
		require.Equal(t, Sent, h.Deliver(t.Context(), page, owed)[0][0].State)
		require.True(t, slack.sent()[0].Again)
	})
	t.Run("SaysSoWhenATransportIsConfiguredNoLonger", func(t *testing.T) {
		t.Parallel()
		h := hubOf(t, Options{}, &fake{name: "email"})
		owed := []Owed{{ann, []Outcome{{Recipient: "ann", Transport: "slack", State: Failed}}}}
		got := h.Deliver(t.Context(), page, owed)[0]
		require.True(t, overOf(got, "slack").Permanent)
		require.Equal(t, Sent, overOf(got, "email").State)
	})
}

func TestWhatIsPrintedOnlyCountsWhereThereIsNothingElse(t *testing.T) {
	t.Parallel()
	printed := []Outcome{{Transport: "console", State: Sent}}
	require.True(t, hubOf(t, Options{}, &fake{name: "console"}).Reached(printed, Sent))
	require.False(t, hubOf(t, Options{}, &fake{name: "console"}, &fake{name: "email"}).Reached(printed, Sent))
}
