package slack

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("WantsATokenAndAnAddressOfTheWeb", func(t *testing.T) {
		t.Parallel()
		_, err := New(config.Slack{APIURL: "https://slack.com/api/"})
		require.ErrorContains(t, err, "notify.slack.token in orderly.yaml is empty")
		_, err = New(config.Slack{Token: config.NewSecret(slackapi.Token), APIURL: "slack.com/api"})
		require.ErrorContains(t, err, "notify.slack.api_url")
		testenv.AssertNoSecret(t, slackapi.Token, err)
	})

	t.Run("NeedsNoAddress", func(t *testing.T) {
		t.Parallel()
		s, err := New(config.Slack{Token: config.NewSecret(slackapi.Token)})
		require.NoError(t, err)
		require.Equal(t, "slack", s.Name())
		require.True(t, s.Digests())
		testenv.AssertNoSecret(t, slackapi.Token, fmt.Sprintf("%v %+v", s, s))
	})
}

func TestSend(t *testing.T) {
	t.Parallel()

	t.Run("TellsAMemberInTheirDirectMessages", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		receipt, err := s.Send(t.Context(), page(ann))
		require.NoError(t, err)
		sent := workspace.Messages("U01")
		require.Len(t, sent, 1)
		require.Equal(t, sent[0].Channel+"/"+sent[0].TS, receipt.Ref)
		require.Equal(t, "page-1/ann/slack", sent[0].ID())
		require.Equal(t, `P1: api does not answer
Nobody owns it yet.
Goes to devops-lead at 02:19:00 UTC.
orderly ack emergency-response/api
Open the run
page · P1 · level-2 · open · api · emergency-response/api`, sent[0].Shows())
		require.Equal(t, "P1: api does not answer\nNobody owns it yet.\nGoes to devops-lead at 02:19:00 UTC.", sent[0].Text)
	})

	t.Run("ReachesWhoHasAnIDOrChannel", func(t *testing.T) {
		t.Parallel()
		s, _ := setup(t)
		require.True(t, s.Reaches(ann))
		require.True(t, s.Reaches(health))
		nobody := notify.Recipient{ID: "carl", Email: "carl@example.org"}
		require.False(t, s.Reaches(nobody))
		_, err := s.Send(t.Context(), page(nobody))
		testenv.RequirePermanent(t, err, "InvalidInput")
	})

	t.Run("TellsAChannelByItsName", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		_, err := s.Send(t.Context(), page(health))
		require.NoError(t, err)
		require.Len(t, workspace.Messages("#system-health-alerts"), 1)
	})
}

func TestSendAgain(t *testing.T) {
	t.Parallel()

	// lost posts a page whose answer never comes, and answers the delivery to try again with.
	lost := func(t *testing.T, s *Slack, workspace *slackapi.Server, to notify.Recipient) notify.Delivery {
		t.Helper()
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Drop: true, Stored: true})
		d := page(to)
		_, err := s.Send(t.Context(), d)
		testenv.RequireTransient(t, err)
		d.Again = true
		return d
	}

	for _, to := range []notify.Recipient{ann, health} {
		t.Run("FindsAMessageWhoseAnswerWasLost/"+to.ID, func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			d := lost(t, s, workspace, to)
			for _, process := range []*Slack{s, connect(t, workspace)} {
				receipt, err := process.Send(t.Context(), d)
				require.NoError(t, err)
				sent := workspace.Messages(to.Slack)
				require.Len(t, sent, 1)
				require.Equal(t, sent[0].Channel+"/"+sent[0].TS, receipt.Ref)
			}
		})
	}

	t.Run("FindsItBehindManyOthers", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		d := lost(t, s, workspace, ann)
		other := page(ann)
		for i := range pageSize + 10 {
			other.ID = fmt.Sprintf("other-%d", i)
			_, err := s.Send(t.Context(), other)
			require.NoError(t, err)
		}
		_, err := s.Send(t.Context(), d)
		require.NoError(t, err)
		require.Len(t, workspace.Messages("U01"), pageSize+11)
	})

	t.Run("SendsWhatIsNotThere", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Status: http.StatusBadGateway})
		d := page(ann)
		_, err := s.Send(t.Context(), d)
		testenv.RequireTransient(t, err)
		d.Again = true
		_, err = s.Send(t.Context(), d)
		require.NoError(t, err)
		require.Len(t, workspace.Messages("U01"), 1)
	})

	t.Run("SendsWhereItMayNotRead", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("conversations.history", 1, slackapi.Fault{Code: "missing_scope", Needed: "im:history"})
		d := page(ann)
		d.Again = true
		_, err := s.Send(t.Context(), d)
		require.NoError(t, err)
		require.Len(t, workspace.Messages("U01"), 1)
	})

	t.Run("DoesNotSendWhileItCannotTell", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		d := lost(t, s, workspace, ann)
		workspace.Fail("conversations.history", 1, slackapi.Fault{Status: http.StatusInternalServerError})
		_, err := s.Send(t.Context(), d)
		testenv.RequireTransient(t, err)
		require.Len(t, workspace.Messages("U01"), 1)
	})
}

func TestSendStops(t *testing.T) {
	t.Parallel()

	t.Run("WhenItIsCancelled", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Hang: true, Stored: true})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := s.Send(ctx, page(ann))
			failed <- err
		}()
		_, err := workspace.Await(t.Context(), func(m slackapi.Message) bool { return m.User == "U01" })
		require.NoError(t, err)
		cancel()
		err = <-failed
		require.ErrorIs(t, err, context.Canceled)
		testenv.RequireTransient(t, err)
		testenv.AssertNoSecret(t, slackapi.Token, err)
	})

	t.Run("AtItsDeadline", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.Send(ctx, page(ann))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		testenv.RequireTransient(t, err)
	})
}
