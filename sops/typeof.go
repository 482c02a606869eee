package sops

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"strings"
	"time"
)

var (
	timeType          = reflect.TypeFor[time.Time]()
	goDurationType    = reflect.TypeFor[time.Duration]()
	durationType      = reflect.TypeFor[Duration]()
	rawType           = reflect.TypeFor[json.RawMessage]()
	numberType        = reflect.TypeFor[json.Number]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// typeOf describes a Go type as TypeOf says.
func typeOf(t reflect.Type) *Type { return describe(t, nil) }

// describe walks a type; inside are the structs it stands in, so that a recursive type is noticed.
func describe(t reflect.Type, inside []reflect.Type) *Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == timeType:
		return &Type{Kind: TypeTime}
	case t == durationType:
		return &Type{Kind: TypeDuration}
	case t == goDurationType:
		panic("a time.Duration is nanoseconds in JSON; use sops.Duration")
	case t == rawType, t.Kind() == reflect.Interface:
		return &Type{Kind: TypeAny}
	case t == numberType:
		return &Type{Kind: TypeNumber}
	case t.Implements(textMarshalerType), reflect.PointerTo(t).Implements(textMarshalerType):
		return &Type{Kind: TypeString}
	}
	switch t.Kind() {
	case reflect.String:
		return &Type{Kind: TypeString}
	case reflect.Bool:
		return &Type{Kind: TypeBool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Type{Kind: TypeInt}
	case reflect.Float32, reflect.Float64:
		return &Type{Kind: TypeNumber}
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return &Type{Kind: TypeString} // base64
		}
		return &Type{Kind: TypeList, Elem: describe(t.Elem(), inside)}
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic("procedures can't hold " + t.String() + ": a map's keys are strings")
		}
		return &Type{Kind: TypeMap, Elem: describe(t.Elem(), inside)}
	case reflect.Struct:
		return describeStruct(t, inside)
	}
	panic("procedures can't hold " + t.String())
}

func describeStruct(t reflect.Type, inside []reflect.Type) *Type {
	for _, outer := range inside {
		if outer == t {
			panic("procedures can't hold " + t.String() + ": it holds itself")
		}
	}
	o := &Type{Kind: TypeObject, Name: t.Name()}
	if pkg := path.Base(t.PkgPath()); t.Name() != "" && pkg != "." {
		o.Name = pkg + "." + t.Name()
	}
	o.Fields = describeFields(t, append(inside[:len(inside):len(inside)], t))
	return o
}

func describeFields(t reflect.Type, inside []reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && opts == "" {
			continue
		}
		if f.Anonymous && name == "" {
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct && embedded != timeType {
				fields = append(fields, describeFields(embedded, inside)...)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, describeField(f, name, opts, inside))
	}
	return fields
}

func describeField(f reflect.StructField, name, opts string, inside []reflect.Type) Field {
	field := Field{
		Name:    name,
		Type:    describe(f.Type, inside),
		Doc:     f.Tag.Get("doc"),
		Default: f.Tag.Get("default"),
		Target:  f.Tag.Get("target"),
	}
	for opt := range strings.SplitSeq(opts, ",") {
		field.Optional = field.Optional || opt == "omitempty" || opt == "omitzero"
	}
	field.Optional = field.Optional || f.Type.Kind() == reflect.Pointer
	if e := f.Tag.Get("enum"); e != "" {
		field.Enum = strings.Split(e, ",")
	}
	return field
}
