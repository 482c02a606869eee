package config

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := JSONSchema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("orderly.json", doc))
	schema, err := c.Compile("orderly.json")
	require.NoError(t, err)
	return schema
}

func TestTheSchemaTakesWhatLoadTakes(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for _, src := range []string{whole, string(defaults), "notify: {webhook: {secret: 12345}}"} {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(src), &doc))
		require.NoError(t, schema.Validate(doc))
	}
	for _, src := range []string{
		"temporl: {}", "http: {listen: [1]}", "targets: {postgres: {db: {}}}", "targets: {s3: {b: {bucket: abc, checksums: never}}}",
		"notify: {email: {host: h, from: a@b.c, tls: maybe}}", "exec: {a: {argv: [/x], max_args: many}}", "File: x",
	} {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(src), &doc))
		require.Error(t, schema.Validate(doc), src)
		_, err := read(t, src, nil)
		require.Error(t, err, src)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Map || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == secretType {
			return
		}
		for i := range typ.NumField() {
			field := typ.Field(i)
			if key := field.Tag.Get("yaml"); key != "" && key != "-" {
				require.NotEmpty(t, field.Tag.Get("doc"), "%s.%s", typ.Name(), field.Name)
				look(field.Type)
			}
		}
	}
	look(reflect.TypeFor[Config]())
}
