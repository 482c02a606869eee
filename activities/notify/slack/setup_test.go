package slack

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

var (
	ann    = notify.Recipient{ID: "ann", Name: "Ann", Slack: "U01"}
	bob    = notify.Recipient{ID: "bob", Name: "Bob", Slack: "U02"}
	health = notify.Recipient{ID: "health", Name: "Health", Slack: "#system-health-alerts", Channel: true}
)

// setup starts a workspace with Ann, Bob and a channel, and a transport that posts to it without pauses.
func setup(t *testing.T) (*Slack, *slackapi.Server) {
	t.Helper()
	workspace := slackapi.New(t)
	workspace.AddUser("U01", "ann")
	workspace.AddUser("U02", "bob")
	workspace.AddChannel("system-health-alerts")
	return connect(t, workspace), workspace
}

// connect makes another transport, as a process that starts anew has.
func connect(t *testing.T, workspace *slackapi.Server) *Slack {
	t.Helper()
	s, err := New(config.Slack{Token: config.NewSecret(slackapi.Token), APIURL: workspace.URL()})
	require.NoError(t, err)
	s.every = 0
	return s
}

// soon is a context that leaves no time to wait for a turn, and plenty for an answer.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// page is a page as the engine makes it.
func page(to notify.Recipient) notify.Delivery {
	return notify.Delivery{ID: "page-1/" + to.ID + "/slack", To: to, Message: notify.Message{
		ID:       "page-1",
		Kind:     notify.KindPage,
		Headline: "P1: api does not answer",
		Lines:    []string{"Nobody owns it yet.", "Goes to devops-lead at 02:19:00 UTC."},
		Commands: []string{"orderly ack emergency-response/api"},
		Link:     "https://orderly.example.org/runs/emergency-response%2Fapi",
		Run:      "emergency-response/api", Thread: "emergency-response/api", Procedure: "emergency-response",
		Status: "open", Severity: "P1", Level: "level-2", Services: []string{"api"},
		At: time.Now(),
	}}
}
