package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestSchemasTakeWhatWeWrite(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{"procedure": checkYAML, "config": "temporal: {address: \"127.0.0.1:7233\"}\n", "org": orgYAML} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			got := newBench(t).orderly("schema", what)
			require.Equal(t, exitOK, got.code, got.notice)
			parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(got.out))
			require.NoError(t, err)
			c := jsonschema.NewCompiler()
			require.NoError(t, c.AddResource("mem://schema.json", parsed))
			s, err := c.Compile("mem://schema.json")
			require.NoError(t, err)
			require.NoError(t, s.Validate(instance(t, text)))
			require.Error(t, s.Validate(instance(t, "nonsense: true\n")))
		})
	}
	require.Equal(t, exitUsage, newBench(t).orderly("schema", "nonsense").code)
}

// instance is YAML as JSON has it.
func instance(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal([]byte(text), &v))
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	require.NoError(t, err)
	return out
}
