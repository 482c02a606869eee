package sops

import "reflect"

// TypeKind is the shape of a value that a procedure can name.
type TypeKind string

// The shapes.
const (
	TypeString   TypeKind = "string"
	TypeInt      TypeKind = "int"
	TypeNumber   TypeKind = "number" // a float64
	TypeBool     TypeKind = "bool"
	TypeDuration TypeKind = "duration" // JSON: "1h30m"; CEL: duration
	TypeTime     TypeKind = "time"     // JSON: RFC 3339; CEL: timestamp
	TypeList     TypeKind = "list"
	TypeMap      TypeKind = "map" // string keys
	TypeObject   TypeKind = "object"
	TypeAny      TypeKind = "any"
)

// Type describes a value: for checking `with`, for typing expressions, for the JSON Schema and for the
// reference. Types are made from Go types by TypeOf and never changed.
type Type struct {
	Kind TypeKind
	// Name of an object: its Go type's, qualified by package ("docker.Container").
	Name   string
	Elem   *Type   // of a list or map
	Fields []Field // of an object, in the order of declaration
}

// Field is one member of an object.
type Field struct {
	Name     string // as in JSON
	Type     *Type
	Doc      string   // struct tag `doc:"…"`
	Optional bool     // JSON tag has omitempty or omitzero
	Enum     []string // struct tag `enum:"a,b"`
	Default  string   // struct tag `default:"…"`: documentation of what absence means
	// Target is the kind of target the value names, from the struct tag `target:"postgres"`.
	Target string
	// key is the name in JSON when expressions need another: a dash is a minus there.
	key string
}

// jsonName is the member's name in JSON.
func (f Field) jsonName() string {
	if f.key != "" {
		return f.key
	}
	return f.Name
}

// Field finds a member of an object by its JSON name.
func (t *Type) Field(name string) (Field, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// TypeOf describes the Go type T. Struct tags give it its words: `json` the name and optionality, `doc`
// the meaning, `enum`, `default` and `target` as Field says. A field tagged `json:"-"` is left out;
// embedded structs are flattened; a pointer is its element, optional. Types that procedures can't hold
// (channels, functions, maps without string keys) panic: they are programming errors.
func TypeOf[T any]() *Type { return typeOf(reflect.TypeFor[T]()) }
