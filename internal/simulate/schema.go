package simulate

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/orderly-ops/orderly/workflows"
)

// JSONSchema is the JSON Schema of a scenario file, for editors. It is made of the document types; Parse knows
// more: what procedures, actions and org.yaml say.
func JSONSchema() ([]byte, error) {
	s := schemas{reflector: &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true}}
	s.reflector.Mapper = s.special
	schema := s.reflector.Reflect(&Scenario{})
	schema.ID = "https://orderly-ops.github.io/orderly/scenario.schema.json"
	schema.Title = "Orderly scenario"
	document(reflect.TypeFor[Scenario](), schema.Definitions)
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of scenarios: %w", err)
	}
	return append(text, '\n'), nil
}

type schemas struct{ reflector *jsonschema.Reflector }

// special are the types that are written in more than one way.
func (s schemas) special(t reflect.Type) *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"30s", "5m", "30d"}}
	case reflect.TypeFor[Moment]():
		return &jsonschema.Schema{Type: "string", Pattern: "^(" + momentPattern + ")$", Examples: []any{"+7m", "2026-11-21T02:14:00Z"}}
	case reflect.TypeFor[Script]():
		answer := s.plain(reflect.TypeFor[Answer]())
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{answer, {Type: "array", Items: answer}}}
	case reflect.TypeFor[Fault]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text, s.plain(t)}}
	case reflect.TypeFor[Deed]():
		return deedSchema()
	case reflect.TypeFor[Never]():
		out, one := s.plain(t), uint64(1)
		out.MinProperties, out.MaxProperties = &one, &one
		return out
	case reflect.TypeFor[map[string]Transport]():
		names := &jsonschema.Schema{Type: "string"}
		for _, name := range transportNames {
			names.Enum = append(names.Enum, name)
		}
		return &jsonschema.Schema{Type: "object", PropertyNames: names, AdditionalProperties: s.plain(reflect.TypeFor[Transport]())}
	case reflect.TypeFor[PageWant](), reflect.TypeFor[StepWant]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text, s.plain(t)}}
	case reflect.TypeFor[ClockWant]():
		return &jsonschema.Schema{Type: "string", Pattern: "^(" + strings.Join(clockStates, "|") + ")( .+)?$"}
	}
	return nil
}

// momentPattern is how a time may begin; Parse knows all of it.
const momentPattern = `\+[0-9].*|[0-9]{4}-.+`

// deedSchema is one key, "+7m ana", and what that person does: in words, or a message with its payload. Of an alert
// it is the payload alone.
func deedSchema() *jsonschema.Schema {
	one := uint64(1)
	messages := jsonschema.NewProperties()
	for _, name := range Messages() {
		if name != workflows.MessageAlert {
			messages.Set(name, payloadSchema(name))
		}
	}
	words := &jsonschema.Schema{Type: "string", Pattern: "^(" + strings.Join(sortedKeys(verbs), "|") + ")( .*)?$"}
	message := &jsonschema.Schema{Type: "object", Properties: messages, AdditionalProperties: jsonschema.FalseSchema, MinProperties: &one, MaxProperties: &one}
	return &jsonschema.Schema{
		Type: "object", MinProperties: &one, MaxProperties: &one, Examples: []any{map[string]any{"+7m ana": "acknowledge"}},
		PropertyNames:        &jsonschema.Schema{Type: "string", Pattern: "^(" + momentPattern + ") +[^ ]+$"},
		PatternProperties:    map[string]*jsonschema.Schema{" " + alertBy + "$": payloadSchema(workflows.MessageAlert)},
		AdditionalProperties: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{words, message}},
	}
}

// payloadSchema are the fields of a message.
func payloadSchema(message string) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, field := range payloads[message] {
		out.Properties.Set(field, jsonschema.TrueSchema)
	}
	return out
}

// plain is a struct that is written as a mapping.
func (s schemas) plain(t reflect.Type) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		out.Properties.Set(key, described(s.value(f.Type), f.Tag))
		if f.Tag.Get("required") == "true" {
			out.Required = append(out.Required, key)
		}
	}
	return out
}

// value is the schema of a field of such a struct.
func (s schemas) value(t reflect.Type) *jsonschema.Schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if special := s.special(t); special != nil {
		return special
	}
	switch t.Kind() {
	case reflect.Map:
		return &jsonschema.Schema{Type: "object"}
	case reflect.Struct:
		return s.plain(t)
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.Int:
		return &jsonschema.Schema{Type: "integer"}
	default:
		return &jsonschema.Schema{Type: "string"}
	}
}

// document adds what struct tags say to the definition of a struct and of all below it.
func document(t reflect.Type, definitions jsonschema.Definitions) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	definition := definitions[t.Name()]
	if t.Kind() != reflect.Struct || definition == nil {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		property, ok := definition.Properties.Get(key)
		if !ok {
			continue
		}
		definition.Properties.Set(key, described(property, f.Tag))
		if f.Tag.Get("required") == "true" {
			definition.Required = append(definition.Required, key)
		}
		document(f.Type, definitions)
	}
}

// described adds a field's meaning, and the texts that it allows.
func described(property *jsonschema.Schema, tag reflect.StructTag) *jsonschema.Schema {
	if property.Ref == "" {
		property.Description = tag.Get("doc")
	}
	if values := tag.Get("enum"); values != "" {
		for value := range strings.SplitSeq(values, ",") {
			property.Enum = append(property.Enum, value)
		}
	}
	return property
}
