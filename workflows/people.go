package workflows

import (
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
)

// Names of the engine's own activities that have to do with people, which package internal/engine
// implements. Those called local run inside a workflow task, because the way from a due clock to the page
// has to be short.
const (
	ActivityPage    = "orderly.page"    // local: PageRequest → PageResult
	ActivityPerson  = "orderly.person"  // local: PersonRequest → Person
	ActivityDeliver = "orderly.deliver" // DeliverRequest → PageResult
	ActivityTell    = "orderly.tell"    // TellRequest → PageResult
	ActivityBoard   = "orderly.board"   // BoardRequest → BoardResult
	ActivityRoom    = "orderly.room"    // RoomRequest → Room
)

// PageRequest asks to page everybody of a tier at once. The answer comes within PageBudget: what has not
// gone out by then is reported as "sending" and goes on by itself.
type PageRequest struct {
	Page     []string       `json:"page"` // roles, teams, people, or service.owner
	Via      []string       `json:"via,omitempty"`
	Services []string       `json:"services,omitempty"` // of the incident, for service.owner
	Except   []string       `json:"except,omitempty"`   // people who are not paged again
	At       time.Time      `json:"at"`                 // who is on call then
	Message  notify.Message `json:"message"`
}

// PageBudget bounds how long a page holds up a workflow task.
const PageBudget = 3 * time.Second

// PageResult says who was paged over what, and how that went.
type PageResult struct {
	People []PagedPerson `json:"people,omitempty"`
	// Nobody are the entries with nobody behind them, each with the reason.
	Nobody []string `json:"nobody,omitempty"`
}

// PagedPerson is one of those behind a tier.
type PagedPerson struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	As       string           `json:"as,omitempty"` // the role they were found by
	Backup   bool             `json:"backup,omitempty"`
	Outcomes []notify.Outcome `json:"outcomes,omitempty"` // none: there is no way to reach them
	// Silent says that what went out reaches nobody: it was printed by a worker that has better ways.
	Silent bool `json:"silent,omitempty"`
}

// DeliverRequest asks to bring to an end what is still under way and to try again what failed. For
// somebody whom nothing has reached, every other transport is tried as well.
type DeliverRequest struct {
	Message notify.Message `json:"message"`
	Owed    []PagedPerson  `json:"owed"`
}

// PersonRequest asks who somebody is and whether they stand behind any of the entries, today or at any
// time. By is an id, an e-mail address or a Slack member id.
type PersonRequest struct {
	By       string   `json:"by"`
	Behind   []string `json:"behind,omitempty"`
	Services []string `json:"services,omitempty"`
}

// Person answers a PersonRequest.
type Person struct {
	ID      string `json:"id,omitempty"` // "" when the org has nobody of that name
	Name    string `json:"name,omitempty"`
	As      string `json:"as,omitempty"`      // the entry they stand behind, "" for none
	Problem string `json:"problem,omitempty"` // why nobody was found, with what was perhaps meant
	// NoOrg says that there is no org.yaml to look anybody up in.
	NoOrg bool `json:"no_org,omitempty"`
}

// TellRequest asks to send one message to channels, stakeholder groups, roles, teams and people.
type TellRequest struct {
	To       []string       `json:"to"`
	Step     string         `json:"step,omitempty"` // the path of the step that asks, if one does
	Via      []string       `json:"via,omitempty"`
	Services []string       `json:"services,omitempty"`
	At       time.Time      `json:"at"`
	Message  notify.Message `json:"message"`
}

// BoardRequest asks to show how an incident stands in its channels: one message each, edited in place, and
// what has happened since in its thread. Sending it again changes nothing.
type BoardRequest struct {
	Channels []string          `json:"channels,omitempty"` // of org.yaml
	Room     string            `json:"room,omitempty"`     // id of the incident's own Slack channel
	Refs     map[string]string `json:"refs,omitempty"`     // the messages so far, by channel; "room" for the room
	Message  notify.Message    `json:"message"`            // its ID is the same each time
	Events   []BoardEvent      `json:"events,omitempty"`   // for the threads
}

// BoardEvent is a line for the threads. N counts up from 1 in a run.
type BoardEvent struct {
	N    int       `json:"n"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// BoardResult is where the messages are.
type BoardResult struct {
	Refs map[string]string `json:"refs,omitempty"`
	// Problems are what could not be shown where, by channel.
	Problems map[string]string `json:"problems,omitempty"`
}

// RoomRequest asks to open the incident's own Slack channel, to bring people in, or to archive it.
type RoomRequest struct {
	ID     string    `json:"id,omitempty"`   // of an open one
	Name   string    `json:"name,omitempty"` // wanted: "incident"; the day and, if need be, a number are added
	Key    string    `json:"key,omitempty"`  // of the run: the same room is found again after a crash
	Topic  string    `json:"topic,omitempty"`
	Invite []string  `json:"invite,omitempty"` // people, by id
	At     time.Time `json:"at"`
	Close  bool      `json:"close,omitempty"`
}

// Room is the incident's own Slack channel. An empty ID means that Slack is not configured.
type Room struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // without #
	URL  string `json:"url,omitempty"`
	// Problem is what could not be done, such as a person who could not be invited.
	Problem string `json:"problem,omitempty"`
	// NoOrg says that there is no org.yaml to look anybody up in.
	NoOrg bool `json:"no_org,omitempty"`
}
