package sops

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// adapter makes CEL values of Go values. Every map it makes iterates in the order of its keys, so that an
// expression gives the same result whenever it is evaluated.
type adapter struct{}

// NativeToValue implements types.Adapter.
func (adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case ref.Val:
		return v
	case map[ref.Val]ref.Val:
		return newSortedMap(v)
	case []ref.Val:
		return types.NewRefValList(adapter{}, v)
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// decodeJSON reads JSON keeping whole numbers whole.
func decodeJSON(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// toValue makes the CEL value of a JSON-shaped one. t may be nil for any; a value that is not of its
// type becomes an error value, absence becomes the zero value.
func toValue(t *Type, v any) ref.Val {
	if t == nil || t.Kind == TypeAny {
		return anyValue(v)
	}
	if v == nil {
		return zeroValue(t)
	}
	switch t.Kind {
	case TypeList:
		if items, ok := asList(v); ok {
			return listValue(t.Elem, items)
		}
	case TypeMap:
		if m, ok := v.(map[string]any); ok {
			return mapValue(t.Elem, m)
		}
	case TypeObject:
		if m, ok := v.(map[string]any); ok {
			return &object{typ: t, values: m}
		}
	default:
		return scalarValue(t.Kind, v)
	}
	return types.NewErr("want a %s, found %s", t.Kind, describeValue(v))
}

func asList(v any) ([]any, bool) {
	switch l := v.(type) {
	case []any:
		return l, true
	case []string:
		out := make([]any, len(l))
		for i, s := range l {
			out[i] = s
		}
		return out, true
	}
	return nil, false
}

func listValue(elem *Type, items []any) ref.Val {
	vals := make([]ref.Val, len(items))
	for i, item := range items {
		vals[i] = toValue(elem, item)
	}
	return types.NewRefValList(adapter{}, vals)
}

func mapValue(elem *Type, m map[string]any) ref.Val {
	vals := make(map[ref.Val]ref.Val, len(m))
	for k, v := range m {
		vals[types.String(k)] = toValue(elem, v)
	}
	return newSortedMap(vals)
}

func scalarValue(kind TypeKind, v any) ref.Val {
	switch x := v.(type) {
	case string:
		return textValue(kind, x)
	case bool:
		if kind == TypeBool {
			return types.Bool(x)
		}
	case time.Time:
		if kind == TypeTime {
			return types.Timestamp{Time: x.UTC()}
		}
	case Duration:
		if kind == TypeDuration {
			return types.Duration{Duration: x.D()}
		}
	default:
		if n, ok := number(v); ok {
			switch kind {
			case TypeNumber:
				return types.Double(n)
			case TypeInt:
				if i, whole := wholeValue(v); whole {
					return types.Int(i)
				}
			}
		}
	}
	return types.NewErr("want a %s, found %s", kind, describeValue(v))
}

// textValue reads the kinds that JSON carries as text.
func textValue(kind TypeKind, s string) ref.Val {
	switch kind {
	case TypeString:
		return types.String(s)
	case TypeDuration:
		d, err := ParseDuration(s)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.Duration{Duration: d.D()}
	case TypeTime:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return types.NewErr("%q is not a time", s)
		}
		return types.Timestamp{Time: at.UTC()}
	}
	return types.NewErr("want a %s, found %s", kind, describeValue(s))
}

// number reads a number however it is held.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	}
	return 0, false
}

// wholeValue is wholeNumber, and reads json.Number exactly.
func wholeValue(v any) (int64, bool) {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return i, true
		}
		f, err := n.Float64()
		if err != nil {
			return 0, false
		}
		return wholeNumber(f)
	}
	return wholeNumber(v)
}

