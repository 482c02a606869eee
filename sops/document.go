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
	ID          string           `yaml:"sop" json:"sop" required:"true" doc:"Its id: lower case, digits, dashes; the file's name without '.yaml'. The Temporal workflow type is the same in PascalCase."`
	Title       string           `yaml:"title" json:"title" required:"true" doc:"What people read."`
	Description string           `yaml:"description" json:"description,omitempty" doc:"What it is for, in some sentences."`
	Owners      []string         `yaml:"owners" json:"owners,omitempty" doc:"Roles, teams or people that answer for it."`
	Covers      []string         `yaml:"covers" json:"covers,omitempty" doc:"Rows of the written procedure that it carries out."`
	Reviewed    Date             `yaml:"reviewed" json:"reviewed,omitzero" doc:"The day somebody last read it through."`
	Freshness   Duration         `yaml:"freshness" json:"freshness,omitempty" doc:"How long after that day it counts as reviewed."`
	Inputs      map[string]Input `yaml:"inputs" json:"inputs,omitempty" doc:"What a run may be started with, by name."`
	Schedules   []Schedule       `yaml:"schedules" json:"schedules,omitempty" doc:"When it starts by itself."`
	Key         Template         `yaml:"key" json:"key,omitzero" doc:"Text over the inputs: one run a key may be open at a time. Default: no limit."`
	Within      Duration         `yaml:"within" json:"within,omitempty" doc:"A clock on the whole run."`
	OnFailure   string           `yaml:"on_failure" json:"on_failure,omitempty" enum:"rollback,stop,hold" doc:"What a failed step leads to. Default: 'stop'."`
	Incident    *Incident        `yaml:"incident" json:"incident,omitempty" doc:"Makes its runs incidents."`
	Maintenance *Maintenance     `yaml:"maintenance" json:"maintenance,omitempty" doc:"Its runs are maintenance windows: incidents of their services are held back until they have ended."`
	Phases      []Phase          `yaml:"phases" json:"phases" required:"true" doc:"Its parts, in order."`
	Rollback    *Rollback        `yaml:"rollback" json:"rollback,omitempty" doc:"What follows the undo."`
	Finally     []Step           `yaml:"finally" json:"finally,omitempty" doc:"Steps that run at the end whatever happened, a cancellation included."`

	// Source is the text the procedure was read from, and Digest its SHA-256 as "sha256:<hex>".
	Source string `yaml:"-" json:"-"`
	Digest string `yaml:"-" json:"-"`
	File   string `yaml:"-" json:"-"`

	inputs *Type // what the inputs are
}

// Input is one value a run may be started with.
type Input struct {
	Type        string `yaml:"type" json:"type" enum:"string,int,number,bool,duration,time,list,map" required:"true" doc:"A 'list' or 'map' holds any JSON."`
	Default     any    `yaml:"default" json:"default,omitempty" doc:"Its value when none is given. Default: the empty value of its type."`
	Description string `yaml:"description" json:"description,omitempty" doc:"What it means."`
	Required    bool   `yaml:"required" json:"required,omitempty" doc:"It has to be given."`
	Enum        []any  `yaml:"enum" json:"enum,omitempty" doc:"The only values allowed."`
	Target      string `yaml:"target" json:"target,omitempty" enum:"docker,postgres,redis,http,s3" doc:"It names a target of this kind in orderly.yaml."`
}

