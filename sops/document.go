// Package sops is what a procedure is: its document types, strict loading, checking, and the typed
// expressions inside it. It knows nothing of Temporal: the same code serves the worker, the CLI and
// editors.
package sops

import (
	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Pos is a place in a procedure file.
type Pos = yamldoc.Pos

// Problems lists what is wrong with a file.
type Problems = yamldoc.Problems

// Procedure is one SOP document. It is only ever made by Parse or a Library, which leave every
// expression in it compiled and checked; it is never changed afterwards and safe for concurrent use.
type Procedure struct {
	ID          string           `yaml:"sop" json:"sop" required:"true"`
	Title       string           `yaml:"title" json:"title" required:"true"`
	Description string           `yaml:"description" json:"description,omitempty"`
	Owners      []string         `yaml:"owners" json:"owners,omitempty"`
	Covers      []string         `yaml:"covers" json:"covers,omitempty"`
	Reviewed    Date             `yaml:"reviewed" json:"reviewed,omitzero"`
	Freshness   Duration         `yaml:"freshness" json:"freshness,omitempty"`
	Inputs      map[string]Input `yaml:"inputs" json:"inputs,omitempty"`
	Schedules   []Schedule       `yaml:"schedules" json:"schedules,omitempty"`
	// Key is a template over inputs; one run a key may be open at a time. Empty means no limit.
	Key       Template  `yaml:"key" json:"key,omitzero"`
	Within    Duration  `yaml:"within" json:"within,omitempty"`
	OnFailure string    `yaml:"on_failure" json:"on_failure,omitempty" enum:"rollback,stop,hold"`
	Incident  *Incident `yaml:"incident" json:"incident,omitempty"`
	Phases    []Phase   `yaml:"phases" json:"phases" required:"true"`
	Rollback  *Rollback `yaml:"rollback" json:"rollback,omitempty"`
	Finally   []Step    `yaml:"finally" json:"finally,omitempty"`

	// Source is the text the procedure was read from, and Digest its SHA-256 as "sha256:<hex>".
	Source string `yaml:"-" json:"-"`
	Digest string `yaml:"-" json:"-"`
	File   string `yaml:"-" json:"-"`

	inputs *Type // what the inputs are
}

// Input is one value a run may be started with.
type Input struct {
	// Type is string, int, number, bool, duration, time, list, map; a list or map holds any JSON.
	Type        string `yaml:"type" json:"type" enum:"string,int,number,bool,duration,time,list,map" required:"true"`
	Default     any    `yaml:"default" json:"default,omitempty"`
	Description string `yaml:"description" json:"description,omitempty"`
	Required    bool   `yaml:"required" json:"required,omitempty"`
	// Enum, when given, lists the only values allowed.
	Enum []any `yaml:"enum" json:"enum,omitempty"`
	// Target, when given, says that the value names a target of this kind in orderly.yaml.
	Target string `yaml:"target" json:"target,omitempty" enum:"docker,postgres,redis,http,s3"`
}

// Schedule starts the procedure regularly: one Temporal schedule `<procedure>/<id>`.
type Schedule struct {
	ID       string         `yaml:"id" json:"id" required:"true"`
	Cron     string         `yaml:"cron" json:"cron" required:"true"`
	TimeZone string         `yaml:"time_zone" json:"time_zone,omitempty"` // IANA name; default UTC
	Overlap  string         `yaml:"overlap" json:"overlap,omitempty" enum:"skip,buffer_one,buffer_all,allow_all,cancel_other,terminate_other"`
	Catchup  Duration       `yaml:"catchup" json:"catchup,omitempty"` // how late a missed start is still made up for; default 10m
	Jitter   Duration       `yaml:"jitter" json:"jitter,omitempty"`
	With     map[string]any `yaml:"with" json:"with,omitempty"` // inputs
	Paused   bool           `yaml:"paused" json:"paused,omitempty"`
}

// Phase is a part of a run: its steps in order.
type Phase struct {
	ID     string   `yaml:"id" json:"id" required:"true"`
	Title  string   `yaml:"title" json:"title,omitempty"`
	If     Expr     `yaml:"if" json:"if,omitzero"`
	Within Duration `yaml:"within" json:"within,omitempty"`
	Covers []string `yaml:"covers" json:"covers,omitempty"`
	Steps  []Step   `yaml:"steps" json:"steps" required:"true"`
	Pos    Pos      `yaml:"-" json:"-"`
}

// Step is one thing to do. Exactly one kind key is set: Uses, Ask, Approve, Parallel, Each, Repeat,
// Run, Start or Wait.
type Step struct {
	ID        string   `yaml:"id" json:"id" required:"true"`
	Title     string   `yaml:"title" json:"title,omitempty"`
	If        Expr     `yaml:"if" json:"if,omitzero"`
	Within    Duration `yaml:"within" json:"within,omitempty"` // a clock: recorded, never a time-out
	OnFailure string   `yaml:"on_failure" json:"on_failure,omitempty" enum:"continue,stop,rollback,hold"`
	Covers    []string `yaml:"covers" json:"covers,omitempty"`

	// An action.
	Uses    string   `yaml:"uses" json:"uses,omitempty"`
	With    Value    `yaml:"with" json:"with,omitzero"`        // also of Run and Start: the inputs
	Timeout Duration `yaml:"timeout" json:"timeout,omitempty"` // one attempt; default from the catalogue
	Retry   *Retry   `yaml:"retry" json:"retry,omitempty"`
	Expect  Expr     `yaml:"expect" json:"expect,omitzero"` // over `outputs`
	Undo    *Undo    `yaml:"undo" json:"undo,omitempty"`

	// A person.
	Ask      Template             `yaml:"ask" json:"ask,omitzero"`
	Of       string               `yaml:"of" json:"of,omitempty"`
	Form     map[string]FormField `yaml:"form" json:"form,omitempty"`
	Remind   Duration             `yaml:"remind" json:"remind,omitempty"`
	Policy   string               `yaml:"policy" json:"policy,omitempty"`
	OnExpire string               `yaml:"on_expire" json:"on_expire,omitempty" enum:"hold,fail,skip"`
	Approve  Template             `yaml:"approve" json:"approve,omitzero"`
	By       []string             `yaml:"by" json:"by,omitempty"`
	Quorum   int                  `yaml:"quorum" json:"quorum,omitempty"`
	Not      string               `yaml:"not" json:"not,omitempty" enum:"requester"`

	// Steps made of steps.
	Parallel []Step  `yaml:"parallel" json:"parallel,omitempty"`
	Each     *Each   `yaml:"each" json:"each,omitempty"`
	Repeat   *Repeat `yaml:"repeat" json:"repeat,omitempty"`

	// Another procedure.
	Run       string `yaml:"run" json:"run,omitempty"`     // waited for
	Start     string `yaml:"start" json:"start,omitempty"` // left running
	IfMissing string `yaml:"if_missing" json:"if_missing,omitempty" enum:"fail,finding"`

	Wait *Wait `yaml:"wait" json:"wait,omitempty"`

	Pos Pos `yaml:"-" json:"-"`
}

// Kind is what a step does.
type Kind string

// The kinds of step, named as their YAML keys.
const (
	KindUses     Kind = "uses"
	KindAsk      Kind = "ask"
	KindApprove  Kind = "approve"
	KindParallel Kind = "parallel"
	KindEach     Kind = "each"
	KindRepeat   Kind = "repeat"
	KindRun      Kind = "run"
	KindStart    Kind = "start"
	KindWait     Kind = "wait"
)

// Retry says how often a failed attempt is made again. Zero fields take the action's default.
type Retry struct {
	Attempts int      `yaml:"attempts" json:"attempts,omitempty"` // in all, the first included; 1 = never again
	Initial  Duration `yaml:"initial" json:"initial,omitempty"`
	Max      Duration `yaml:"max" json:"max,omitempty"`
	Backoff  float64  `yaml:"backoff" json:"backoff,omitempty"` // factor, at least 1
}

// Each runs its steps for every item of a list.
type Each struct {
	In     Value  `yaml:"in" json:"in" required:"true"` // a ${{ }} expression or a list
	As     string `yaml:"as" json:"as,omitempty"`
	Steps  []Step `yaml:"steps" json:"steps" required:"true"`
	AtOnce int    `yaml:"at_once" json:"at_once,omitempty"` // default 1: one after the other
}

// Repeat runs its steps until an expression holds.
type Repeat struct {
	Every Duration `yaml:"every" json:"every" required:"true"`
	Until Expr     `yaml:"until" json:"until,omitzero"`
	For   Duration `yaml:"for" json:"for,omitempty"` // give up, as a failure, after this long; without `until`: end well
	Steps []Step   `yaml:"steps" json:"steps" required:"true"`
}

// Wait is `wait: 5m`, `wait: {until: …}` or `wait: {for: acknowledged|resolved}`.
type Wait struct {
	Duration Duration `yaml:"duration" json:"duration,omitempty"`
	Until    Value    `yaml:"until" json:"until,omitzero"` // a time: RFC 3339 or an expression
	For      string   `yaml:"for" json:"for,omitempty" enum:"acknowledged,resolved"`
}

// Undo puts back what a step changed.
type Undo struct {
	Uses    string    `yaml:"uses" json:"uses" required:"true"`
	With    Value     `yaml:"with" json:"with,omitzero"`
	If      Expr      `yaml:"if" json:"if,omitzero"`
	Timeout Duration  `yaml:"timeout" json:"timeout,omitempty"`
	Retry   *Retry    `yaml:"retry" json:"retry,omitempty"`
	Approve *Approval `yaml:"approve" json:"approve,omitempty"`
}

// Approval is who has to agree before an undo that would lose data.
type Approval struct {
	By       []string `yaml:"by" json:"by" required:"true"`
	Quorum   int      `yaml:"quorum" json:"quorum,omitempty"`
	Within   Duration `yaml:"within" json:"within,omitempty"`
	OnExpire string   `yaml:"on_expire" json:"on_expire,omitempty" enum:"hold,fail"`
}

// Rollback says what is done after the undo.
type Rollback struct {
	Then []Step `yaml:"then" json:"then,omitempty"`
}

// FormField is one typed answer of an `ask`.
type FormField struct {
	Type        string   `yaml:"type" json:"type" enum:"string,text,int,number,bool,choice,time" required:"true"`
	Title       string   `yaml:"title" json:"title,omitempty"`
	Description string   `yaml:"description" json:"description,omitempty"`
	Required    bool     `yaml:"required" json:"required,omitempty"`
	Default     any      `yaml:"default" json:"default,omitempty"`
	Options     []string `yaml:"options" json:"options,omitempty"` // of a choice
}

// Incident makes a run an incident: it has severity, clocks, an owner, updates.
type Incident struct {
	Severity Value    `yaml:"severity" json:"severity,omitzero"`
	Scale    string   `yaml:"scale" json:"scale,omitempty"`
	Level    Value    `yaml:"level" json:"level,omitzero"`
	Policy   string   `yaml:"policy" json:"policy,omitempty"`
	Services Value    `yaml:"services" json:"services,omitzero"`
	Summary  Template `yaml:"summary" json:"summary,omitzero"`
	Respond  Duration `yaml:"respond" json:"respond,omitempty"`
	Resolve  Duration `yaml:"resolve" json:"resolve,omitempty"`
	Updates  Duration `yaml:"updates" json:"updates,omitempty"`
	Channel  Template `yaml:"channel" json:"channel,omitzero"`
}
