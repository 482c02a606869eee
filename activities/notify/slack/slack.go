// Package slack tells people over Slack: pages as direct messages, boards that are edited in place with
// what happened since in their threads, and a channel of its own for an incident.
//
// Whatever is posted carries an id in its metadata, so that a call whose answer was lost is not made
// twice: the message is looked for first. Nothing that people or alerts wrote is ever parsed as markup.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
)

// defaultURL is where Slack is, if orderly.yaml says nothing.
const defaultURL = "https://slack.com/api/"

// answerWithin bounds one call: Slack answers in well under a second, and a page has other ways to go.
const answerWithin = 10 * time.Second

// Slack is the transport. Safe for concurrent use.
type Slack struct {
	client *api.Client
	token  config.Secret
	lanes  *lanes
	places *places
	every  time.Duration // least time between two messages of a channel
	now    func() time.Time
	// opening lets one room be opened at a time: two at once would want the same name.
	opening chan struct{}
}

// The transport's parts that the hub looks for.
var (
	_ notify.Transport = (*Slack)(nil)
	_ notify.Boards    = (*Slack)(nil)
	_ notify.Rooms     = (*Slack)(nil)
	_ notify.Digester  = (*Slack)(nil)
)

// New makes the transport from orderly.yaml. It does not call Slack.
func New(settings config.Slack) (*Slack, error) {
	if settings.Token.IsZero() {
		return nil, errors.New("notify.slack.token in orderly.yaml is empty: give it the app's bot token (xoxb-…)")
	}
	address := settings.APIURL
	if address == "" {
		address = defaultURL
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("notify.slack.api_url in orderly.yaml is no web address: leave it out for %s", defaultURL)
	}
	client := api.New(settings.Token.Reveal(),
		api.OptionAPIURL(strings.TrimSuffix(address, "/")+"/"), api.OptionHTTPClient(newHTTPClient()))
	return &Slack{
		client: client, token: settings.Token, lanes: newLanes(), places: newPlaces(),
		every: postEvery, now: time.Now, opening: make(chan struct{}, 1),
	}, nil
}

// newHTTPClient makes a client that follows no redirect: the token is in the body, and would go along.
func newHTTPClient() *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   answerWithin / 2,
		ResponseHeaderTimeout: answerWithin,
		MaxIdleConnsPerHost:   16, // a tier is paged all at once
		IdleConnTimeout:       90 * time.Second,
	}
	return &http.Client{
		Transport:     bounded{transport},
		Timeout:       answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Name is "slack".
func (s *Slack) Name() string { return "slack" }

// Digests says that many messages at once go out as one: people read them.
func (s *Slack) Digests() bool { return true }

// Reaches says whether the recipient has a member id or a channel.
func (s *Slack) Reaches(r notify.Recipient) bool { return r.Slack != "" }

// Send posts to a member or a channel. One that may have been sent before is looked for first; where
// Orderly may not read the conversation, it is sent: a page twice is better than none.
func (s *Slack) Send(ctx context.Context, d notify.Delivery) (notify.Receipt, error) {
	if !s.Reaches(d.To) {
		return notify.Receipt{}, action.Permanent(action.ErrInput, "%s has no slack in org.yaml: add the member id or channel", d.To.ID)
	}
	if d.Again {
		found, err := s.sentBefore(ctx, d)
		if err != nil || found != "" {
			return notify.Receipt{Ref: found}, err
		}
	}
	at, err := s.post(ctx, post{to: venue{name: d.To.Slack}, id: d.ID, content: render(d.Message)})
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Ref: at.String()}, nil
}

// sentBefore looks for a delivery and answers its ref, "" if it is not there or can't be looked for.
func (s *Slack) sentBefore(ctx context.Context, d notify.Delivery) (string, error) {
	var at spot
	where, err := s.conversation(ctx, d.To.Slack)
	if err == nil {
		at, err = s.find(ctx, where, d.ID, d.Message.At.Add(-clocks))
	}
	switch {
	case isPermanent(err):
		return "", nil // it is sent, then: sending says what is wrong, if it matters
	case err != nil || at.ts == "":
		return "", err
	}
	return at.String(), nil
}