// Schedule starts the procedure regularly: one Temporal schedule `<procedure>/<id>`.
type Schedule struct {
	ID       string         `yaml:"id" json:"id" required:"true" doc:"The Temporal schedule is '<procedure>/<id>'."`
	Cron     string         `yaml:"cron" json:"cron" required:"true" doc:"Minute, hour, day of month, month, day of week. Day of month and day of week must both hold, unlike in a crontab: 0 9 1-7 * 1 is the first Monday of a month."`
	TimeZone string         `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA name. Default: UTC."`
	Overlap  string         `yaml:"overlap" json:"overlap,omitempty" enum:"skip,buffer_one,buffer_all,allow_all,cancel_other,terminate_other" doc:"What happens when the run before is still open. Default: 'skip'."`
	Catchup  Duration       `yaml:"catchup" json:"catchup,omitempty" doc:"How late a missed start is still made up for. Default: 10m."`
	Jitter   Duration       `yaml:"jitter" json:"jitter,omitempty" doc:"Starts are spread over this long."`
	With     map[string]any `yaml:"with" json:"with,omitempty" doc:"Inputs."`
	Paused   bool           `yaml:"paused" json:"paused,omitempty" doc:"It is registered but starts nothing."`
}

// Phase is a part of a run: its steps in order.
type Phase struct {
	ID     string   `yaml:"id" json:"id" required:"true" doc:"Unique among phases."`
	Title  string   `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	If     Expr     `yaml:"if" json:"if,omitzero" doc:"The phase is skipped when it does not hold."`
	Within Duration `yaml:"within" json:"within,omitempty" doc:"A clock on the phase."`
	Covers []string `yaml:"covers" json:"covers,omitempty" doc:"Rows of the written procedure."`
	Steps  []Step   `yaml:"steps" json:"steps" required:"true" doc:"Its steps, in order."`
	Pos    Pos      `yaml:"-" json:"-"`
}

// Step is one thing to do. Exactly one kind key is set: Uses, Ask, Approve, Parallel, Each, Repeat,
// Run, Start or Wait.
type Step struct {
	ID        string   `yaml:"id" json:"id" required:"true" doc:"Unique in the procedure; expressions name the step by it."`
	Title     string   `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	If        Expr     `yaml:"if" json:"if,omitzero" doc:"The step is skipped when it does not hold."`
	Within    Duration `yaml:"within" json:"within,omitempty" doc:"A clock: recorded, never a time-out."`
	OnFailure string   `yaml:"on_failure" json:"on_failure,omitempty" enum:"continue,stop,rollback,hold" doc:"What its failure leads to. Default: the procedure's 'on_failure'."`
	Covers    []string `yaml:"covers" json:"covers,omitempty" doc:"Rows of the written procedure."`
	Mitigates bool     `yaml:"mitigates" json:"mitigates,omitempty" doc:"When it ends well, the incident has its first mitigation: the 'respond' clock is met."`

	// An action.
	Uses    string   `yaml:"uses" json:"uses,omitempty" doc:"An action, by name."`
	With    Value    `yaml:"with" json:"with,omitzero" doc:"Input of the action, or inputs of 'run' and 'start'."`
	Timeout Duration `yaml:"timeout" json:"timeout,omitempty" doc:"How long one attempt may take. Default: the action's."`
	Retry   *Retry   `yaml:"retry" json:"retry,omitempty" doc:"How failed attempts are made again. Default: the action's."`
	Expect  Expr     `yaml:"expect" json:"expect,omitzero" doc:"Must hold over 'outputs', else the step has failed."`
	Undo    *Undo    `yaml:"undo" json:"undo,omitempty" doc:"Puts back what the step changed."`

	// A person.
	Ask      Template             `yaml:"ask" json:"ask,omitzero" doc:"A person does this and says so."`
	Of       Template             `yaml:"of" json:"of,omitzero" doc:"Who is asked: a role, team or person; of an incident also 'service.owner' or 'incident.owner'. One that only the run knows is an expression; when that gives nothing, the procedure's owners are asked."`
	Form     map[string]FormField `yaml:"form" json:"form,omitempty" doc:"Typed answers, which become outputs."`
	Remind   Duration             `yaml:"remind" json:"remind,omitempty" doc:"How often the person is reminded."`
	Policy   string               `yaml:"policy" json:"policy,omitempty" doc:"Who is paged when nobody answers."`
	OnExpire string               `yaml:"on_expire" json:"on_expire,omitempty" enum:"hold,fail,skip" doc:"What happens when nobody answered 'within'. It never approves. Default: 'hold'."`
	Approve  Template             `yaml:"approve" json:"approve,omitzero" doc:"A person decides this."`
	By       []string             `yaml:"by" json:"by,omitempty" doc:"Who may decide: roles, teams or people; of an incident also 'service.owner'."`
	Quorum   int                  `yaml:"quorum" json:"quorum,omitempty" doc:"How many have to agree. Default: 1."`
	Not      string               `yaml:"not" json:"not,omitempty" enum:"requester" doc:"Who may not decide."`

	// Steps made of steps.
	Parallel []Step  `yaml:"parallel" json:"parallel,omitempty" doc:"Steps side by side; all are seen to their end and must end well."`
	Each     *Each   `yaml:"each" json:"each,omitempty" doc:"Steps for every item of a list."`
	Repeat   *Repeat `yaml:"repeat" json:"repeat,omitempty" doc:"Steps again and again until something holds."`

	// Another procedure.
	Run       string `yaml:"run" json:"run,omitempty" doc:"Another procedure, waited for."`
	Start     string `yaml:"start" json:"start,omitempty" doc:"Another procedure, left running; one open under the same key is joined."`
	IfMissing string `yaml:"if_missing" json:"if_missing,omitempty" enum:"fail,finding" doc:"What happens when that procedure does not exist. Default: 'fail', when the file is loaded."`

	Wait *Wait `yaml:"wait" json:"wait,omitempty" doc:"A duration, or one of the keys below."`

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
	Attempts int      `yaml:"attempts" json:"attempts,omitempty" doc:"In all, the first included; 1 is never again."`
	Initial  Duration `yaml:"initial" json:"initial,omitempty" doc:"Time before the second attempt."`
	Max      Duration `yaml:"max" json:"max,omitempty" doc:"Longest time between attempts. Default: 100 times 'initial'."`
	Backoff  float64  `yaml:"backoff" json:"backoff,omitempty" doc:"Each time is so many times the one before; at least 1."`
}

