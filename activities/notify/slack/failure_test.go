package slack

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

func TestPermanentFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault slackapi.Fault
		kind  string
		says  string
	}{
		"invalid_auth":      {slackapi.Fault{Code: "invalid_auth"}, "Denied", "put a bot token (xoxb-…) of an installed app into notify.slack.token"},
		"account_inactive":  {slackapi.Fault{Code: "account_inactive"}, "Denied", "notify.slack.token"},
		"missing_scope":     {slackapi.Fault{Code: "missing_scope", Needed: "chat:write"}, "Denied", "add the scope chat:write to the app"},
		"unknown scope":     {slackapi.Fault{Code: "missing_scope"}, "Denied", "add the scope chat:write to the app"},
		"channel_not_found": {slackapi.Fault{Code: "channel_not_found"}, "NotFound", "is #system-health-alerts right in org.yaml?"},
		"user_not_found":    {slackapi.Fault{Code: "user_not_found"}, "NotFound", "is the member id #system-health-alerts right"},
		"not_in_channel":    {slackapi.Fault{Code: "not_in_channel"}, "Denied", "invite the app to #system-health-alerts"},
		"is_archived":       {slackapi.Fault{Code: "is_archived"}, "Denied", "unarchive #system-health-alerts"},
		"restricted_action": {slackapi.Fault{Code: "restricted_action"}, "Denied", "ask its administrators"},
		"invalid_blocks":    {slackapi.Fault{Code: "invalid_blocks"}, "InvalidInput", "a fault in Orderly"},
		"no tab":            {slackapi.Fault{Code: "messages_tab_disabled"}, "Denied", "Messages tab"},
		"something new":     {slackapi.Fault{Code: "never_heard_of"}, "Denied", "never_heard_of"},
		"404":               {slackapi.Fault{Status: http.StatusNotFound}, "Denied", "is notify.slack.api_url in orderly.yaml right?"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			workspace.Fail("chat.postMessage", 1, c.fault)
			_, err := s.Send(t.Context(), page(health))
			testenv.RequirePermanent(t, err, c.kind)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "slack chat.postMessage #system-health-alerts")
			testenv.AssertNoSecret(t, slackapi.Token, err)
		})
	}

	t.Run("AMemberWhoIsNone", func(t *testing.T) {
		t.Parallel()
		s, _ := setup(t)
		d := page(notify.Recipient{ID: "eve", Slack: "U99"})
		_, err := s.Send(t.Context(), d)
		testenv.RequirePermanent(t, err, "NotFound")
		require.ErrorContains(t, err, "is U99 right in org.yaml?")
	})

	t.Run("AChannelWithoutTheApp", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		c, _ := workspace.Channel("system-health-alerts")
		workspace.Kick(c.ID, false)
		_, err := s.Send(t.Context(), page(health))
		testenv.RequirePermanent(t, err, "Denied")
		require.ErrorContains(t, err, "invite the app to #system-health-alerts")
	})

	t.Run("AWrongToken", func(t *testing.T) {
		t.Parallel()
		_, workspace := setup(t)
		const wrong = "xoxb-a-wrong-one"
		s, err := New(config.Slack{Token: config.NewSecret(wrong), APIURL: workspace.URL()})
		require.NoError(t, err)
		_, err = s.Send(t.Context(), page(ann))
		testenv.RequirePermanent(t, err, "Denied")
		testenv.AssertNoSecret(t, wrong, err)
	})
}

func TestTransientFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slackapi.Fault{
		"500": {Status: http.StatusInternalServerError}, "503": {Status: http.StatusServiceUnavailable}, "cut off": {Drop: true},
		"internal_error": {Code: "internal_error"}, "fatal_error": {Code: "fatal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			workspace.Fail("chat.postMessage", 1, fault)
			_, err := s.Send(t.Context(), page(ann))
			testenv.RequireTransient(t, err)
			testenv.AssertNoSecret(t, slackapi.Token, err)
			_, err = s.Send(t.Context(), page(ann))
			require.NoError(t, err)
		})
	}
}

