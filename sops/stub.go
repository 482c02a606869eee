package sops

// This file is the agreed surface of the package while its parts are being written: each declaration
// moves to the file of its idea.

import (
	"encoding/json"
	"io/fs"
	"time"
)

// Expr is a bare CEL expression (`if`, `expect`, `until`).
type Expr struct {
	Source string
	Pos    Pos
}

// IsZero says that no expression was given.
func (e Expr) IsZero() bool { return e.Source == "" }

// Bool evaluates the expression.
func (e Expr) Bool(s *Scope) (bool, error) { panic("stub") }

// Template is text that may hold ${{ }}.
type Template struct {
	Source string
	Pos    Pos
}

// IsZero says that no text was given.
func (t Template) IsZero() bool { return t.Source == "" }

// Render fills the template in.
func (t Template) Render(s *Scope) (string, error) { panic("stub") }

// Value is any YAML value that may hold ${{ }} in its strings. A string that is one whole ${{ }} becomes
// the expression's value with its type; otherwise the parts are joined as text.
type Value struct{ Pos Pos }

// IsZero says that no value was given.
func (v Value) IsZero() bool { panic("stub") }

// Eval fills the value in. The result is JSON-shaped: map[string]any, []any, string, bool, int64, float64, nil.
func (v Value) Eval(s *Scope) (any, error) { panic("stub") }

// Scope is what expressions can see. Functions are called only when an expression names the thing.
type Scope struct {
	Inputs  map[string]any
	Step    func(id string) (StepView, bool)
	Run     RunView
	Failure *FailureView
	Items   map[string]any  // loop variables by name, "item" always the innermost
	Outputs json.RawMessage // in `expect` only
	Now     time.Time
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
}

// FailureView is `failure` in expressions.
type FailureView struct{ Phase, Step, Message string }

// Env is what a procedure is checked against.
type Env struct {
	Catalogue *Catalogue
	// Targets lists the targets of orderly.yaml by kind; nil leaves target names unchecked.
	Targets map[string][]string
	// Commands lists what exec.run may start; nil leaves them unchecked.
	Commands []string
	// Procedures finds another procedure for `run` and `start`; nil leaves those unchecked.
	Procedures func(id string) (*Procedure, bool)
}

// Parse reads and checks one procedure. The procedure is nil when there are problems.
func Parse(file string, src []byte, env Env) (*Procedure, Problems) { panic("stub") }

// Library is the procedures of some folders.
type Library struct{}

// Source is a folder of procedures: on disk, or embedded.
type Source struct {
	Name string // as shown in messages
	FS   fs.FS
}

// LoadLibrary reads every *.yaml of the folders (not below them; org.yaml is not a procedure). Env's
// Procedures is the library itself. The library holds the procedures that have no problem.
func LoadLibrary(sources []Source, env Env) (*Library, Problems) { panic("stub") }

// IDs lists the procedures, sorted.
func (l *Library) IDs() []string { panic("stub") }

// Get finds a procedure by id.
func (l *Library) Get(id string) (*Procedure, bool) { panic("stub") }

// Find reads the one file that serves a workflow type, without reading the others: the file
// `<id>.yaml` of the first source that has it. It reports the known ids when there is none.
func Find(sources []Source, workflowType string) (file string, src []byte, err error) { panic("stub") }

// WorkflowType is the Temporal workflow type of a procedure: `daily-check` → `DailyCheck`.
func WorkflowType(id string) string { panic("stub") }

// CheckInputs checks start inputs and fills in defaults. All problems are reported at once, each naming
// its input.
func (p *Procedure) CheckInputs(in map[string]any) (map[string]any, error) { panic("stub") }

// RunKey is the value of `key` for these (checked) inputs, "" when the procedure has none.
func (p *Procedure) RunKey(inputs map[string]any, now time.Time) (string, error) { panic("stub") }

// Kind says what the step does.
func (s *Step) Kind() Kind { panic("stub") }

// Name is the step's title, or one made from its id.
func (s *Step) Name() string { panic("stub") }
