package simulate

import (
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// Result is what a simulated run came to. Its JSON fields are stable: `orderly simulate --json`.
type Result struct {
	Procedure string    `json:"procedure"`
	Scenario  string    `json:"scenario"`
	Title     string    `json:"title,omitempty"` // of the scenario
	File      string    `json:"file,omitempty"`  // of the scenario
	At        time.Time `json:"at"`              // when the run began
	Ended     time.Time `json:"ended"`           // when it ended, or was stopped
	// Horizon says that the run had not ended by then, and Waits for what it waits.
	Horizon bool     `json:"horizon"`
	Waits   []string `json:"waits,omitempty"`

	Record   *workflows.Record   `json:"record"`
	Children []*workflows.Record `json:"children,omitempty"` // of the runs it waited for, in the order of their start
	Pages    []Page              `json:"pages"`
	Told     []Told              `json:"told"`
	Deeds    []DeedDone          `json:"deeds"`
	Started  []Started           `json:"started"`
	Attempts []Attempt           `json:"attempts"`
	// Assumed are the answers that no scenario gave: "dump: postgres.backup", each once.
	Assumed []string `json:"assumed"`
	Notes   []string `json:"notes,omitempty"` // what the reader of this result should know
}

// Page is a person being paged: one message, over one or more transports.
type Page struct {
	At         time.Time `json:"at"`
	Run        string    `json:"run"` // workflow id
	Person     string    `json:"person"`
	Name       string    `json:"name"`
	As         string    `json:"as,omitempty"` // the role they were found by
	Backup     bool      `json:"backup,omitempty"`
	Transports []string  `json:"transports"` // those that it went out over
	Failed     []string  `json:"failed,omitempty"`
	Reached    bool      `json:"reached"`
	Drill      bool      `json:"drill,omitempty"` // it says that it is one
	// Ladder, Policy and Tier (from 1) say which step of which ladder it was, as far as the record still knows.
	Ladder string `json:"ladder,omitempty"`
	Policy string `json:"policy,omitempty"`
	Tier   int    `json:"tier,omitempty"`
	Repeat int    `json:"repeat,omitempty"`
	Text   string `json:"text"`
	ID     string `json:"id"` // of the message
}

// DeedDone is what somebody did, and what the run answered.
type DeedDone struct {
	At      time.Time      `json:"at"`
	Run     string         `json:"run"`
	By      string         `json:"by"`
	Message string         `json:"message"`
	Payload map[string]any `json:"payload"`
	Answer  string         `json:"answer,omitempty"`
	Refused string         `json:"refused,omitempty"` // why it was not taken
	// Assumed says that it fills in what the scenario left open.
	Assumed bool `json:"assumed,omitempty"`
	// Held is how long it had to wait for a worker: a Go duration.
	Held string `json:"held,omitempty"`
}

// Started is another run that was started and left running. It is not simulated.
type Started struct {
	At        time.Time      `json:"at"`
	Run       string         `json:"run"` // that started it
	Step      string         `json:"step,omitempty"`
	ID        string         `json:"id"` // workflow id
	Procedure string         `json:"procedure"`
	Key       string         `json:"key,omitempty"`
	Inputs    map[string]any `json:"inputs"`
	Joined    bool           `json:"joined,omitempty"` // it was open already
}

// Attempt is one attempt at an action.
type Attempt struct {
	At     time.Time `json:"at"`
	Ended  time.Time `json:"ended"`
	Run    string    `json:"run"`
	Step   string    `json:"step"`
	Action string    `json:"action"`
	N      int       `json:"attempt"`
	Dry    bool      `json:"dry,omitempty"`
	Error  string    `json:"error,omitempty"`
	Lost   bool      `json:"lost,omitempty"` // its worker died
}

// Mismatch is something that is not as the scenario expects.
type Mismatch struct {
	Pos      Pos    `json:"pos"`
	What     string `json:"what"` // the key, such as "pages" or "steps.dump.state"
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	// Lists are compared as a whole where that says more: what was expected and what came.
	Want []string `json:"want,omitempty"`
	Got  []string `json:"got,omitempty"`
}

// Pos is a place in a scenario file.
type Pos = sops.Pos
