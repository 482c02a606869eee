package sops

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// JSONSchema is the JSON Schema (draft 2020-12) of a procedure file, for editors. It is made from the
// document types and the actions of cat, and says what keys and shapes there are; Parse knows more.
func JSONSchema(cat *Catalogue) ([]byte, error) {
	return documentSchema("Orderly procedure", reflect.TypeFor[Procedure](), cat)
}

// OrgSchema is the JSON Schema (draft 2020-12) of org.yaml, for editors. ParseOrg knows more.
func OrgSchema() ([]byte, error) {
	return documentSchema("Orderly org", reflect.TypeFor[Org](), nil)
}

func documentSchema(title string, t reflect.Type, cat *Catalogue) ([]byte, error) {
	s := schemas{defs: map[string]any{}, cat: cat}
	root := s.of(t, nil)
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   title,
		"$ref":    root["$ref"],
		"$defs":   s.defs,
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %s: %w", title, err)
	}
	return append(text, '\n'), nil
}

// schema is one JSON Schema.
type schema = map[string]any

type schemas struct {
	defs map[string]any // by name of the Go type
	cat  *Catalogue
}

const (
	durationPattern = `^([0-9]+w)?([0-9]+d)?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$`
	templatePattern = `\$\{\{`
)

// of is the schema of a document type. enum lists the texts allowed.
func (s *schemas) of(t reflect.Type, enum []string) schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return schema{"type": "string", "pattern": durationPattern, "minLength": 1}
	case reflect.TypeFor[Span]():
		return schema{"anyOf": []any{s.of(reflect.TypeFor[Duration](), nil), schema{"const": nextBusinessDay}}}
	case reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case reflect.TypeFor[Date]():
		return schema{"type": "string", "format": "date"}
	case reflect.TypeFor[Expr]():
		return schema{"type": []string{"string", "boolean"}, "description": "a CEL expression"}
	case reflect.TypeFor[Template]():
		return schema{"type": "string", "minLength": 1, "description": "text that may hold ${{ }}"}
	case reflect.TypeFor[Value]():
		return schema{"not": schema{"type": "null"}, "description": "a value whose texts may hold ${{ }}"}
	case reflect.TypeFor[Wait]():
		return schema{"anyOf": []any{s.of(reflect.TypeFor[Duration](), nil), s.wait()}}
	}
	switch t.Kind() {
	case reflect.String:
		if len(enum) > 0 {
			return schema{"enum": enum}
		}
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int:
		return schema{"type": "integer"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Slice:
		return schema{"type": "array", "items": s.of(t.Elem(), enum)}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.of(t.Elem(), enum)}
	case reflect.Struct:
		return s.structure(t)
	}
	return schema{} // any
}

// wait is the long form of a wait.
func (s *schemas) wait() schema {
	o := s.members(reflect.TypeFor[Wait]())
	o["minProperties"], o["maxProperties"] = 1, 1
	return o
}

// structure puts a struct among the definitions and gives a reference to it.
func (s *schemas) structure(t reflect.Type) schema {
	ref := schema{"$ref": "#/$defs/" + t.Name()}
	if _, known := s.defs[t.Name()]; known {
		return ref
	}
	s.defs[t.Name()] = schema{} // seen: steps hold steps
	o := s.members(t)
	switch t {
	case reflect.TypeFor[Step]():
		o["oneOf"] = kindSchemas()
		s.actions(o)
	case reflect.TypeFor[Undo]():
		s.actions(o)
	}
	s.defs[t.Name()] = o
	return ref
}

func (s *schemas) members(t reflect.Type) schema {
	props, required := schema{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		var enum []string
		if e := f.Tag.Get("enum"); e != "" {
			enum = strings.Split(e, ",")
		}
		prop := s.of(f.Type, enum)
		if doc := f.Tag.Get("doc"); doc != "" {
			prop["description"] = doc
		}
		props[name] = prop
		if f.Tag.Get("required") == "true" {
			required = append(required, name)
		}
	}
	o := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// kindSchemas says that a step has exactly one kind.
func kindSchemas() []any {
	var kinds []any
	for _, k := range Kinds() {
		kinds = append(kinds, schema{"required": []string{string(k)}})
	}
	return kinds
}

// actions names the actions in `uses`, and for each what `with` holds.
func (s *schemas) actions(o schema) {
	if s.cat == nil {
		return
	}
	names := s.cat.Names()
	if props, ok := o["properties"].(schema); ok {
		props["uses"] = schema{"enum": names}
	}
	var rules []any
	for _, name := range names {
		a, _ := s.cat.Action(name)
		key := "with " + name
		s.defs[key] = s.typ(a.Input)
		then := schema{"properties": schema{"with": schema{"$ref": "#/$defs/" + strings.ReplaceAll(key, " ", "%20")}}}
		if needsInput(a.Input) {
			then["required"] = []string{"with"}
		}
		rules = append(rules, schema{
			"if":   schema{"properties": schema{"uses": schema{"const": name}}, "required": []string{"uses"}},
			"then": then,
		})
	}
	o["allOf"] = rules
}

func needsInput(t *Type) bool {
	for _, f := range t.Fields {
		if !f.Optional {
			return true
		}
	}
	return false
}

// typ is the schema of a value written into `with`: of the type, or an expression.
func (s *schemas) typ(t *Type) schema {
	if t == nil || t.Kind == TypeAny {
		return schema{}
	}
	var o schema
	switch t.Kind {
	case TypeString:
		return schema{"type": "string"}
	case TypeTime:
		return schema{"type": "string"}
	case TypeInt:
		o = schema{"type": "integer"}
	case TypeNumber:
		o = schema{"type": "number"}
	case TypeBool:
		o = schema{"type": "boolean"}
	case TypeDuration:
		o = schema{"type": "string", "pattern": durationPattern}
	case TypeList:
		o = schema{"type": "array", "items": s.typ(t.Elem)}
	case TypeMap:
		o = schema{"type": "object", "additionalProperties": s.typ(t.Elem)}
	case TypeObject:
		o = s.object(t)
	}
	return orExpression(o)
}

func orExpression(o schema) schema {
	return schema{"anyOf": []any{o, schema{"type": "string", "pattern": templatePattern}}}
}

func (s *schemas) object(t *Type) schema {
	props, required := schema{}, []string{}
	for _, f := range t.Fields {
		p := s.typ(f.Type)
		if len(f.Enum) > 0 && f.Type.Kind == TypeString {
			p = orExpression(schema{"enum": f.Enum})
		}
		if f.Optional {
			p = schema{"anyOf": []any{p, schema{"type": "null"}}}
		} else {
			required = append(required, f.jsonName())
		}
		if f.Doc != "" {
			p["description"] = f.Doc
		}
		props[f.jsonName()] = p
	}
	o := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}
