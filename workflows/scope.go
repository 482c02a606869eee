package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// frame is what the steps of one sequence can see: their own steps first, then those around them.
type frame struct {
	parent *frame
	prefix string // of the paths of its steps: "databases[2]."
	steps  map[string]*Step
	items  map[string]any
	label  string // the item of an `each`, for those who read: "docs-db"
}

// title is what people read of a step: inside an `each` with the item it is for.
func (f *frame) title(s *Step) string {
	if f.label == "" || s.Kind == KindUndo { // an undo has it in its title
		return s.Title
	}
	return f.label + ": " + s.Title
}

// rootFrame sees the steps of all phases and the last ones.
func (r *run) rootFrame() *frame {
	f := &frame{steps: map[string]*Step{}}
	for _, p := range r.record.Phases {
		f.add(p.Steps)
	}
	if rb := r.record.Rollback; rb != nil {
		f.add(rb.Then)
	}
	f.add(r.record.Finally)
	return f
}

// add makes steps visible, those inside a `parallel` and of a `repeat`'s last round included.
func (f *frame) add(steps []*Step) {
	for _, s := range steps {
		f.steps[s.ID] = s
		f.add(s.Steps)
	}
}

// round is the frame of the steps of one round of an `each` or `repeat`.
func (f *frame) round(prefix string, steps []*Step, items map[string]any) *frame {
	inner := &frame{parent: f, prefix: prefix, steps: map[string]*Step{}, items: items, label: f.label}
	inner.add(steps)
	return inner
}

func (f *frame) step(id string) (*Step, bool) {
	for ; f != nil; f = f.parent {
		if s, ok := f.steps[id]; ok {
			return s, true
		}
	}
	return nil, false
}

// allItems are the loop variables in sight; an inner one hides an outer one of the same name.
func (f *frame) allItems() map[string]any {
	if f == nil {
		return map[string]any{}
	}
	items := f.parent.allItems()
	for _, name := range workflow.DeterministicKeys(f.items) {
		items[name] = f.items[name]
	}
	return items
}

// scope is what an expression at this place can see.
func (r *run) scope(ctx workflow.Context, f *frame) *sops.Scope {
	s := &sops.Scope{
		Inputs: r.record.Inputs,
		Step: func(id string) (sops.StepView, bool) {
			rec, ok := f.step(id)
			if !ok {
				return sops.StepView{}, false
			}
			return rec.view(), true
		},
		Run: sops.RunView{
			ID: r.record.WorkflowID, Procedure: r.record.Procedure, Key: r.record.Key, By: r.record.By,
			Drill: r.record.Drill, Started: r.record.Started, State: string(orElse(r.outcome, Running)),
			Undone: r.record.undoneView(),
		},
		Items: f.allItems(),
		Now:   workflow.Now(ctx).UTC(),
	}
	if inc := r.record.Incident; inc != nil {
		s.Incident = inc.view(r.record.Started)
	}
	failure := r.record.Failure
	if rb := r.record.Rollback; rb != nil {
		s.Run.Rollback = string(rb.State)
		if failure == nil {
			failure = &rb.Why
		}
	}
	if failure != nil {
		s.Failure = &sops.FailureView{Phase: failure.Phase, Step: failure.Step, Message: failure.Message}
	}
	return s
}

// view is the step as expressions see it. The outputs of an `each` are made from its rounds when they are
// first asked for: having them in the record as well would double it.
func (s *Step) view() sops.StepView {
	v := sops.StepView{Status: string(s.State), Outputs: s.Outputs, Error: s.Error}
	if s.Kind == string(sops.KindEach) && s.State.Done() && s.State != Skipped {
		if s.rounds == nil {
			s.rounds = s.roundsAsOutputs()
		}
		v.Outputs = s.rounds
	}
	return v
}

type stepOutput struct {
	Status  State           `json:"status"`
	Error   string          `json:"error"`
	Outputs json.RawMessage `json:"outputs,omitempty"`
}

type roundOutput struct {
	Item   any                   `json:"item"`
	Status State                 `json:"status"`
	Error  string                `json:"error"`
	Steps  map[string]stepOutput `json:"steps"`
}

func (s *Step) roundsAsOutputs() json.RawMessage {
	out := struct {
		Items []roundOutput `json:"items"`
	}{Items: make([]roundOutput, 0, len(s.Items))}
	for _, item := range s.Items {
		round := roundOutput{Item: item.Item, Status: item.State, Steps: map[string]stepOutput{}}
		round.add(item.Steps)
		out.Items = append(out.Items, round)
	}
	data, err := json.Marshal(out)
	if err != nil { // the parts came from JSON themselves
		return json.RawMessage(`{"items":[]}`)
	}
	return data
}

func (o *roundOutput) add(steps []*Step) {
	for _, s := range steps {
		v := s.view()
		o.Steps[s.ID] = stepOutput{Status: s.State, Error: s.Error, Outputs: v.Outputs}
		if o.Error == "" && s.State == Failed {
			o.Error = s.Error
		}
		o.add(s.Steps)
	}
}

// condition evaluates an `if`; without one it holds.
func (r *run) condition(ctx workflow.Context, e sops.Expr, f *frame) (bool, error) {
	if e.IsZero() {
		return true, nil
	}
	holds, err := e.Bool(r.scope(ctx, f))
	if err != nil {
		return false, expressionError("if", err)
	}
	return holds, nil
}

func expressionError(where string, err error) error {
	return permanent("Expression", "%s: %v", where, err)
}
