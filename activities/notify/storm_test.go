package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pageMany sends so many different pages to Ann and gives the outcomes at once.
func pageMany(t *testing.T, h *Hub, from, to int) []Outcome {
	t.Helper()
	var got []Outcome
	for n := from; n < to; n++ {
		got = append(got, h.Page(t.Context(), []Recipient{ann}, nil, numbered(n))[0]...)
	}
	return got
}

func TestAStorm(t *testing.T) {
	t.Parallel()
	t.Run("BecomesDigestsThatNameEveryIncidentAfterTheFirstFew", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			began := time.Now()
			got := pageMany(t, h, 0, 40)
			require.Zero(t, time.Since(began), "nobody waits for a digest")
			for n, o := range got {
				require.Equal(t, n >= 5, o.State == Sending && o.Digest, n)
			}
			require.Len(t, slack.sent(), 5)

			time.Sleep(2 * time.Second) // nothing new meanwhile
			synctest.Wait()
			all := slack.sent()
			require.Len(t, all, 5+3)
			digest := all[5].Message
			require.Equal(t, KindDigest, digest.Kind)
			require.Equal(t, "15 matters need you: 12 P0, 3 P1", digest.Headline)
			require.Equal(t, "P0 service 6 down — orderly ack er/6", digest.Lines[0])
			named := slices.Concat(all[5].Message.Lines, all[6].Message.Lines, all[7].Message.Lines)
			require.Len(t, named, 35)
			require.Equal(t, "P2 service 38 down — orderly ack er/38", named[34])
			for _, o := range pageMany(t, h, 5, 40) {
				require.Equal(t, Sent, o.State)
				require.True(t, o.Digest)
			}
			require.Len(t, slack.sent(), 5+3)
		})
	})
	t.Run("ThatGoesOnIsToldEveryTenSeconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 5)
			for n := range 30 {
				pageMany(t, h, 100+n, 101+n)
				time.Sleep(900 * time.Millisecond)
			}
			synctest.Wait()
			require.Len(t, slack.sent(), 5+2)
			require.Contains(t, slack.sent()[5].Message.Headline, "12 matters")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Len(t, slack.sent(), 5+3, "and the rest when nothing new comes")
		})
	})
	t.Run("IsCountedPerPersonAndTransport", func(t *testing.T) {
		t.Parallel()
		slack, email := &fake{name: "slack", digests: true}, &fake{name: "email", digests: true}
		h := hubOf(t, Options{}, slack, email)
		for n := range 5 {
			h.Page(t.Context(), []Recipient{ann, bob}, nil, numbered(n))
		}
		require.Len(t, slack.sent(), 10)
		require.Len(t, email.sent(), 10)
	})
	t.Run("IsOverAfterAMinute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 10)
			time.Sleep(time.Minute)
			require.Equal(t, Sent, pageMany(t, h, 10, 11)[0].State)
		})
	})
	t.Run("ReachesMachinesOneByOne", func(t *testing.T) {
		t.Parallel()
		webhook := &fake{name: "webhook"}
		h := hubOf(t, Options{}, webhook)
		for _, o := range pageMany(t, h, 0, 50) {
			require.Equal(t, Sent, o.State)
			require.False(t, o.Digest)
		}
		require.Len(t, webhook.sent(), 50)
	})
	t.Run("SendsOneMessageThatWaitedAloneAsItIs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 6)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Equal(t, KindPage, slack.sent()[5].Message.Kind)
			require.False(t, pageMany(t, h, 5, 6)[0].Digest)
		})
	})
	t.Run("IsTriedAgainWhenTheDigestFailed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			failures := 1
			slack := &fake{name: "slack", digests: true}
			slack.send = func(_ context.Context, d Delivery) (Receipt, error) {
				if d.Message.Kind == KindDigest && failures > 0 {
					failures--
					return Receipt{}, errors.New("connection reset")
				}
				return Receipt{Ref: "1"}, nil
			}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 8)
			var delivered [3][]Outcome
			done := make(chan struct{})
			for n := range 3 {
				go func() {
					owed := []Owed{{To: ann, Outcomes: []Outcome{{Recipient: "ann", Transport: "slack", State: Sending}}}}
					delivered[n] = h.Deliver(t.Context(), numbered(5+n), owed)[0]
					done <- struct{}{}
				}()
			}
			for range 3 {
				<-done
			}
			for n := range 3 {
				require.Equal(t, Sent, delivered[n][0].State, n)
			}
			all := slack.sent()
			require.Len(t, all, 7)
			require.Equal(t, all[5].ID, all[6].ID, "the same digest")
			require.True(t, all[6].Again, "nobody knows whether the first one arrived")
		})
	})
	t.Run("LeavesOutWhatWasAcknowledgedMeanwhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 8)
			ctx, acknowledge := context.WithCancel(t.Context())
			go func() {
				time.Sleep(time.Second)
				acknowledge()
			}()
			owed := []Owed{{To: ann, Outcomes: []Outcome{{Recipient: "ann", Transport: "slack", State: Sending}}}}
			require.Equal(t, Sending, h.Deliver(ctx, numbered(6), owed)[0][0].State)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Equal(t, "2 matters need you: 1 P1, 1 P2", slack.sent()[5].Message.Headline)

			// Whoever wants it after all gets it.
			require.Equal(t, Sent, h.Deliver(t.Context(), numbered(6), owed)[0][0].State)
			require.Equal(t, "m6", slack.sent()[6].Message.ID)
		})
	})
	t.Run("IsToldAtOnceWhenTheWorkerStops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &fake{name: "slack", digests: true}
			h := hubOf(t, Options{}, slack)
			pageMany(t, h, 0, 30)
			began := time.Now()
			require.NoError(t, h.Close(t.Context()))
			require.Zero(t, time.Since(began))
			require.Len(t, slack.sent(), 5+2)
			for _, o := range pageMany(t, h, 0, 30) {
				require.Equal(t, Sent, o.State)
			}
		})
	})
}

