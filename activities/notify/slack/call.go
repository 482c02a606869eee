package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/slack-go/slack"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// maxAnswer bounds what is read of an answer, in bytes. A page of history stays well below it.
const maxAnswer = 16 << 20

// errNoAnswer is an answer that says neither yes nor no.
var errNoAnswer = errors.New("the answer is not one of Slack's")

// op is one call of the Web API.
type op struct {
	method string
	place  string   // whom or which channel it is about, as people know it
	paced  bool     // Slack's limit is one of the place, not of the method
	expect []string // Slack's errors that the caller deals with: they come back as expected
}

func (o op) String() string {
	if o.place == "" {
		return o.method
	}
	return o.method + " " + o.place
}

// lane is what shares a limit with this call.
func (o op) lane() string {
	if o.paced {
		return o.String()
	}
	return o.method
}

// expected is an error of Slack's that the caller deals with.
type expected string

func (e expected) Error() string { return string(e) }

// do makes a call when it is its turn. Its errors are final: as Transport.Send promises them.
func (s *Slack) do(ctx context.Context, o op, call func(context.Context) error) error {
	if err := s.enter(ctx, o); err != nil {
		return err
	}
	err := call(ctx)
	if err == nil {
		return nil
	}
	var limited *api.RateLimitedError
	var status api.StatusCodeError
	var no api.SlackErrorResponse
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("slack %s: %w", o, ctx.Err())
	case errors.As(err, &limited):
		return s.pause(o, limited.RetryAfter)
	case errors.As(err, &status):
		return s.badStatus(o, status)
	case errors.As(err, &no):
		return s.refused(o, no)
	default:
		return fmt.Errorf("slack %s: %s", o, s.clean(reason(err)))
	}
}

// pause closes the lane for as long as Slack asks.
func (s *Slack) pause(o op, after time.Duration) error {
	after = max(after, defaultPause)
	s.lanes.shut(o.lane(), s.now(), after)
	return comeBack(after, fmt.Sprintf("slack %s: too many calls", o))
}

func (s *Slack) badStatus(o op, status api.StatusCodeError) error {
	switch {
	case status.Code == http.StatusTooManyRequests:
		return s.pause(o, defaultPause)
	case status.Code >= 500, status.Code == http.StatusRequestTimeout:
		return fmt.Errorf("slack %s: answered %d", o, status.Code)
	default:
		return action.Permanent(action.ErrDenied, "slack %s: answered %d: is notify.slack.api_url in orderly.yaml right?", o, status.Code)
	}
}

// refused sorts an error of Slack's.
func (s *Slack) refused(o op, no api.SlackErrorResponse) error {
	code := s.clean(no.Err)
	switch {
	case slices.Contains(o.expect, no.Err):
		return expected(no.Err)
	case slices.Contains(limits, no.Err):
		return s.pause(o, defaultPause)
	case slices.Contains(transient, no.Err):
		return fmt.Errorf("slack %s: %s", o, code)
	}
	if no.Err == "channel_not_found" {
		s.places.forget(o.place) // what we took for its id may be that of an earlier one
	}
	kind, advice := advise(o, no)
	return action.Permanent(kind, "slack %s: %s%s", o, code, s.clean(advice))
}

// isPermanent says whether trying again is in vain.
func isPermanent(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.NonRetryable()
}

// reason words an error of the network, without the address.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer within %s", answerWithin)
	}
	return err.Error()
}

// clean cuts what somebody else worded to a bearable length and takes the token out of it, should a
// proxy have put it there.
func (s *Slack) clean(text string) string {
	token := s.token.Reveal()
	text = strings.NewReplacer(token, "…", url.QueryEscape(token), "…").Replace(text)
	return cut(text, 300)
}

// bounded reads no more than maxAnswer of an answer.
type bounded struct{ next http.RoundTripper }

// RoundTrip makes one request.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
