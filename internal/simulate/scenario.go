// Package simulate rehearses procedures: the real interpreter under skipped time, with people, outside
// systems and workers that do what a scenario says. Nothing outside is touched.
//
//	scenario file ──Parse──▶ Scenario ──Run──▶ Result ──Check──▶ mismatches
//
// What is real: the interpreter (package workflows), who stands behind a role and who may answer (package
// engine on org.yaml), every check of inputs and outputs. What is simulated: actions, transports, other
// people's deeds, and a worker that dies.
package simulate

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Defaults of a scenario.
var (
	// DefaultAt is when a scenario begins that does not say: a Monday morning.
	DefaultAt = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	// DefaultTargets are the targets there are when a scenario names none.
	DefaultTargets = map[string][]string{
		"docker": {"local"}, "http": {"docs-api"}, "postgres": {"docs-db"}, "redis": {"docs-cache"}, "s3": {"backups"},
	}
)

const (
	// DefaultHorizon is when a run is stopped that has not ended.
	DefaultHorizon = 72 * time.Hour
	// DefaultTook is how long an attempt of an action takes.
	DefaultTook = time.Second
	maxHorizon  = 400 * 24 * time.Hour
)

// Scenario is what happens around one run of a procedure, and what is expected of it.
type Scenario struct {
	File       string              `yaml:"-"`
	ID         string              `yaml:"scenario" doc:"Its name: that of its file."`
	Title      string              `yaml:"title" doc:"What people read."`
	Procedure  string              `yaml:"procedure" doc:"The procedure that runs. Default: the folder's name."`
	At         time.Time           `yaml:"at" doc:"When the run starts, RFC 3339. Default: Monday 2026-11-23 09:00 UTC."`
	By         string              `yaml:"by" doc:"Who starts it. Default: nobody, as a schedule does."`
	Drill      bool                `yaml:"drill" doc:"It is a drill."`
	Inputs     map[string]any      `yaml:"inputs" doc:"Inputs of the procedure."`
	Targets    map[string][]string `yaml:"targets" doc:"Targets that orderly.yaml has, by kind. Default: one of each kind."`
	Actions    map[string]Script   `yaml:"actions" doc:"How actions answer, by step or by action."`
	Procedures map[string]Stub     `yaml:"procedures" doc:"Other procedures that are not simulated, and what they come to."`

	Unreachable []string             `yaml:"unreachable" doc:"People whom no transport reaches."`
	Transports  map[string]Transport `yaml:"transports" doc:"Transports that are down for a while: slack, email, webhook."`
	Windows     []Window             `yaml:"windows" doc:"Maintenance windows that are open when the run starts."`
	People      []Deed               `yaml:"people" doc:"Who does what, when."`
	Answers     map[string]Reply     `yaml:"answers" doc:"Answers to questions whenever they come up, by step; 'default' is for all others."`
	Kills       []Kill               `yaml:"kills" doc:"When the worker dies, and for how long."`
	Horizon     time.Duration        `yaml:"horizon" doc:"When a run that has not ended is stopped. Default: 72h."`

	Expect *Expect `yaml:"expect" doc:"What the run must come to."`
	Never  []Never `yaml:"never" doc:"What must not happen."`

	places yamldoc.Places
}

// Script is how an action answers, attempt after attempt; the last answer goes for all later attempts.
type Script struct {
	Answers []Answer
	node    *yaml.Node
}

// Answer is one attempt of an action, or several alike. The zero value is an assumed answer.
type Answer struct {
	Outputs   map[string]any `yaml:"outputs" doc:"Fields of the output, over the assumed ones."`
	Fails     *Fault         `yaml:"fails" doc:"The attempt fails: a message, or {message, type}."`
	Hangs     bool           `yaml:"hangs" doc:"The attempt never answers and ends by its time-out."`
	Permanent bool           `yaml:"permanent" doc:"Trying again is in vain."`
	After     *time.Duration `yaml:"after" doc:"How long the attempt takes. Default: 1s."`
	Times     int            `yaml:"times" doc:"So many attempts. Default: 1, of the last one all that follow."`
}

// Fault is why an attempt fails.
type Fault struct {
	Message string `yaml:"message" required:"true" doc:"What the action says."`
	Type    string `yaml:"type" doc:"The kind of failure. Default: Failed."`
}

// Stub is what another procedure comes to, which is not simulated.
type Stub struct {
	State   string         `yaml:"state" enum:"succeeded,failed,cancelled" doc:"How it ends. Default: succeeded."`
	After   time.Duration  `yaml:"after" doc:"How long it takes."`
	Outputs map[string]any `yaml:"outputs" doc:"Of its summary: findings."`
	Error   string         `yaml:"error" doc:"Why it failed."`
}

// Transport is how a transport behaves.
type Transport struct {
	Down Span `yaml:"down" required:"true" doc:"When it fails."`
}

// Span is a time from one moment to another.
type Span struct {
	From  Moment `yaml:"from" doc:"Default: the start of the run."`
	Until Moment `yaml:"until" doc:"Default: for ever."`
}

// Window is a maintenance window.
type Window struct {
	Services []string `yaml:"services" required:"true" doc:"Services of org.yaml."`
	Until    Moment   `yaml:"until" required:"true" doc:"When it ends."`
}

// Kill is a time in which no worker lives.
type Kill struct {
	At  Moment        `yaml:"at" required:"true" doc:"When the worker dies."`
	For time.Duration `yaml:"for" required:"true" doc:"How long it is dead."`
}

// Moment is a time: "+7m", counted from the start of the run, or RFC 3339.
type Moment struct {
	After time.Duration
	At    time.Time // when not zero, it counts
	given bool
}

// In is the moment of a run that starts at a time.
func (m Moment) In(start time.Time) time.Time {
	if !m.At.IsZero() {
		return m.At.UTC()
	}
	return start.Add(m.After)
}

// Given says that the scenario says when.
func (m Moment) Given() bool { return m.given }

// Deed is a message that somebody sends to the run.
type Deed struct {
	When    Moment
	By      string // a person, or "alert"
	Message string // of package workflows
	Payload map[string]any
	Text    string // as it is written
	node    *yaml.Node
}

// Reply answers a question.
type Reply struct {
	After   time.Duration  `yaml:"after" doc:"How long after the question."`
	By      string         `yaml:"by" doc:"A person or role. Default: the first person who was asked."`
	Form    map[string]any `yaml:"form" doc:"Answers of the form."`
	Approve *bool          `yaml:"approve" doc:"The decision on an approval. Default: true."`
	Choice  string         `yaml:"choice" enum:"retry,skip,rollback,fail" doc:"What becomes of a step that failed."`
	Skip    bool           `yaml:"skip" doc:"The step is not done."`
	Reason  string         `yaml:"reason" doc:"Why."`
}
