package workflows

import (
	"encoding/json"
	"time"
)

// State is how a run, phase or step stands.
//
//	pending ──▶ running ──▶ succeeded
//	   │           ├──────▶ failed
//	   │           └──────▶ cancelled
//	   └──▶ skipped
type State string

// The states. A run is never pending, and skipped only when another one carries out what a schedule has started.
const (
	Pending   State = "pending"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Skipped   State = "skipped"
	Cancelled State = "cancelled"
)

// Done says whether nothing more will happen.
func (s State) Done() bool { return s != "" && s != Pending && s != Running }

// Record is the whole account of a run and, at the same time, all its state: a run continues as new by
// handing its record on. The `status` query answers it, the journal keeps it.
type Record struct {
	Engine     string `json:"engine"` // version of the engine that wrote it
	Procedure  string `json:"procedure"`
	Title      string `json:"title"`
	File       string `json:"file"`
	Digest     string `json:"digest"` // "sha256:<hex>" of the pinned procedure
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"` // of the first execution; stays when it continues as new
	Key        string `json:"key,omitempty"`
	By         string `json:"by,omitempty"` // who or what started it
	// Requester is who started the first of the runs of which one started the next and the last this one.
	Requester string         `json:"requester,omitempty"`
	Drill     bool           `json:"drill,omitempty"`
	State     State          `json:"state"`
	Started   time.Time      `json:"started"`
	Ended     *time.Time     `json:"ended,omitempty"`
	Inputs    map[string]any `json:"inputs"`
	Phases    []*Phase       `json:"phases"`
	Finally   []*Step        `json:"finally,omitempty"`
	// Undo is how the steps that have begun are undone, in the order in which they began.
	Undo     []*Step   `json:"undo,omitempty"`
	Rollback *Rollback `json:"rollback,omitempty"`
	// Questions are those that the engine itself puts: what is to become of a step that failed.
	Questions []*Step `json:"questions,omitempty"`
	// Halted is why the run ended its own steps: its time was over.
	Halted   *Failure  `json:"halted,omitempty"`
	Clocks   []*Clock  `json:"clocks,omitempty"`
	Incident *Incident `json:"incident,omitempty"`
	// Window is there when the run is a maintenance window.
	Window  *OpenWindow `json:"window,omitempty"`
	Ladders []*Ladder   `json:"ladders,omitempty"`
	Pages   []*Page     `json:"pages,omitempty"`
	Board   *Board      `json:"board,omitempty"`
	// Telling are messages that are being sent, and Messages counts those to single people.
	Telling  []*TellRequest `json:"telling,omitempty"`
	Messages int            `json:"messages,omitempty"`
	// HandedTo are the people that somebody handed over to.
	HandedTo  []string  `json:"handed_to,omitempty"`
	Aborted   *Deed     `json:"aborted,omitempty"`
	Rules     string    `json:"rules,omitempty"` // digest of the pinned rules of org.yaml
	Findings  []Finding `json:"findings,omitempty"`
	Timeline  []Event   `json:"timeline"`
	Failure   *Failure  `json:"failure,omitempty"`
	Continued int       `json:"continued,omitempty"` // how often it continued as new
	// Revision counts how often it was given to the journal: of two states of one run the higher is the newer.
	Revision int     `json:"revision,omitempty"`
	LeftOut  LeftOut `json:"left_out,omitzero"`
}

