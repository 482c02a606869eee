package sops

import (
	"encoding/json"
	"time"
)

// Scope is what expressions can see. Functions are called only when an expression names the thing. A
// scope serves one goroutine.
type Scope struct {
	Inputs map[string]any // checked by CheckInputs
	// Step finds a step by id, the nearest one where the expression stands. A step that has not begun is
	// not found.
	Step     func(id string) (StepView, bool)
	Run      RunView
	Incident *IncidentView
	Failure  *FailureView
	Items    map[string]any  // loop variables by name, "item" always the innermost
	Outputs  json.RawMessage // in `expect` only
	Now      time.Time

	steps map[string]knownStep
}

// StepView is a step as expressions see it.
type StepView struct {
	Status  string
	Outputs json.RawMessage
	Error   string
}

// RunView is `run` in expressions.
type RunView struct {
	ID, Procedure, Key, By string
	Drill                  bool
	Started                time.Time
	State                  string // running; in the last steps what the run comes to: succeeded, failed, cancelled
	Rollback               string // "" without one, else running, succeeded or failed
	Undone                 []UndoneView
}

// UndoneView is how a step that was begun is undone, as expressions see it.
type UndoneView struct {
	Step, Title string
	State       string // undone, left, or owed when that is not decided
	Why         string // of what was left
}

// FailureView is `failure` in expressions.
type FailureView struct{ Phase, Step, Message string }

// IncidentView is `incident` in expressions.
type IncidentView struct {
	Severity, Level, Owner     string
	State                      string // open, acknowledged, mitigated, resolved, aborted
	Services                   []string
	UserImpact, BusinessImpact string
	Summary                    string
	Channel                    string // name of its own Slack channel, "" without one
	Started                    time.Time
}

// The words a step's status is said in.
const (
	statusPending   = "pending"
	statusSucceeded = "succeeded"
)
