package simulate_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// TestEveryShippedScenarioIsReadAndFitsTheSchema is for the files; `orderly test` plays them.
func TestEveryShippedScenarioIsReadAndFitsTheSchema(t *testing.T) {
	t.Parallel()
	from := []sops.Source{{Name: "library", FS: library.FS}}
	env := envOf(t, from)
	schema := compiled(t)
	files, err := simulate.List(from)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		_, problems := f.Parse(env)
		require.NoError(t, problems.Err())
		src, err := f.Read()
		require.NoError(t, err)
		require.NoError(t, schema.Validate(asJSON(t, src)), f.Shown())
	}
}

func TestTheSchemaRefusesWhatParseRefuses(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for _, src := range []string{"expects: {}", "kills: [{at: +3m}]", "expect: {clocks: {run: kept}}", "people: [acknowledge]", "actions: {x: {byts: 1}}",
		"people: [7m ann: acknowledge]", "people: [+7m: acknowledge]", "people: [+7m ann: aknowledge]", "people: [+7m ann: {finish: {}}]",
		"people: [+7m ann: {complete: {stp: x}}]", "people: [+7m alert: acknowledge]", "people: [+7m alert: {ky: x}]", "kills: [{at: 3m, for: 2m}]",
		"transports: {fax: {down: {}}}", "never: [{page: ann, step: x}]", "never: [{}]",
	} {
		require.Error(t, schema.Validate(asJSON(t, []byte(src))), src)
	}
}

func TestTheSchemaTakesWhatParseTakes(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for _, src := range []string{
		"people: [+1h30m ann: acknowledge I have it, 2026-11-21T02:14:00+01:00 bob: {complete: {step: x, form: {a: 1}}}, +7m alert: {key: k, status: firing, summary: s}]",
		"people: [+7m ann: skip x because y, +0s ann: {escalate: {}}]", "kills: [{at: +1d, for: 2m}]", "transports: {slack: {down: {from: +5m}}}", "never: [{page: ann}, {step: x}]",
	} {
		require.NoError(t, schema.Validate(asJSON(t, []byte(src))), src)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := simulate.JSONSchema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("scenario.json", doc))
	schema, err := c.Compile("scenario.json")
	require.NoError(t, err)
	return schema
}

// asJSON is YAML as a validator takes it; times stay text.
func asJSON(t *testing.T, src []byte) any {
	t.Helper()
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal(src, &node))
	plainTimes(&node)
	var v any
	require.NoError(t, node.Decode(&v))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	return out
}

func plainTimes(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, inner := range n.Content {
		plainTimes(inner)
	}
}

func TestAScenarioThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	from := []sops.Source{{Name: "library", FS: library.FS}}
	_, err := simulate.Find(from, "diagnosis", "all-wel")
	require.ErrorContains(t, err, `did you mean "all-well"?`)
	_, err = simulate.Find(from, "nothing", "x")
	require.ErrorContains(t, err, filepath.ToSlash("tests/nothing/"))
}
