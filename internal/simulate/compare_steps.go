package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/orderly-ops/orderly/workflows"
)

// steps compares what steps came to. Of an id that stands for many steps, each must be as it is wanted.
func (j *judge) steps(e *Expect) {
	for _, id := range sortedKeys(e.Steps) {
		want, found := e.Steps[id], j.stepsNamed(id)
		if len(found) == 0 {
			j.wrong(j.s.places.Key(e, "steps", id), "steps."+id, want.text(), "it never came to be: what is around it did not run")
		}
		for _, s := range found {
			if !j.stepIs(e, id, want, s) {
				break
			}
		}
	}
}

func (j *judge) stepIs(e *Expect, id string, want StepWant, s *workflows.Step) bool {
	before := len(j.out)
	if want.State != "" && string(s.State) != want.State {
		j.wrong(j.s.places.Key(e, "steps", id), "steps."+id, want.text(), describeNamed(s, id))
		return false
	}
	for _, f := range []struct{ key, want, got string }{{"error", want.Error, s.Error}, {"reason", want.Reason, s.Reason}} {
		if f.want != "" && !has(f.got, f.want) {
			j.wrong(j.s.places.Value(e, "steps", id, f.key), "steps."+id+"."+f.key, f.want, orNothing(f.got))
		}
	}
	j.outputs(e, id, want.Outputs, s.Outputs)
	return len(j.out) == before
}

// describeNamed says of a step that an expectation means by its id which one it is.
func describeNamed(s *workflows.Step, name string) string {
	if s.Path == name {
		return describeStep(s)
	}
	return s.Path + " " + describeStep(s)
}

func (w StepWant) text() string {
	return inWords(cmp.Or(w.State, "any state"), w.Error, w.Reason)
}

func (j *judge) outputs(e *Expect, id string, want map[string]any, raw json.RawMessage) {
	if len(want) == 0 {
		return
	}
	var got map[string]any
	_ = json.Unmarshal(raw, &got) // a step without outputs has none of the fields
	for _, name := range sortedKeys(want) {
		if !covers(got[name], want[name]) {
			j.wrong(j.s.places.Value(e, "steps", id, "outputs", name), strings.Join([]string{"steps", id, "outputs", name}, "."),
				jsonText(want[name]), jsonText(got[name]))
		}
	}
}

// covers says whether a value is the one that is wanted; of an object the wanted fields.
func covers(got, want any) bool {
	if w, ok := want.(map[string]any); ok {
		g, isMap := got.(map[string]any)
		for name, v := range w {
			if !isMap || !covers(g[name], v) {
				return false
			}
		}
		return true
	}
	if w, ok := want.([]any); ok {
		g, isList := got.([]any)
		if !isList || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !covers(g[i], w[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(plainNumber(got), plainNumber(want))
}

// plainNumber makes numbers of YAML and of JSON comparable.
func plainNumber(v any) any {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case int:
		return float64(n)
	}
	return v
}

func jsonText(v any) string {
	if v == nil {
		return "nothing"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 200
	if text := []rune(string(data)); len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(data)
}