func TestAnswersThatAreNotSlacks(t *testing.T) {
	t.Parallel()
	// send sends a page to a server that answers something.
	send := func(t *testing.T, answer http.HandlerFunc) error {
		t.Helper()
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		s, err := New(config.Slack{Token: config.NewSecret(slackapi.Token), APIURL: server.URL + "/api"})
		require.NoError(t, err)
		_, err = s.Send(t.Context(), page(ann))
		testenv.AssertNoSecret(t, slackapi.Token, err)
		return err
	}

	t.Run("AreNoReceipt", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{"<html>", "{}", `{"ok":true}`, `{"ok":false}`, ""} {
			testenv.RequireTransient(t, send(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		}
	})

	t.Run("AreNotTrustedWithTheToken", func(t *testing.T) {
		t.Parallel()
		err := send(t, func(w http.ResponseWriter, r *http.Request) {
			answer := fmt.Sprintf(`{"ok":false,"error":%q}`, "no such token: "+r.FormValue("token"))
			fmt.Fprint(w, answer)
		})
		testenv.RequirePermanent(t, err, "Denied")
		require.ErrorContains(t, err, "no such token: …")
	})

	t.Run("AreNotFollowedElsewhere", func(t *testing.T) {
		t.Parallel()
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token went elsewhere") }))
		t.Cleanup(elsewhere.Close)
		err := send(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		})
		testenv.RequirePermanent(t, err, "Denied")
	})

	t.Run("AreTriedAgainWhenNobodyListens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(nil)
		server.Close()
		s, err := New(config.Slack{Token: config.NewSecret(slackapi.Token), APIURL: server.URL})
		require.NoError(t, err)
		_, err = s.Send(t.Context(), page(ann))
		testenv.RequireTransient(t, err)
		require.NotContains(t, err.Error(), server.URL)
	})
}

// requireComeBack wants an error that says when to try again.
func requireComeBack(t *testing.T, err error) time.Duration {
	t.Helper()
	testenv.RequireTransient(t, err)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Positive(t, app.NextRetryDelay())
	return app.NextRetryDelay()
}

func TestRateLimits(t *testing.T) {
	t.Parallel()

	t.Run("AreKeptForAsLongAsSlackAsks", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Status: http.StatusTooManyRequests, RetryAfter: 30 * time.Second})
		_, err := s.Send(soon(t), page(ann))
		require.Equal(t, 30*time.Second, requireComeBack(t, err))
		testenv.AssertNoSecret(t, slackapi.Token, err)

		_, err = s.Send(soon(t), page(ann))
		require.Greater(t, requireComeBack(t, err), 20*time.Second)
		require.Equal(t, 1, workspace.Calls("chat.postMessage"), "Slack is not asked before the time is over")

		_, err = s.Send(soon(t), page(bob))
		require.NoError(t, err, "the limit is one of the conversation")

		s.now = func() time.Time { return time.Now().Add(30 * time.Second) }
		_, err = s.Send(t.Context(), page(ann))
		require.NoError(t, err)
	})

	t.Run("CountWithoutATime", func(t *testing.T) {
		t.Parallel()
		for _, fault := range []slackapi.Fault{{Status: http.StatusTooManyRequests}, {Code: "ratelimited"}} {
			s, workspace := setup(t)
			workspace.Fail("chat.postMessage", 1, fault)
			_, err := s.Send(soon(t), page(ann))
			require.Equal(t, defaultPause, requireComeBack(t, err))
		}
	})

	t.Run("AreNotReachedByThisProcess", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Limit(time.Hour)
		s.every = time.Hour
		_, err := s.Send(soon(t), page(ann))
		require.NoError(t, err)
		_, err = s.Send(soon(t), page(ann))
		require.Greater(t, requireComeBack(t, err), 59*time.Minute)
		require.Equal(t, 1, workspace.Calls("chat.postMessage"))
	})

	t.Run("AreWaitedForWhereThereIsTime", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &Slack{lanes: newLanes(), every: postEvery, now: time.Now}
			start, call := time.Now(), op{method: "chat.postMessage", place: "#a", paced: true}
			for range 3 {
				require.NoError(t, s.enter(t.Context(), call))
			}
			require.Equal(t, 2*time.Second, time.Since(start))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			require.ErrorIs(t, s.enter(ctx, call), context.Canceled)
		})
	})
}

func TestLanes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)

	t.Run("GiveTurnsASecondApart", func(t *testing.T) {
		t.Parallel()
		l := newLanes()
		for i := range 3 {
			wait, ok := l.take("a", start, time.Time{}, time.Second)
			require.True(t, ok)
			require.Equal(t, time.Duration(i)*time.Second, wait)
		}
		wait, ok := l.take("b", start, time.Time{}, time.Second)
		require.True(t, ok)
		require.Zero(t, wait)
	})

	t.Run("GiveNoTurnThatComesTooLate", func(t *testing.T) {
		t.Parallel()
		l := newLanes()
		l.shut("a", start, time.Minute)
		wait, ok := l.take("a", start, start.Add(time.Minute), time.Second)
		require.False(t, ok)
		require.Equal(t, time.Minute, wait)
		wait, ok = l.take("a", start.Add(time.Minute), start.Add(2*time.Minute), time.Second)
		require.True(t, ok, "a turn that was not given is not taken from others")
		require.Zero(t, wait)
	})

	t.Run("AreForgottenWhenTheyAreFree", func(t *testing.T) {
		t.Parallel()
		l := newLanes()
		for i := range 3 * manyLanes {
			l.take(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second), time.Time{}, time.Second)
		}
		require.LessOrEqual(t, len(l.free), manyLanes)
	})
}
