package sops

import (
	"errors"
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// program is a checked expression. It is planned when it is first evaluated: most expressions of a library
// never are in one process.
type program struct {
	source string
	pos    Pos
	typ    *Type // what it gives
	ast    *cel.Ast
	names  *names
	vars   []variable // loop variables and `outputs`, with their types

	plan  sync.Once
	ready cel.Program
	err   error
}

// names is what the variables of a procedure's expressions are made of when they are evaluated.
type names struct {
	inputs *Type
	steps  *Type // a member per step
}

// eval evaluates the expression. Errors name the place and the expression.
func (p *program) eval(s *Scope) (ref.Val, error) {
	p.plan.Do(func() {
		p.ready, p.err = language().PlanProgram(p.ast.NativeRep(), planOptions()...)
	})
	if p.err != nil {
		return nil, p.fail(p.err)
	}
	v, _, err := p.ready.Eval(&activation{scope: s, names: p.names, vars: p.vars})
	if err != nil {
		return nil, p.fail(err)
	}
	return v, nil
}

// native evaluates the expression to a JSON-shaped value.
func (p *program) native(s *Scope) (any, error) {
	v, err := p.eval(s)
	if err != nil {
		return nil, err
	}
	native, err := newBudget().native(v)
	if err != nil {
		return nil, p.fail(err)
	}
	return native, nil
}

func (p *program) fail(err error) error {
	var cancelled interpreter.EvalCancelledError
	if errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded {
		err = errors.New("it takes too many steps; look at fewer items")
	}
	return fmt.Errorf("%s: %s: %w", p.pos, excerpt(p.source), err)
}

// excerpt is the beginning of an expression: an error has to be read to its end.
func excerpt(source string) string {
	const most = 120
	if r := []rune(source); len(r) > most {
		return string(r[:most]) + "…"
	}
	return source
}

// activation answers the names in an expression from a scope.
type activation struct {
	scope *Scope
	names *names
	vars  []variable
	known map[string]ref.Val // what was asked for already: making it again may be long
}

// Parent implements interpreter.Activation.
func (a *activation) Parent() interpreter.Activation { return nil }

// ResolveName implements interpreter.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	if v, ok := a.known[name]; ok {
		return v, true
	}
	v, ok := a.resolve(name)
	if ok {
		if a.known == nil {
			a.known = map[string]ref.Val{}
		}
		a.known[name] = v
	}
	return v, ok
}

func (a *activation) resolve(name string) (ref.Val, bool) {
	s := a.scope
	switch name {
	case "inputs":
		return &object{typ: a.names.inputs, values: s.Inputs}, true
	case "steps":
		return &stepsValue{object: object{typ: a.names.steps}, scope: s}, true
	case "run":
		return s.Run.value(), true
	case "failure":
		return s.Failure.value(), true
	case "incident":
		return s.Incident.value(), true
	case "now":
		return types.Timestamp{Time: s.Now.UTC()}, true
	}
	for _, v := range a.vars {
		if v.name == name {
			return a.variable(v), true
		}
	}
	return nil, false
}

func (a *activation) variable(v variable) ref.Val {
	if v.name == "outputs" {
		return outputsValue(v.typ, a.scope.Outputs)
	}
	item, ok := a.scope.Items[v.name]
	if !ok {
		return types.NewErr("%s has no value here", v.name)
	}
	return toValue(v.typ, item)
}

// stepsValue is `steps`: the state of the steps, asked for one at a time.
type stepsValue struct {
	object
	scope *Scope
}

// Get implements traits.Indexer.
func (v *stepsValue) Get(name ref.Val) ref.Val {
	key, _ := name.(types.String)
	f, ok := v.typ.Field(string(key))
	if !ok {
		return types.NewErr("no step %q", string(key))
	}
	view := StepView{Status: statusPending}
	if v.scope.Step != nil {
		if found, ok := v.scope.Step(f.jsonName()); ok {
			view = found
		}
	}
	if known, ok := v.scope.steps[f.Name]; ok && known.view.same(view) {
		return known.value
	}
	if v.scope.steps == nil {
		v.scope.steps = map[string]knownStep{}
	}
	val := stepValue(f, view)
	v.scope.steps[f.Name] = knownStep{view, val}
	return val
}

// knownStep is a step whose outputs were decoded once.
type knownStep struct {
	view  StepView
	value ref.Val
}

func (v StepView) same(o StepView) bool {
	return v.Status == o.Status && v.Error == o.Error && len(v.Outputs) == len(o.Outputs) &&
		(len(v.Outputs) == 0 || &v.Outputs[0] == &o.Outputs[0])
}

// IsSet implements traits.FieldTester: a step is there once it has begun.
func (v *stepsValue) IsSet(name ref.Val) ref.Val {
	key, _ := name.(types.String)
	f, ok := v.typ.Field(string(key))
	if !ok || v.scope.Step == nil {
		return types.False
	}
	_, begun := v.scope.Step(f.jsonName())
	return types.Bool(begun)
}