// Phase is the account of one phase.
type Phase struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	State   State      `json:"state"`
	Started *time.Time `json:"started,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
	Steps   []*Step    `json:"steps"`
}

// Step is the account of one step. Path is unique in a run: the step's id, or for a step inside an
// `each` or `repeat` "outer[2].inner", counted from 0.
type Step struct {
	ID      string          `json:"id"`
	Path    string          `json:"path"`
	Title   string          `json:"title"`
	Kind    string          `json:"kind"`
	Action  string          `json:"action,omitempty"` // of `uses`; the procedure's id of `run` and `start`
	State   State           `json:"state"`
	Started *time.Time      `json:"started,omitempty"`
	Ended   *time.Time      `json:"ended,omitempty"`
	Outputs json.RawMessage `json:"outputs,omitempty"`
	Error   string          `json:"error,omitempty"`
	// At is the path of the step inside this one whose failure became this one's.
	At     string `json:"at,omitempty"`
	Reason string `json:"reason,omitempty"` // why it was skipped
	// Tries is how often it was begun again because somebody said so, and Decided what else was said: skip,
	// rollback or stop.
	Tries   int    `json:"tries,omitempty"`
	Decided string `json:"decided,omitempty"`
	// Until is when a `wait` ends or a `repeat` looks again.
	Until *time.Time `json:"until,omitempty"`
	// Count is how many rounds of a `repeat` have ended, and Round when the current one began.
	Count int        `json:"count,omitempty"`
	Round *time.Time `json:"round,omitempty"`
	// Ask is what a step that waits for people knows of them.
	Ask *Ask `json:"ask,omitempty"`
	// Child is the run that a `run` or `start` step made or joined.
	Child *Child `json:"child,omitempty"`
	// Steps are those of a `parallel`, and of the current round of a `repeat`.
	Steps []*Step `json:"steps,omitempty"`
	// Earlier are the questions that people answered in earlier rounds of a `repeat`, the oldest first.
	Earlier []*Step `json:"earlier,omitempty"`
	// Items are the rounds of an `each`.
	Items []*Item `json:"items,omitempty"`

	// rounds are the outputs of an `each` that has ended, made from Items when first asked for.
	rounds json.RawMessage
}

// Item is one round of an `each`.
type Item struct {
	Item  any     `json:"item"`
	State State   `json:"state"`
	Steps []*Step `json:"steps"`
}

// Child is another run that a step made or joined.
type Child struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Joined     bool   `json:"joined,omitempty"` // it was open already
}

// Clock is a promise with a due time. Lateness is how long after Due the breach was noticed. A clock that
// was breached may still be met: late.
type Clock struct {
	ID       string     `json:"id"`    // "run", "phase:<id>", "step:<path>", or one of an incident's: "respond", "update:3"
	Kind     string     `json:"kind"`  // within, acknowledge, respond, resolve, update
	Title    string     `json:"title"` // of what it times
	Started  time.Time  `json:"started"`
	Due      time.Time  `json:"due"`
	Met      *time.Time `json:"met,omitempty"`
	Breached *time.Time `json:"breached,omitempty"`
	Lateness string     `json:"lateness,omitempty"` // a Go duration
	// Stopped is when the clock was put away neither met nor breached: what it timed failed or was cancelled.
	Stopped  *time.Time  `json:"stopped,omitempty"`
	Extended []Extension `json:"extended,omitempty"`
}

// Finding is something a person should know of, from an action or from the engine itself.
type Finding struct {
	At       time.Time `json:"at"`
	Step     string    `json:"step,omitempty"`
	Severity string    `json:"severity"` // critical, warning, info
	Check    string    `json:"check"`    // what was looked at: "api", "container web"
	Text     string    `json:"text"`
	Act      string    `json:"act,omitempty"` // what to do about it
}

// Event is one line of the timeline.
type Event struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"` // run, phase, step, undo, rollback, clock, finding, message, note, page, ask, incident, alert, update, board
	Phase string    `json:"phase,omitempty"`
	Step  string    `json:"step,omitempty"`
	By    string    `json:"by,omitempty"`
	Text  string    `json:"text"`
}

// Failure is why a run failed.
type Failure struct {
	Phase   string `json:"phase"`
	Step    string `json:"step"`
	Message string `json:"message"`
}

// Summary is a run's result: the record without what only matters while it runs.
type Summary struct {
	Procedure string    `json:"procedure"`
	State     State     `json:"state"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended"`
	Digest    string    `json:"digest"`
	Steps     Tally     `json:"steps"`
	Breached  []string  `json:"breached,omitempty"` // ids of the clocks that were not met
	// Findings are at most 200, critical ones first if there are more; FindingsLeftOut counts the others.
	Findings        []Finding `json:"findings,omitempty"`
	FindingsLeftOut int       `json:"findings_left_out,omitempty"`
	Failure         *Failure  `json:"failure,omitempty"`
	Incident        *Incident `json:"incident,omitempty"`
	// Undone counts what was undone, and Left names what was not although it was due.
	Undone int      `json:"undone,omitempty"`
	Left   []string `json:"left,omitempty"`
}

// Tally counts steps by how they ended.
type Tally struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
}
