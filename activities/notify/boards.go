package notify

import (
	"context"
	"time"
)

// Digester is what a transport to people's own eyes implements: who gets very many messages at once on it
// gets them together, as one of KindDigest. Machines behind a webhook want each by itself.
type Digester interface {
	Digests() bool
}

// Boards is what a transport implements that can keep one message up to date in a channel, with what
// happened since in its thread: Slack.
type Boards interface {
	// Show makes the board's message say what m says now: it edits the message that ref names, or posts a
	// new one when there is none yet (ref is "", or the message was deleted), and adds to its thread the
	// events that are not there yet. It answers where the message is: ref is opaque to the caller, who
	// gives it back the next time; it may hold what is needed to tell which events are there. After a
	// crash the same board may be shown again with the ref of before: nothing may then be there twice, so
	// whoever implements it looks for the message (by Message.ID and Recipient.ID) and for events first.
	// Errors are as of Transport.Send; a ref that is not "" is right even beside an error.
	Show(ctx context.Context, b Board) (ref string, err error)
}

// Board is how an incident stands, in one channel.
type Board struct {
	// Channel is where; its Slack field is "#name" or a channel's id.
	Channel Recipient
	Ref     string  // of the message so far
	Message Message // its ID is the same each time
	Events  []Event // for the thread, oldest first; may repeat those of before
}

// Event is a line in a board's thread.
type Event struct {
	N    int // counts up from 1 in a run: the same number is the same event
	At   time.Time
	Text string
}

// Rooms is what a transport implements that can open a channel for one incident: Slack.
type Rooms interface {
	// Open opens the room of order.Key, or finds the one that was opened for it before. The day of
	// order.At, and a number if that is taken, are added to its name. It sets the topic.
	Open(ctx context.Context, order RoomOrder) (RoomInfo, error)
	// Invite brings people in, those who are there already too. The error names those who could not be
	// invited; the others are.
	Invite(ctx context.Context, id string, people []Recipient) error
	// Topic sets the topic.
	Topic(ctx context.Context, id, topic string) error
	// Close archives the room. One that is archived already, or gone, is no error.
	Close(ctx context.Context, id string) error
}

// RoomOrder asks for an incident's own channel.
type RoomOrder struct {
	Name  string    // wanted: "incident" → "incident-2026-11-21", "incident-2026-11-21-2"
	Key   string    // of the run: the same key gives the same room
	Topic string    // one line
	At    time.Time // when the incident began; its UTC day is in the name
}

// RoomInfo is an incident's own channel.
type RoomInfo struct {
	ID   string
	Name string // without #
	URL  string
}
