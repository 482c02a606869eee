package sops

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CheckForm checks somebody's answers against the form they were asked to fill in and gives all its fields:
// those without an answer have their default, or the empty value of their type. Every problem is in the
// error.
func CheckForm(form map[string]FormField, answers map[string]any) (map[string]any, error) {
	out := map[string]any{}
	var problems []string
	for _, name := range sortedKeys(form) {
		value, err := form[name].answer(answers[name])
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
		out[name] = value
	}
	for _, name := range sortedKeys(answers) {
		if _, ok := form[name]; !ok {
			problems = append(problems, fmt.Sprintf("%s: the form has no such field%s", name, hint(name, sortedKeys(form))))
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the form: %s", strings.Join(problems, "; "))
	}
	return out, nil
}

// answer is one field filled in.
func (f FormField) answer(given any) (any, error) {
	if text, ok := given.(string); ok && strings.TrimSpace(text) == "" {
		given = nil
	}
	switch {
	case given != nil:
	case f.Default != nil:
		given = f.Default
	case f.Required:
		return nil, fmt.Errorf("an answer is needed%s", f.choices())
	default:
		return f.nothing(), nil
	}
	if err := f.valueType().Check(given); err != nil {
		return nil, err
	}
	if text, ok := given.(string); ok && f.Type == "choice" && !slices.Contains(f.Options, text) {
		return nil, fmt.Errorf("%q is none of the options%s", text, f.choices())
	}
	return given, nil
}

func (f FormField) choices() string {
	if len(f.Options) == 0 {
		return ""
	}
	return " (" + strings.Join(f.Options, ", ") + ")"
}

// nothing is what an optional field without an answer reads as.
func (f FormField) nothing() any {
	switch f.Type {
	case "int":
		return int64(0)
	case "number":
		return 0.0
	case "bool":
		return false
	case "time":
		return time.Time{}.Format(time.RFC3339)
	default:
		return ""
	}
}