// stepValue is one step as expressions see it.
func stepValue(f Field, view StepView) ref.Val {
	outputs, _ := f.Type.Field("outputs")
	values := map[string]any{"status": view.Status, "error": view.Error}
	if view.Status == statusSucceeded {
		values["outputs"] = outputsValue(outputs.Type, view.Outputs)
	} else {
		values["outputs"] = &object{typ: outputs.Type, absent: whyNoOutputs(f.jsonName(), view.Status)}
	}
	return &object{typ: f.Type, values: values}
}

func whyNoOutputs(id, status string) string {
	switch status {
	case "skipped", "cancelled":
		return fmt.Sprintf("step %s was %s, so it has no outputs", id, status)
	case "failed":
		return fmt.Sprintf("step %s failed, so it has no outputs", id)
	case "running":
		return fmt.Sprintf("step %s is still running, so it has no outputs yet", id)
	}
	return fmt.Sprintf("step %s has not run, so it has no outputs", id)
}

func outputsValue(t *Type, raw []byte) ref.Val {
	if len(raw) == 0 {
		return zeroValue(t)
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return types.NewErr("outputs are not JSON: %v", err)
	}
	return toValue(t, v)
}

// The types of what is known of a run.
var (
	timeOf  = &Type{Kind: TypeTime}
	runType = &Type{Kind: TypeObject, Name: "run", Fields: []Field{
		{Name: "id", Type: &Type{Kind: TypeString}, Doc: "workflow id"},
		{Name: "procedure", Type: &Type{Kind: TypeString}},
		{Name: "key", Type: &Type{Kind: TypeString}},
		{Name: "by", Type: &Type{Kind: TypeString}, Doc: "who or what started it"},
		{Name: "drill", Type: &Type{Kind: TypeBool}},
		{Name: "started", Type: &Type{Kind: TypeTime}},
		{Name: "state", Type: &Type{Kind: TypeString}, Doc: "running; in the last steps succeeded, failed or cancelled"},
		{Name: "rollback", Type: &Type{Kind: TypeString}, Doc: "empty without one; running, succeeded, or failed when something was left"},
		{Name: "undone", Type: &Type{Kind: TypeList, Elem: undoneType}, Doc: "what is undone when the run is rolled back, in the order in which it was done"},
	}}
	undoneType = &Type{Kind: TypeObject, Name: "undone", Fields: []Field{
		{Name: "step", Type: &Type{Kind: TypeString}, Doc: "its path"},
		{Name: "title", Type: &Type{Kind: TypeString}},
		{Name: "state", Type: &Type{Kind: TypeString}, Doc: "undone, left, or owed when that is not decided"},
		{Name: "why", Type: &Type{Kind: TypeString}, Doc: "why it was left"},
	}}
	failureType = &Type{Kind: TypeObject, Name: "failure", Fields: []Field{
		{Name: "phase", Type: &Type{Kind: TypeString}},
		{Name: "step", Type: &Type{Kind: TypeString}},
		{Name: "message", Type: &Type{Kind: TypeString}},
	}}
	incidentType = &Type{Kind: TypeObject, Name: "incident", Fields: []Field{
		{Name: "severity", Type: &Type{Kind: TypeString}},
		{Name: "level", Type: &Type{Kind: TypeString}},
		{Name: "owner", Type: &Type{Kind: TypeString}},
		{Name: "services", Type: &Type{Kind: TypeList, Elem: &Type{Kind: TypeString}}},
		{Name: "state", Type: &Type{Kind: TypeString}},
		{Name: "user_impact", Type: &Type{Kind: TypeString}},
		{Name: "business_impact", Type: &Type{Kind: TypeString}},
		{Name: "summary", Type: &Type{Kind: TypeString}},
		{Name: "channel", Type: &Type{Kind: TypeString}},
		{Name: "started", Type: &Type{Kind: TypeTime}},
	}}
)

func (r RunView) value() ref.Val {
	undone := make([]any, len(r.Undone))
	for i, u := range r.Undone {
		undone[i] = map[string]any{"step": u.Step, "title": u.Title, "state": u.State, "why": u.Why}
	}
	return &object{typ: runType, values: map[string]any{
		"state": r.State, "rollback": r.Rollback, "undone": undone,
		"id": r.ID, "procedure": r.Procedure, "key": r.Key, "by": r.By, "drill": r.Drill, "started": r.Started,
	}}
}

// value is the failure; without one every member is empty.
func (f *FailureView) value() ref.Val {
	if f == nil {
		return &object{typ: failureType}
	}
	return &object{typ: failureType, values: map[string]any{"phase": f.Phase, "step": f.Step, "message": f.Message}}
}

func (i *IncidentView) value() ref.Val {
	if i == nil {
		return &object{typ: incidentType}
	}
	return &object{typ: incidentType, values: map[string]any{
		"severity": i.Severity, "level": i.Level, "owner": i.Owner, "state": i.State, "services": i.Services,
		"user_impact": i.UserImpact, "business_impact": i.BusinessImpact, "summary": i.Summary, "channel": i.Channel,
		"started": i.Started,
	}}
}