// TestAHurricane is more than anybody reads: five digests, the last of which counts what it can't name.
func TestAHurricane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slack := &fake{name: "slack", digests: true}
		h := hubOf(t, Options{}, slack)
		pageMany(t, h, 0, 1000)
		require.NoError(t, h.Close(t.Context()))
		all := slack.sent()
		require.Len(t, all, 5+maxDigests)
		last := all[len(all)-1].Message.Lines
		require.Equal(t, fmt.Sprintf("and %d more: orderly inbox", 1000-5-maxDigests*maxListed), last[len(last)-1])
	})
}

func TestADigest(t *testing.T) {
	t.Parallel()
	t.Run("StaysShort", func(t *testing.T) {
		t.Parallel()
		var many []Message
		for n := range 1000 {
			m := numbered(n)
			m.Headline = strings.Repeat("ü", 500)
			many = append(many, m)
		}
		d := Digest(many)
		require.Less(t, len(strings.Join(d.Lines, "\n")), maxDigest+100)
		require.Equal(t, fmt.Sprintf("and %d more: orderly inbox", 1000-len(d.Lines)+1), d.Lines[len(d.Lines)-1])
		require.Equal(t, []string{"orderly inbox"}, d.Commands)
	})
	t.Run("TellsOfEachMatterOnce", func(t *testing.T) {
		t.Parallel()
		first, later, other := numbered(1), numbered(1), numbered(2)
		later.ID, later.Headline = "m1b", "service 1 still down"
		d := Digest([]Message{first, other, later})
		require.Equal(t, "3 messages about 2 matters: 1 P1, 1 P2", d.Headline)
		require.Equal(t, []string{"P1 service 1 still down — orderly ack er/1", "P2 service 2 down — orderly ack er/2"}, d.Lines)
	})
	t.Run("MarksDrills", func(t *testing.T) {
		t.Parallel()
		drill, grave := numbered(1), numbered(2)
		drill.Drill = true
		d := Digest([]Message{drill, grave})
		require.False(t, d.Drill)
		require.True(t, strings.HasPrefix(d.Lines[0], "[drill] P1"))
		require.True(t, Digest([]Message{drill}).Drill)
	})
	t.Run("KeepsTheWordsOfAStatusUpdate", func(t *testing.T) {
		t.Parallel()
		update := Message{ID: "u", Thread: "u", Kind: KindUpdate, Headline: "Status update: API down", Body: "We found\nthe cause."}
		require.Equal(t, "Status update: API down — We found the cause.", Digest([]Message{update}).Lines[0])
	})
}
