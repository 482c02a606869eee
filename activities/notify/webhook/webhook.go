// Package webhook tells a program: it posts the message as JSON, signed, to the recipient's URL. The event
// has the fields of PagerDuty's Events API v2, so that what takes those needs little to take these.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/text"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/version"
)

const (
	// sendTimeout bounds one request, its answer included.
	sendTimeout = 15 * time.Second
	dialTimeout = 5 * time.Second
	// maxAnswer is how much of an answer is read, so that the connection can be used again.
	maxAnswer = 64 << 10
	// longestWait bounds what a receiver may ask for with Retry-After.
	longestWait = time.Hour
)

// Webhook is the transport. It is safe for concurrent use. Close it when the worker stops.
type Webhook struct {
	secret []byte
	client *http.Client
	now    func() time.Time
}

// New signs with the secret of c.
func New(c config.Webhook) (*Webhook, error) {
	if c.Secret.IsZero() {
		return nil, errors.New("notify.webhook.secret is empty: receivers could not tell our messages from anybody's")
	}
	return &Webhook{
		secret: []byte(c.Secret.Reveal()),
		now:    time.Now,
		client: &http.Client{
			Timeout: sendTimeout,
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
				ForceAttemptHTTP2:      true,
				TLSHandshakeTimeout:    dialTimeout,
				IdleConnTimeout:        90 * time.Second,
				MaxIdleConnsPerHost:    8,
				MaxResponseHeaderBytes: maxAnswer,
			},
			// Whoever can redirect a page can make it vanish.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Name is "webhook".
func (*Webhook) Name() string { return "webhook" }

// Reaches says whether the recipient has a URL.
func (*Webhook) Reaches(to notify.Recipient) bool { return to.Webhook != "" }

// Close ends the connections that wait for more to do.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

// Send posts the message; any 2xx is success, and the Receipt is the delivery's id. 408, 425, 429, 5xx and
// no answer are transient, with the receiver's Retry-After if it sent one; all else is permanent. The same
// delivery has the same Idempotency-Key, by which a receiver knows a copy.
func (w *Webhook) Send(ctx context.Context, d notify.Delivery) (notify.Receipt, error) {
	target, err := url.Parse(d.To.Webhook)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return notify.Receipt{}, action.Permanent(action.ErrInput,
			"webhook of %s: is not a whole http:// or https:// URL; mend it in org.yaml", text.Line(d.To.ID, 100))
	}
	// The rest of a URL is often the key to it.
	where := fmt.Sprintf("webhook of %s at %s", text.Line(d.To.ID, 100), target.Host)
	body, err := json.Marshal(eventOf(d))
	if err != nil {
		return notify.Receipt{}, action.Permanent(action.ErrInput, "%s: %v", where, err)
	}
	if err := w.post(ctx, target, d.ID, body); err != nil {
		return notify.Receipt{}, wrap(where, err)
	}
	return notify.Receipt{Ref: d.ID}, nil
}

// post sends one request and reads its answer.
func (w *Webhook) post(ctx context.Context, target *url.URL, id string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "orderly/"+version.String())
	request.Header.Set("Idempotency-Key", text.Line(id, 255))
	request.Header.Set(Header, Sign(string(w.secret), body, w.now()))
	answer, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	// What it says does not matter; a read to the end lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	return refusal{code: answer.StatusCode, wait: retryAfter(answer.Header, w.now())}
}

// refusal is an answer that is not 2xx.
type refusal struct {
	code int
	wait time.Duration
}

func (r refusal) Error() string { return fmt.Sprintf("status %d %s", r.code, http.StatusText(r.code)) }

// wrap says where it was and whether trying again may help.
func wrap(where string, err error) error {
	var r refusal
	if !errors.As(err, &r) {
		var wrapped *url.Error // which quotes the URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Errorf("%s: %w", where, err)
	}
	said := where + ": " + r.Error()
	switch {
	case passing(r.code):
		return temporal.NewApplicationErrorWithOptions(said, "Unavailable", temporal.ApplicationErrorOptions{NextRetryDelay: r.wait})
	case r.code < 400:
		return action.Permanent(action.ErrDenied, "%s: redirects are not followed; put the final URL into org.yaml", said)
	case r.code == http.StatusNotFound, r.code == http.StatusGone:
		return action.Permanent(action.ErrNotFound, "%s; check the URL in org.yaml", said)
	default:
		return action.Permanent(action.ErrDenied, "%s", said)
	}
}

// passing says that the same request may succeed later.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// retryAfter reads how long the receiver asks to wait, as seconds or as a date; 0 when it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}