// Each runs its steps for every item of a list.
type Each struct {
	In     Value  `yaml:"in" json:"in" required:"true" doc:"A list, or one '${{ }}' that gives one; at most 2,000 items."`
	As     string `yaml:"as" json:"as,omitempty" doc:"A name for the item besides 'item'."`
	Steps  []Step `yaml:"steps" json:"steps" required:"true" doc:"Run for every item."`
	AtOnce int    `yaml:"at_once" json:"at_once,omitempty" doc:"Items side by side. Default: 1."`
}

// Repeat runs its steps until an expression holds.
type Repeat struct {
	Every Duration `yaml:"every" json:"every" required:"true" doc:"From the start of one round to the start of the next."`
	Until Expr     `yaml:"until" json:"until,omitzero" doc:"Ends it well."`
	For   Duration `yaml:"for" json:"for,omitempty" doc:"Ends it after so long: as a failure when there is an 'until', else well."`
	Steps []Step   `yaml:"steps" json:"steps" required:"true" doc:"Run in every round."`
}

// Wait is `wait: 5m`, `wait: {until: …}` or `wait: {for: acknowledged|resolved}`.
type Wait struct {
	Duration Duration `yaml:"duration" json:"duration,omitempty" doc:"So long."`
	Until    Value    `yaml:"until" json:"until,omitzero" doc:"Until a time: RFC 3339, or an expression."`
	For      string   `yaml:"for" json:"for,omitempty" enum:"acknowledged,resolved" doc:"Until the incident is in that state."`
}

