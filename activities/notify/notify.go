// Package notify is how people are told. It knows what a message is and whom it is for; how it gets there
// is known to one package a transport below this one: slack, email, webhook, console.
//
// Every delivery has an id. Sending the same delivery twice reaches its person once: whoever sends it
// again after a crash or a time-out first makes sure that it did not arrive.
package notify

import (
	"context"
	"time"
)

// Kind is why somebody is told.
type Kind string

// The kinds of message.
const (
	KindPage     Kind = "page"     // an incident or an overdue step: until somebody acknowledges
	KindAsk      Kind = "ask"      // a step that waits for this person
	KindReminder Kind = "reminder" // the same, again
	KindCheck    Kind = "check"    // "still on it?"
	KindNotice   Kind = "notice"   // something its owner should know: a broken promise, a hand-over
	KindUpdate   Kind = "update"   // a status update for stakeholders
	KindResolved Kind = "resolved" // it is over
	KindDigest   Kind = "digest"   // many of the above at once
)

// Recipient is a person or a channel and where they can be reached.
type Recipient struct {
	ID      string `json:"id"` // of org.yaml
	Name    string `json:"name"`
	Slack   string `json:"slack,omitempty"`   // member id, "#channel" or channel id
	Email   string `json:"email,omitempty"`   // address
	Webhook string `json:"webhook,omitempty"` // URL
	Channel bool   `json:"channel,omitempty"` // many people, not one
}

// Message is what somebody is told. Every text is plain: transports escape what their medium would take
// for markup.
type Message struct {
	// ID is the same whenever this message is sent again, and different for every other one.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Headline is one line: what has happened.
	Headline string `json:"headline"`
	// Lines are a few more: who owns it, what is due, whom it goes to next and when.
	Lines []string `json:"lines,omitempty"`
	// Body is longer text, kept as written: a status update, the text of a question.
	Body string `json:"body,omitempty"`
	// Commands are what to type, each complete: "orderly ack emergency-response/api".
	Commands []string `json:"commands,omitempty"`
	Link     string   `json:"link,omitempty"` // the run's page
	// Run is the workflow id. Messages of the same Thread belong together.
	Run       string    `json:"run"`
	Thread    string    `json:"thread"`
	Procedure string    `json:"procedure"`
	Status    string    `json:"status"` // of the incident: open, acknowledged, mitigated, resolved; "" without one
	Severity  string    `json:"severity,omitempty"`
	Level     string    `json:"level,omitempty"`
	Services  []string  `json:"services,omitempty"`
	Drill     bool      `json:"drill,omitempty"`
	At        time.Time `json:"at"`
}

// Delivery is one message on its way to one recipient over one transport.
type Delivery struct {
	// ID is made of message, recipient and transport.
	ID      string
	To      Recipient
	Message Message
	// Again says that an earlier attempt may have arrived: a crash or a time-out left it open. The
	// transport has to look before it sends, where it can.
	Again bool
}

// Receipt is what a transport knows of a message that went out.
type Receipt struct {
	Ref string // the transport's own name for it: Slack's channel and ts, a Message-ID
}

// Transport sends over one medium. Its errors are action.Permanent where trying again is in vain (no such
// member, refused credentials), temporal.ApplicationError with NextRetryDelay where the medium says when
// to come back, and plain otherwise. It never shows a secret.
type Transport interface {
	Name() string           // slack, email, webhook, console
	Reaches(Recipient) bool // whether the recipient has an address of this kind
	Send(context.Context, Delivery) (Receipt, error)
}

// State is what became of a delivery.
type State string

// The states of a delivery.
const (
	Sent    State = "sent"
	Failed  State = "failed"  // may be tried again, unless Permanent
	Sending State = "sending" // not over yet: ask again
)

// Outcome is how one delivery went.
type Outcome struct {
	Recipient string    `json:"recipient"` // id
	Name      string    `json:"name"`
	Transport string    `json:"transport"`
	State     State     `json:"state"`
	Permanent bool      `json:"permanent,omitempty"` // of a failed one: no use trying again
	Error     string    `json:"error,omitempty"`
	Ref       string    `json:"ref,omitempty"`
	Digest    bool      `json:"digest,omitempty"` // it went out together with others
	At        time.Time `json:"at,omitzero"`      // when it went out
}
