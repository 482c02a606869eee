package sops

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// CheckInputs checks start inputs and fills in defaults. All problems are reported at once, each naming
// its input. An input that is not required and has no default becomes the zero value of its type.
func (p *Procedure) CheckInputs(in map[string]any) (map[string]any, error) {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if _, known := p.Inputs[name]; !known {
			errs = append(errs, fmt.Errorf("input %q: %s has no such input%s", name, p.ID,
				yamldoc.Hint(name, slices.Collect(maps.Keys(p.Inputs)))))
		}
	}
	out := make(map[string]any, len(p.Inputs))
	for _, name := range slices.Sorted(maps.Keys(p.Inputs)) {
		decl := p.Inputs[name]
		v, given := in[name]
		switch {
		case given && v != nil:
			if err := checkInput(decl, inputField(name, decl), v); err != nil {
				errs = append(errs, fmt.Errorf("input %q: %w", name, err))
				continue
			}
			out[name] = wholeInts(decl, v)
		case decl.Default != nil:
			out[name] = clone(decl.Default)
		case decl.Required:
			errs = append(errs, fmt.Errorf("input %q is missing (%s)", name, decl.Type))
		default:
			out[name] = zeroInput(decl)
		}
	}
	return out, errors.Join(errs...)
}

// checkInput checks a value against an input's type and enum.
func checkInput(in Input, f Field, v any) error {
	if err := f.Type.Check(v); err != nil {
		return err
	}
	if len(in.Enum) == 0 {
		return nil
	}
	if s, ok := v.(string); ok {
		if what := f.checkEnum(s); what != "" {
			return errors.New(what)
		}
		return nil
	}
	for _, e := range in.Enum {
		if sameNumber(e, v) || e == v {
			return nil
		}
	}
	return fmt.Errorf("%v is not one of %v", v, in.Enum)
}

func sameNumber(a, b any) bool {
	x, ok1 := number(a)
	y, ok2 := number(b)
	return ok1 && ok2 && x == y
}

// wholeInts makes an int of what JSON decoded as a float.
func wholeInts(in Input, v any) any {
	if in.Type == string(TypeInt) {
		if i, ok := wholeNumber(v); ok {
			return i
		}
	}
	return v
}

// zeroInput is the value of an input that was not given. For a duration or a time it is nil, which
// reads as zero in expressions: there is no text for it.
func zeroInput(in Input) any {
	switch TypeKind(in.Type) {
	case TypeString:
		return ""
	case TypeInt:
		return int64(0)
	case TypeNumber:
		return float64(0)
	case TypeBool:
		return false
	case TypeList:
		return []any{}
	case TypeMap:
		return map[string]any{}
	}
	return nil
}

// clone copies a JSON-shaped value, so that nobody holds a part of the procedure.
func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// RunKey is the value of `key` for these (checked) inputs, "" when the procedure has none.
func (p *Procedure) RunKey(inputs map[string]any, now time.Time) (string, error) {
	if p.Key.IsZero() {
		return "", nil
	}
	key, err := p.Key.Render(&Scope{Inputs: inputs, Now: now})
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", p.ID, err)
	}
	const longest = 200 // a workflow id may have 1,000 bytes
	if len(key) > longest {
		return "", fmt.Errorf("key of %s: longer than %d characters", p.ID, longest)
	}
	return key, nil
}

// InputsType describes the start inputs as an object.
func (p *Procedure) InputsType() *Type { return p.inputs }
