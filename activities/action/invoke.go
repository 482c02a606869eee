package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// invoker puts JSON around an action's function.
func invoker[In, Out any](a sops.Action, fn func(context.Context, In) (Out, error)) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := decode(a, raw, &in); err != nil {
			return nil, err
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		encoded, err := json.Marshal(out)
		if err != nil {
			return nil, Permanent(ErrOutput, "%s: encode the output: %v", a.Name, err)
		}
		return encoded, nil
	}
}

// decode reads an input. Every unknown, missing or ill-typed field is reported, by name, as a permanent
// error: trying again can't mend a `with`.
func decode(a sops.Action, raw json.RawMessage, into any) error {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || string(trimmed) == "null" {
		raw = json.RawMessage("{}") // a step without `with`
	}
	var shape any
	if err := json.Unmarshal(raw, &shape); err != nil {
		return Permanent(ErrInput, "%s: the input is not JSON: %v", a.Name, err)
	}
	if err := a.Input.Check(shape); err != nil {
		return Permanent(ErrInput, "%s: %s", a.Name, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return Permanent(ErrInput, "%s: %s", a.Name, inputProblem(err))
	}
	return nil
}

// inputProblem words a decoding error for the person who wrote the step.
func inputProblem(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Sprintf("%s is a %s, want %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
