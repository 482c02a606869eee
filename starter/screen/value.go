package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// summary is the output in which an action says in a sentence what it found; it is written for the reader.
const summary = "summary"

// Outputs sums a step's outputs up on one line: scalars as they are, lists and objects by their size.
// What the step says in its `summary` comes first, whole and without a name.
// The empty string means that there is nothing to show.
func Outputs(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil || value == nil {
		return ""
	}
	object, ok := value.(map[string]any)
	if !ok {
		return Value(value)
	}
	said, _ := object[summary].(string)
	parts := make([]string, 0, len(object))
	for _, k := range slices.Sorted(maps.Keys(object)) {
		if k != summary || said == "" {
			parts = append(parts, k+" "+Value(object[k]))
		}
	}
	switch rest := strings.Join(parts, ", "); {
	case said == "":
		return rest
	case rest == "":
		return Clean(said)
	default:
		return Clean(said) + " " + rest
	}
}

// Value writes a JSON value in a few words. A short object is named by its name or id.
func Value(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return Cut(Clean(v), 60)
	case []any:
		return fmt.Sprintf("[%d]", len(v))
	case map[string]any:
		for _, k := range []string{"name", "id"} {
			if s, ok := v[k].(string); ok && s != "" {
				return Cut(Clean(s), 60)
			}
		}
		return fmt.Sprintf("{%d}", len(v))
	default:
		return fmt.Sprint(v)
	}
}

// Inputs writes a run's inputs on one line, sorted by name.
func Inputs(inputs map[string]any) string {
	parts := make([]string, 0, len(inputs))
	for _, k := range slices.Sorted(maps.Keys(inputs)) {
		parts = append(parts, k+"="+Value(inputs[k]))
	}
	return strings.Join(parts, ", ")
}