// anyValue makes the CEL value of JSON of no known type. A number without a fraction is an int however it
// was written, because JSON does not keep the difference.
func anyValue(v any) ref.Val {
	switch x := v.(type) {
	case nil:
		return types.NullValue
	case string:
		return types.String(x)
	case bool:
		return types.Bool(x)
	case map[string]any:
		return mapValue(nil, x)
	case time.Time:
		return types.Timestamp{Time: x.UTC()}
	}
	if items, ok := asList(v); ok {
		return listValue(nil, items)
	}
	if i, ok := wholeValue(v); ok {
		return types.Int(i)
	}
	if f, ok := number(v); ok {
		return types.Double(f)
	}
	return types.NewErr("expressions can't hold a %T", v)
}

// zeroValue is what an absent value of a type reads as.
func zeroValue(t *Type) ref.Val {
	switch t.Kind {
	case TypeString:
		return types.String("")
	case TypeInt:
		return types.IntZero
	case TypeNumber:
		return types.Double(0)
	case TypeBool:
		return types.False
	case TypeDuration:
		return types.Duration{}
	case TypeTime:
		return types.Timestamp{Time: time.Time{}}
	case TypeList:
		return types.NewRefValList(adapter{}, nil)
	case TypeMap:
		return newSortedMap(nil)
	case TypeObject:
		return &object{typ: t}
	}
	return types.NullValue
}

// budget bounds what the results of expressions may hold in all: a worker has to store them.
type budget struct{ values, bytes int }

func newBudget() *budget { return &budget{values: maxCells, bytes: 2 * maxBytes} }

func (b *budget) spend(v ref.Val) error {
	b.values--
	b.bytes -= textLen(v)
	if b.values < 0 || b.bytes < 0 {
		return errors.New("the result is too large")
	}
	return nil
}

// fromValue is budget.native for one value.
func fromValue(v ref.Val) (any, error) { return newBudget().native(v) }

// native makes a JSON-shaped value of a CEL value: map[string]any, []any, string, bool, int64, float64,
// nil. Durations and times become text.
func (b *budget) native(v ref.Val) (any, error) {
	if err := b.spend(v); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case types.Null:
		return nil, nil
	case types.String:
		return string(x), nil
	case types.Bool:
		return bool(x), nil
	case types.Int:
		return int64(x), nil
	case types.Uint:
		if x > math.MaxInt64 {
			return nil, fmt.Errorf("%d does not fit into 64 bits", x)
		}
		return int64(x), nil
	case types.Double:
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("the result is %v, which is not a number JSON can hold", f)
		}
		return float64(x), nil
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(x), nil
	case types.Duration:
		return Duration(x.Duration).String(), nil
	case types.Timestamp:
		return x.UTC().Format(time.RFC3339Nano), nil
	case *object:
		return x.native(b)
	case *types.Err:
		return nil, x
	case traits.Mapper:
		return b.mapping(x)
	case traits.Lister:
		return b.list(x)
	}
	return nil, fmt.Errorf("a %s is not a value", v.Type().TypeName())
}

func (b *budget) list(l traits.Lister) (any, error) {
	n := length(l)
	out := make([]any, n)
	for i := range n {
		v, err := b.native(l.Get(types.Int(i)))
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (b *budget) mapping(m traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		key, ok := k.(types.String)
		if !ok {
			return nil, fmt.Errorf("a map's keys have to be text, found a %s", k.Type().TypeName())
		}
		v, err := b.native(m.Get(k))
		if err != nil {
			return nil, err
		}
		out[string(key)] = v
	}
	return out, nil
}

// textOf is a JSON-shaped value inside a longer text.
func textOf(v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	}
	text, err := json.Marshal(v) // sorts keys
	return string(text), err
}

// nativeOf answers CEL's own conversions, which only its own functions ask for.
func nativeOf(v ref.Val, want reflect.Type) (any, error) {
	native, err := fromValue(v)
	if err != nil {
		return nil, err
	}
	if rv := reflect.ValueOf(native); rv.IsValid() && rv.Type().AssignableTo(want) {
		return native, nil
	}
	return nil, fmt.Errorf("can't make a %s of a %s", want, v.Type().TypeName())
}