// Undo puts back what a step changed.
type Undo struct {
	Uses    string    `yaml:"uses" json:"uses" required:"true" doc:"An action, by name."`
	With    Value     `yaml:"with" json:"with,omitzero" doc:"Its input."`
	If      Expr      `yaml:"if" json:"if,omitzero" doc:"It is left out when this does not hold."`
	Timeout Duration  `yaml:"timeout" json:"timeout,omitempty" doc:"How long one attempt may take. Default: the action's."`
	Retry   *Retry    `yaml:"retry" json:"retry,omitempty" doc:"How failed attempts are made again. Default: the action's."`
	Approve *Approval `yaml:"approve" json:"approve,omitempty" doc:"Who has to agree first, because it would lose data."`
}

// Approval is who has to agree before an undo that would lose data.
type Approval struct {
	By       []string `yaml:"by" json:"by" required:"true" doc:"Who may decide: roles, teams or people."`
	Quorum   int      `yaml:"quorum" json:"quorum,omitempty" doc:"How many have to agree. Default: 1."`
	Within   Duration `yaml:"within" json:"within,omitempty" doc:"A clock on the decision."`
	OnExpire string   `yaml:"on_expire" json:"on_expire,omitempty" enum:"hold,fail" doc:"What happens when nobody decided 'within'. Default: 'hold'."`
}

// Rollback says what is done after the undo.
type Rollback struct {
	Then []Step `yaml:"then" json:"then,omitempty" doc:"Steps that run after the undo."`
}

// FormField is one typed answer of an `ask`.
type FormField struct {
	Type        string   `yaml:"type" json:"type" enum:"string,text,int,number,bool,choice,time" required:"true" doc:"What kind of answer."`
	Title       string   `yaml:"title" json:"title,omitempty" doc:"The question, in few words."`
	Description string   `yaml:"description" json:"description,omitempty" doc:"The question, in more."`
	Required    bool     `yaml:"required" json:"required,omitempty" doc:"It has to be answered."`
	Default     any      `yaml:"default" json:"default,omitempty" doc:"The answer when none is given."`
	Options     []string `yaml:"options" json:"options,omitempty" doc:"Of a 'choice'."`
	Sets        string   `yaml:"sets" json:"sets,omitempty" enum:"severity,level,services,user_impact,business_impact,summary" doc:"What of the incident the answer becomes; 'services' are separated by commas."`
}

// Maintenance makes a run a maintenance window. An incident that concerns only its services pages nobody before the
// run has ended or its 'within' is over, unless it is of the highest level: that of a policy without 'next'.
type Maintenance struct {
	Services Value `yaml:"services" json:"services" required:"true" doc:"A list of services, over the inputs."`
}

// Incident makes a run an incident: it has severity, clocks, an owner, updates.
type Incident struct {
	Severity Value    `yaml:"severity" json:"severity,omitzero" doc:"How bad it is: a grade of the scale."`
	Scale    string   `yaml:"scale" json:"scale,omitempty" doc:"The severity scale, from org.yaml. Default: that of 'defaults' there."`
	Level    Value    `yaml:"level" json:"level,omitzero" doc:"The level of escalation: a policy. Default: that of the severity."`
	Policy   string   `yaml:"policy" json:"policy,omitempty" doc:"Who is paged, whatever level and severity say. Default: that of the level, else of the severity, else of 'defaults' in org.yaml."`
	Services Value    `yaml:"services" json:"services,omitzero" doc:"What is affected: services of org.yaml."`
	Summary  Template `yaml:"summary" json:"summary,omitzero" doc:"What is wrong, in one line."`
	Respond  Duration `yaml:"respond" json:"respond,omitempty" doc:"Within which a first mitigation is due."`
	Resolve  Duration `yaml:"resolve" json:"resolve,omitempty" doc:"Within which the resolution is due."`
	Updates  Duration `yaml:"updates" json:"updates,omitempty" doc:"How often stakeholders are told."`
	Channel  Template `yaml:"channel" json:"channel,omitzero" doc:"The wanted name of the incident's own Slack channel; the day is added. Default: it has none."`
}
