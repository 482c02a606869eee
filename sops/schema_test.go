package sops_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := sops.JSONSchema(catalogue())
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(text, &doc))
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("procedure.json", doc))
	s, err := c.Compile("procedure.json")
	require.NoError(t, err)
	return s
}

// asJSON is a YAML file as an editor gives it to the schema.
func asJSON(t *testing.T, src []byte) any {
	t.Helper()
	node, ps := yamldoc.Parse("x", src, yamldoc.Limits{})
	require.Empty(t, ps)
	var v any
	require.Empty(t, yamldoc.Decode(node, "x", &v))
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

func TestTheSchemaAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	for _, f := range files {
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, s.Validate(asJSON(t, src)), f)
	}
	require.NoError(t, s.Validate(asJSON(t, []byte(evaluated))))
}

func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	for _, name := range []string{"unknown-key", "wrong-type", "missing-keys", "kinds", "unknown-action", "with-keys", "wait"} {
		src, err := os.ReadFile("testdata/bad/" + name + ".yaml")
		require.NoError(t, err)
		require.Error(t, s.Validate(asJSON(t, src)), name)
	}
}
