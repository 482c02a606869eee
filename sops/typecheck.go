package sops

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Check says what is wrong with a JSON-shaped value as a value of this type; every problem at once, each
// naming where in the value it is ("checks[2].url: want text, found the number 5").
func (t *Type) Check(value any) error {
	var errs []error
	t.check(value, "", func(where, what string) {
		if where == "" {
			errs = append(errs, errors.New(what))
			return
		}
		errs = append(errs, fmt.Errorf("%s: %s", where, what))
	})
	return errors.Join(errs...)
}

func (t *Type) check(value any, where string, report func(where, what string)) {
	switch t.Kind {
	case TypeList:
		items, ok := value.([]any)
		if !ok {
			report(where, "want a list, found "+describeValue(value))
			return
		}
		for i, item := range items {
			t.Elem.check(item, fmt.Sprintf("%s[%d]", where, i), report)
		}
	case TypeMap, TypeObject:
		m, ok := value.(map[string]any)
		if !ok {
			report(where, "want a mapping, found "+describeValue(value))
			return
		}
		if t.Kind == TypeObject {
			t.checkObject(m, where, report)
			return
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			t.Elem.check(m[k], join(where, k), report)
		}
	case TypeAny:
	default:
		if what := t.checkScalar(value); what != "" {
			report(where, what)
		}
	}
}

func (t *Type) checkObject(m map[string]any, where string, report func(where, what string)) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		f, known := t.Field(k)
		switch {
		case !known:
			report(where, fmt.Sprintf("unknown key %q%s", k, yamldoc.Hint(k, t.fieldNames())))
		case m[k] == nil && f.Optional:
		default:
			f.check(m[k], join(where, k), report)
		}
	}
	for _, f := range t.Fields {
		if _, given := m[f.Name]; !given && !f.Optional {
			report(where, fmt.Sprintf("the key %q is missing", f.Name))
		}
	}
}

// check is Type.check and the field's own list of values.
func (f Field) check(value any, where string, report func(where, what string)) {
	f.Type.check(value, where, report)
	if s, ok := value.(string); ok {
		if what := f.checkEnum(s); what != "" {
			report(where, what)
		}
	}
}

func (f Field) checkEnum(s string) string {
	if len(f.Enum) == 0 || slices.Contains(f.Enum, s) {
		return ""
	}
	hint := ""
	if near := yamldoc.Suggest(s, f.Enum); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("%q is not one of %s%s", s, strings.Join(f.Enum, ", "), hint)
}

// checkScalar says what is wrong with a value of a simple type, or nothing.
func (t *Type) checkScalar(value any) string {
	switch t.Kind {
	case TypeString:
		if _, ok := value.(string); ok {
			return ""
		}
		return "want text, found " + describeValue(value)
	case TypeBool:
		if _, ok := value.(bool); ok {
			return ""
		}
		return "want true or false, found " + describeValue(value)
	case TypeInt:
		if _, ok := wholeNumber(value); ok {
			return ""
		}
		return "want a whole number, found " + describeValue(value)
	case TypeNumber:
		switch value.(type) {
		case int, int64, float64:
			return ""
		}
		return "want a number, found " + describeValue(value)
	case TypeDuration:
		s, ok := value.(string)
		if !ok {
			return "want a duration like 1h30m, found " + describeValue(value)
		}
		if _, err := ParseDuration(s); err != nil {
			return err.Error()
		}
	case TypeTime:
		s, ok := value.(string)
		if !ok {
			return "want a time like 2026-11-21T02:14:00Z, found " + describeValue(value)
		}
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return fmt.Sprintf("%q is not a time; write it like 2026-11-21T02:14:00Z", s)
		}
	}
	return ""
}

// wholeNumber reads an int however JSON or Go carried it.
func wholeNumber(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case float64:
		const exact = 1 << 53 // beyond it a float64 skips whole numbers
		if n == math.Trunc(n) && math.Abs(n) <= exact {
			return int64(n), true
		}
	}
	return 0, false
}

// describeValue names a JSON-shaped value, for "want …, found …".
func describeValue(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		const most = 40
		if r := []rune(v); len(r) > most {
			v = string(r[:most]) + "…"
		}
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprintf("the bool %t", v)
	case int, int64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return fmt.Sprintf("a %T", value)
}

func (t *Type) fieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

func join(where, name string) string {
	if where == "" {
		return name
	}
	return where + "." + name
}
