package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// JSONSchema is the JSON Schema of orderly.yaml, for editors. Every key's meaning comes from the Go types.
func JSONSchema() ([]byte, error) {
	reflector := jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, Mapper: plain}
	schema := reflector.Reflect(&Config{})
	schema.ID = "https://orderly-ops.github.io/orderly/orderly.schema.json"
	schema.Title = "orderly.yaml"
	describe(reflect.TypeFor[Config](), schema.Definitions)
	return json.MarshalIndent(schema, "", "  ")
}

// plain maps the types that are more than their Go kind says.
func plain(t reflect.Type) *jsonschema.Schema {
	switch t {
	case secretType:
		// Any plain value: a password of digits needs no quotes.
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"30s", "5m", "1d"}}
	}
	return nil
}

// describe adds what our own struct tags say to the definition of a struct and of all below it.
func describe(t reflect.Type, definitions jsonschema.Definitions) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	definition := definitions[t.Name()]
	if t.Kind() != reflect.Struct || t == secretType || definition == nil {
		return
	}
	for i := range t.NumField() {
		field := t.Field(i)
		key := field.Tag.Get("yaml")
		property, ok := definition.Properties.Get(key)
		if !ok {
			continue
		}
		definition.Properties.Set(key, document(property, field.Tag))
		if field.Tag.Get("required") == "true" {
			definition.Required = append(definition.Required, key)
		}
		describe(field.Type, definitions)
	}
}

func document(property *jsonschema.Schema, tag reflect.StructTag) *jsonschema.Schema {
	property.Description = tag.Get("doc")
	if values := tag.Get("enum"); values != "" {
		for value := range strings.SplitSeq(values, ",") {
			property.Enum = append(property.Enum, value)
		}
	}
	return property
}
