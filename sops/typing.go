package sops

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// typing tells the expression checker what the objects of one procedure are made of. It serves one
// goroutine while a procedure is checked; evaluation does not need it.
type typing struct {
	objects map[string]*Type // by CEL name
	names   map[*Type]string
	std     types.Provider
}

func newTyping() *typing {
	return &typing{objects: map[string]*Type{}, names: map[*Type]string{}, std: language().CELTypeProvider()}
}

// celName is what CEL calls an object type. The space keeps it from being a name in an expression.
func (ty *typing) celName(t *Type) string {
	if name, ok := ty.names[t]; ok {
		return name
	}
	name := "object " + t.Name
	for i := 2; ; i++ {
		other, taken := ty.objects[name]
		if !taken {
			break
		}
		if reflect.DeepEqual(other, t) {
			ty.names[t] = name
			return name
		}
		name = fmt.Sprintf("object %s (%d)", t.Name, i)
	}
	ty.objects[name], ty.names[t] = t, name
	return name
}

// cel is the type as CEL checks it.
func (ty *typing) cel(t *Type) *types.Type {
	switch t.Kind {
	case TypeString:
		return types.StringType
	case TypeInt:
		return types.IntType
	case TypeNumber:
		return types.DoubleType
	case TypeBool:
		return types.BoolType
	case TypeDuration:
		return types.DurationType
	case TypeTime:
		return types.TimestampType
	case TypeList:
		return types.NewListType(ty.cel(t.Elem))
	case TypeMap:
		return types.NewMapType(types.StringType, ty.cel(t.Elem))
	case TypeObject:
		return types.NewObjectType(ty.celName(t))
	}
	return types.DynType
}

// of is the type that CEL found, as ours; any where ours has none.
func (ty *typing) of(t *types.Type) *Type {
	switch t.Kind() {
	case types.StringKind:
		return &Type{Kind: TypeString}
	case types.IntKind:
		return &Type{Kind: TypeInt}
	case types.DoubleKind:
		return &Type{Kind: TypeNumber}
	case types.BoolKind:
		return &Type{Kind: TypeBool}
	case types.DurationKind:
		return &Type{Kind: TypeDuration}
	case types.TimestampKind:
		return &Type{Kind: TypeTime}
	case types.ListKind:
		return &Type{Kind: TypeList, Elem: ty.of(t.Parameters()[0])}
	case types.MapKind:
		if p := t.Parameters(); p[0].Kind() == types.StringKind {
			return &Type{Kind: TypeMap, Elem: ty.of(p[1])}
		}
	case types.StructKind:
		if o, ok := ty.objects[t.TypeName()]; ok {
			return o
		}
	}
	return &Type{Kind: TypeAny}
}

// EnumValue implements types.Provider.
func (ty *typing) EnumValue(name string) ref.Val { return types.NewErr("unknown enum %q", name) }

// FindIdent implements types.Provider.
func (ty *typing) FindIdent(name string) (ref.Val, bool) { return ty.std.FindIdent(name) }

// FindStructType implements types.Provider.
func (ty *typing) FindStructType(name string) (*types.Type, bool) {
	if _, ok := ty.objects[name]; !ok {
		return nil, false
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

// FindStructFieldNames implements types.Provider.
func (ty *typing) FindStructFieldNames(name string) ([]string, bool) {
	t, ok := ty.objects[name]
	if !ok {
		return nil, false
	}
	return t.fieldNames(), true
}

// FindStructFieldType implements types.Provider.
func (ty *typing) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := ty.objects[name]
	if !ok {
		return nil, false
	}
	f, ok := t.Field(field)
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: ty.cel(f.Type)}, true
}

// NewValue implements types.Provider: expressions make no objects.
func (ty *typing) NewValue(name string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("expressions can't make a %q", name)
}

// extend makes the environment with these variables.
func (ty *typing) extend(base *cel.Env, vars []variable) (*cel.Env, error) {
	opts := []cel.EnvOption{cel.CustomTypeProvider(ty)}
	for _, v := range vars {
		opts = append(opts, cel.Variable(v.name, ty.cel(v.typ)))
	}
	return base.Extend(opts...)
}

// variable is a name that an expression can use.
type variable struct {
	name string
	typ  *Type
}
