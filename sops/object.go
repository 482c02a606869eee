package sops

import (
	"errors"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// objectCELType is the run-time type of every object. What its members are is known before, to the
// checker.
var objectCELType = types.NewObjectType("object")

// object is a value with members known by name. An absent member reads as the zero value of its type,
// while has() tells it from a present one.
type object struct {
	typ    *Type
	values map[string]any
	// absent, when not empty, says why there are no values at all: reading a member is that error.
	absent string
	known  map[string]ref.Val // members made already
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(want reflect.Type) (any, error) { return nativeOf(o, want) }

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(want ref.Type) ref.Val {
	if want == types.TypeType {
		return objectCELType
	}
	return types.NewErr("an object is not a %s", want.TypeName())
}

// Equal implements ref.Val: objects are equal when all their members are.
func (o *object) Equal(other ref.Val) ref.Val {
	b, ok := other.(*object)
	if !ok {
		return types.False
	}
	if o.absent != "" || b.absent != "" {
		return types.NewErr("%s", o.absent+b.absent)
	}
	if len(o.typ.Fields) != len(b.typ.Fields) {
		return types.False
	}
	for _, f := range o.typ.Fields {
		if _, has := b.typ.Field(f.Name); !has {
			return types.False
		}
		if eq := types.Equal(o.member(f), b.member(f)); eq != types.True {
			return eq
		}
	}
	return types.True
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return objectCELType }

// Value implements ref.Val.
func (o *object) Value() any { return o }

// Get implements traits.Indexer.
func (o *object) Get(name ref.Val) ref.Val {
	key, _ := name.(types.String)
	if o.absent != "" {
		return types.NewErr("%s", o.absent)
	}
	f, ok := o.typ.Field(string(key))
	if !ok {
		return types.NewErr("no such field %q", string(key))
	}
	return o.member(f)
}

// IsSet implements traits.FieldTester, which answers has().
func (o *object) IsSet(name ref.Val) ref.Val {
	key, _ := name.(types.String)
	f, ok := o.typ.Field(string(key))
	return types.Bool(ok && o.absent == "" && o.values[f.jsonName()] != nil)
}

func (o *object) member(f Field) ref.Val {
	v := o.values[f.jsonName()]
	if rv, ok := v.(ref.Val); ok {
		return rv
	}
	switch f.Type.Kind {
	case TypeList, TypeMap, TypeObject, TypeAny:
	default:
		return toValue(f.Type, v)
	}
	if known, ok := o.known[f.Name]; ok {
		return known
	}
	if o.known == nil {
		o.known = map[string]ref.Val{}
	}
	val := toValue(f.Type, v)
	o.known[f.Name] = val
	return val
}

// native is the object as JSON, absent members left out.
func (o *object) native(b *budget) (any, error) {
	if o.absent != "" {
		return nil, errors.New(o.absent)
	}
	out := map[string]any{}
	for _, f := range o.typ.Fields {
		if o.values[f.jsonName()] == nil && f.Optional {
			continue
		}
		v, err := b.native(o.member(f))
		if err != nil {
			return nil, err
		}
		out[f.jsonName()] = v
	}
	return out, nil
}
