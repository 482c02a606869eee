package webhook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/webhook"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/webhooks"
)

const secret = "signing-secret-1"

func transport(t *testing.T) *webhook.Webhook {
	t.Helper()
	w, err := webhook.New(config.Webhook{Secret: config.NewSecret(secret)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func delivery(url string) notify.Delivery {
	return notify.Delivery{
		ID: "m1/ann/webhook", To: notify.Recipient{ID: "ann", Name: "Ann", Webhook: url},
		Message: notify.Message{
			ID: "m1", Kind: notify.KindPage, Headline: "API is down", Severity: "P1", Level: "level-2", Drill: true,
			Lines: []string{"owner: nobody"}, Commands: []string{"orderly ack emergency-response/api"}, Link: "https://ui/run",
			Run: "emergency-response/api", Thread: "incident-7", Procedure: "emergency-response", Status: "open",
			Services: []string{"api", "docs"}, At: time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC),
		},
	}
}

func TestAMessageIsASignedEvent(t *testing.T) {
	t.Parallel()
	receiver := webhooks.Start(t, secret)
	receipt, err := transport(t).Send(t.Context(), delivery(receiver.URL()+"/ann"))
	require.NoError(t, err)
	require.Equal(t, "m1/ann/webhook", receipt.Ref)
	require.Empty(t, receiver.Refused())
	call := receiver.Await(t.Context(), 1)[0]
	require.Equal(t, "/ann", call.Path)
	require.Equal(t, "m1/ann/webhook", call.Header.Get("Idempotency-Key"))
	require.Equal(t, "application/json", call.Header.Get("Content-Type"))
	details, err := json.Marshal(delivery("").Message)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"id": "m1/ann/webhook", "routing_key": "ann", "dedup_key": "incident-7", "event_action": "trigger",
		"client": "orderly", "client_url": "https://ui/run", "links": [{"href": "https://ui/run", "text": "Open the run"}],
		"payload": {
			"summary": "[DRILL] API is down", "source": "emergency-response/api", "severity": "critical",
			"timestamp": "2026-11-21T02:14:00Z", "component": "api", "group": "emergency-response", "class": "page",
			"custom_details": `+string(details)+`}}`, string(call.Body))
}

func TestWhatTheReceiverIsToDo(t *testing.T) {
	t.Parallel()
	receiver := webhooks.Start(t, secret)
	w := transport(t)
	for name, tc := range map[string]struct {
		message          notify.Message
		action, severity string
	}{
		"a page":                        {notify.Message{Kind: notify.KindPage, Status: "open", Severity: "P0"}, "trigger", "critical"},
		"a page without severity":       {notify.Message{Kind: notify.KindPage}, "trigger", "error"},
		"a page of an acknowledged one": {notify.Message{Kind: notify.KindPage, Status: "acknowledged", Severity: "P2"}, "trigger", "error"},
		"an ask after the end":          {notify.Message{Kind: notify.KindAsk, Status: "resolved"}, "trigger", "warning"},
		"a notice that somebody has it": {notify.Message{Kind: notify.KindNotice, Status: "acknowledged", Severity: "P3"}, "acknowledge", "warning"},
		"an update on a mitigated one":  {notify.Message{Kind: notify.KindUpdate, Status: "mitigated", Severity: "P4"}, "acknowledge", "info"},
		"an update on an open one":      {notify.Message{Kind: notify.KindUpdate, Status: "open", Level: "level-3"}, "trigger", "critical"},
		"the end":                       {notify.Message{Kind: notify.KindResolved, Level: "level-1"}, "resolve", "warning"},
		"an update on a resolved one":   {notify.Message{Kind: notify.KindUpdate, Status: "resolved"}, "resolve", "info"},
	} {
		d := delivery(receiver.URL())
		d.ID, d.Message = name, tc.message
		d.Message.Headline = strings.Repeat("ü", 2000)
		_, err := w.Send(t.Context(), d)
		require.NoError(t, err)
		calls := receiver.Calls()
		event := calls[len(calls)-1].Event
		require.Equal(t, tc.action, event.EventAction, name)
		require.Equal(t, tc.severity, event.Payload.Severity, name)
		require.Len(t, []rune(event.Payload.Summary), 1024)
	}
}

func TestAnswersThatMayPassAndThoseThatDoNot(t *testing.T) {
	t.Parallel()
	receiver := webhooks.Start(t, secret)
	w := transport(t)
	send := func(status int, retryAfter string) error {
		receiver.Script(webhooks.Answer{Status: status, Header: http.Header{"Retry-After": {retryAfter}}})
		_, err := w.Send(t.Context(), delivery(receiver.URL()+"/token-in-path"))
		testenv.AssertNoSecret(t, "token-in-path", err)
		return err
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503} {
		err := send(status, "17")
		testenv.RequireTransient(t, err)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, 17*time.Second, app.NextRetryDelay())
	}
	var app *temporal.ApplicationError
	require.ErrorAs(t, send(503, time.Now().Add(48*time.Hour).UTC().Format(http.TimeFormat)), &app)
	require.Equal(t, time.Hour, app.NextRetryDelay(), "not longer than an hour")
	require.ErrorAs(t, send(503, "-5"), &app)
	require.Zero(t, app.NextRetryDelay())
	for status, kind := range map[int]string{400: action.ErrDenied, 401: action.ErrDenied, 403: action.ErrDenied, 404: action.ErrNotFound, 410: action.ErrNotFound, 307: action.ErrDenied} {
		testenv.RequirePermanent(t, send(status, ""), kind)
	}
	require.NoError(t, send(202, ""))
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusPermanentRedirect))
	defer server.Close()
	_, err := transport(t).Send(t.Context(), delivery(server.URL))
	testenv.RequirePermanent(t, err, action.ErrDenied)
	require.ErrorContains(t, err, "redirects are not followed")
	require.False(t, followed.Load())
}

func TestAReceiverThatIsSilentOrGoneIsTriedAgain(t *testing.T) {
	t.Parallel()
	receiver := webhooks.Start(t, secret)
	receiver.Always(&webhooks.Answer{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		receiver.Await(t.Context(), 1)
		cancel()
	}()
	withPassword := strings.Replace(receiver.URL(), "http://", "http://user:url-password@", 1) + "/?key=query-key"
	_, err := transport(t).Send(ctx, delivery(withPassword))
	testenv.RequireTransient(t, err)
	require.ErrorIs(t, err, context.Canceled)
	testenv.AssertNoSecret(t, "url-password", err)
	testenv.AssertNoSecret(t, "query-key", err)
	testenv.AssertNoSecret(t, secret, err)

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err = transport(t).Send(t.Context(), delivery(gone.URL+"/url-password"))
	testenv.RequireTransient(t, err)
	testenv.AssertNoSecret(t, "url-password", err)
}

func TestASlowAnswerIsNotWaitedForLongerThanTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil { // a byte now and then, for ever
			if _, err := w.Write([]byte(".")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			cancel()
		}
	}))
	defer server.Close()
	_, err := transport(t).Send(ctx, delivery(server.URL))
	if err != nil { // the context may end before the answer's first line is read
		testenv.RequireTransient(t, err)
	}
}

func TestAnAddressThatIsNoneIsPermanent(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"ann", "ftp://h/secret-path", "http://", "http://h/%zz/secret-path"} {
		_, err := transport(t).Send(t.Context(), delivery(url))
		testenv.RequirePermanent(t, err, action.ErrInput)
		testenv.AssertNoSecret(t, "secret-path", err)
	}
}

func TestWithoutASecretThereIsNoWebhook(t *testing.T) {
	t.Parallel()
	_, err := webhook.New(config.Webhook{})
	require.ErrorContains(t, err, "notify.webhook.secret")
	var w notify.Transport = transport(t)
	require.Equal(t, "webhook", w.Name())
	require.True(t, w.Reaches(notify.Recipient{Webhook: "http://h"}))
	require.False(t, w.Reaches(notify.Recipient{Email: "a@b.c"}))
	_, digests := w.(notify.Digester)
	require.False(t, digests, "a machine wants each message by itself")
}
