package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// callOwn carries out one of the engine's own activities and gives its answer and how long it took.
func (w *world) callOwn(name string, args []any) (answer any, took time.Duration, err error) {
	fn, ok := w.own[name]
	if !ok {
		return nil, 0, fmt.Errorf("the engine has no activity %s", name)
	}
	in, err := argument(fn.Type().In(1), args)
	if err != nil {
		return nil, 0, err
	}
	told := len(w.result.Told)
	_, w.hub.asked = in.Interface().(workflows.TellRequest)
	w.hub.took = 0
	out := fn.Call([]reflect.Value{reflect.ValueOf(w.ctx), in})
	if last := out[len(out)-1]; !last.IsNil() {
		return nil, w.hub.took, last.Interface().(error) //nolint:forcetypeassert // an activity's last result is an error
	}
	if len(out) == 1 {
		return nil, w.hub.took, nil
	}
	w.noteTold(in.Interface(), out[0].Interface())
	slices.SortStableFunc(w.result.Told[told:], func(a, b Told) int { return cmp.Compare(a.To[0], b.To[0]) })
	return out[0].Interface(), w.hub.took, nil
}

// argument is the first of the arguments as a function takes it.
func argument(want reflect.Type, args []any) (reflect.Value, error) {
	if len(args) == 0 {
		return reflect.Zero(want), nil
	}
	given := reflect.ValueOf(args[0])
	for given.Kind() == reflect.Pointer && given.Type() != want {
		given = given.Elem()
	}
	if given.Type().AssignableTo(want) {
		return given, nil
	}
	data, err := json.Marshal(args[0])
	if err != nil {
		return given, err
	}
	into := reflect.New(want)
	return into.Elem(), json.Unmarshal(data, into.Interface())
}

// loader is the real loading of a procedure, with the windows of the scenario.
func (w *world) loader(load reflect.Value) func(context.Context, workflows.LoadRequest) (workflows.Pinned, error) {
	targets, _ := json.Marshal(w.scenario.targets()) // lists of text by text
	return func(ctx context.Context, request workflows.LoadRequest) (workflows.Pinned, error) {
		data, err := w.options.Cache.pin(request.WorkflowType+string(targets), func() (json.RawMessage, error) {
			out := load.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})
			if err, _ := out[1].Interface().(error); err != nil {
				return nil, err
			}
			return json.Marshal(out[0].Interface()) // what a run pins is its own, as it comes out of a history
		})
		if err != nil {
			return workflows.Pinned{}, err
		}
		var pin workflows.Pinned
		if err := json.Unmarshal(data, &pin); err != nil {
			return workflows.Pinned{}, err
		}
		for i, open := range w.scenario.Windows {
			if until := open.Until.In(w.start); until.After(w.now()) {
				pin.Windows = append(pin.Windows, workflows.Window{
					WorkflowID: windowID(i), RunID: windowID(i), Services: open.Services, Until: until,
				})
			}
		}
		return pin, nil
	}
}

// resolver is the real looking up of another procedure, which reads it once.
func (w *world) resolver(resolve reflect.Value) func(context.Context, workflows.ResolveRequest) (workflows.Resolved, error) {
	return func(ctx context.Context, request workflows.ResolveRequest) (workflows.Resolved, error) {
		p := w.options.Cache.procedure(request.Procedure)
		if p == nil {
			out := resolve.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})
			err, _ := out[1].Interface().(error)
			resolved := out[0].Interface().(workflows.Resolved) //nolint:forcetypeassert // its own type
			if err == nil && !resolved.Missing && !w.options.Cache.once {
				w.remember(request.Procedure)
			}
			return resolved, err
		}
		inputs, err := p.CheckInputs(request.Inputs)
		if err != nil {
			return workflows.Resolved{}, temporal.NewNonRetryableApplicationError(p.ID+": "+err.Error(), workflows.ErrInput, nil)
		}
		key, err := p.RunKey(inputs, request.Now)
		if err == nil {
			err = workflows.CheckKey(key)
		}
		if err != nil {
			return workflows.Resolved{}, temporal.NewNonRetryableApplicationError(p.ID+": key: "+err.Error(), workflows.ErrInput, nil)
		}
		return workflows.Resolved{Key: key, Title: p.Title, Incident: p.Incident != nil}, nil
	}
}

// remember keeps a procedure that was found good.
func (w *world) remember(id string) {
	file, src, err := sops.Find(w.options.Sources, workflows.WorkflowType(id))
	if err != nil {
		return
	}
	if p, _ := sops.Parse(file, src, sops.Env{Catalogue: w.options.Catalogue}); p != nil {
		w.options.Cache.keep(p)
	}
}

func windowID(i int) string { return fmt.Sprintf("maintenance/simulated-%d", i+1) }

// window says whether a window of the scenario is open.
func (w *world) window(_ context.Context, request workflows.WindowRequest) (workflows.WindowState, error) {
	for i, open := range w.scenario.Windows {
		if until := open.Until.In(w.start); windowID(i) == request.WorkflowID {
			return workflows.WindowState{Open: w.now().Before(until), Until: until}, nil
		}
	}
	return workflows.WindowState{}, nil
}

// admit checks the start input as `orderly start` does, and finds the run's workflow id.
func (w *world) admit() error {
	inputs := w.scenario.Inputs
	if inputs == nil {
		inputs = map[string]any{}
	}
	request := workflows.ResolveRequest{Procedure: w.scenario.Procedure, Inputs: inputs, Now: w.start}
	answer, _, err := w.callOwn(workflows.ActivityResolve, []any{request})
	if err != nil {
		return err
	}
	resolved := answer.(workflows.Resolved) //nolint:forcetypeassert // its own type
	if resolved.Missing {
		_, _, err := sops.Find(w.options.Sources, workflows.WorkflowType(w.scenario.Procedure))
		return err
	}
	w.title = resolved.Title
	w.id = workflows.WorkflowID(w.scenario.Procedure, workflows.RunName(resolved.Key, "simulated", w.scenario.Drill))
	start := map[string]any{}
	for name, v := range inputs {
		start[name] = v
	}
	if w.scenario.By != "" {
		start[workflows.InputBy] = w.scenario.By
	}
	if w.scenario.Drill {
		start[workflows.InputDrill] = true
	}
	w.input, err = json.Marshal(start)
	return err
}
