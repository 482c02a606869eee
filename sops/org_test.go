package sops_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// org parses an org that has to be right.
func org(t testing.TB, src string) *sops.Org {
	t.Helper()
	o, problems := sops.ParseOrg("org.yaml", []byte(src))
	require.NoError(t, problems.Err())
	return o
}

func orgFile(t testing.TB, name string) *sops.Org {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata/org/good", name))
	require.NoError(t, err)
	return org(t, string(src))
}

func TestTheExampleOfTheDesignLoads(t *testing.T) {
	t.Parallel()
	o := orgFile(t, "design.yaml")
	require.Equal(t, "P0", o.Severities["platform"][0].ID)
	require.True(t, o.Severities["platform"][2].Respond.NextBusinessDay)
	require.Empty(t, o.People["bob"].Slack)
}

func TestTheShippedOrgHasNoProblem(t *testing.T) {
	t.Parallel()
	o, err := sops.FindOrg([]sops.Source{{Name: "the embedded library", FS: library.FS}})
	require.NoError(t, err)
	require.Equal(t, "the embedded library/org.yaml", o.File)
}

func TestTheSchemaOfTheOrgAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	text, err := sops.OrgSchema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("org.json", doc))
	s, err := c.Compile("org.json")
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/org/good/*.yaml")
	require.NoError(t, err)
	for _, f := range append(files, "library/org.yaml") {
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, s.Validate(asJSON(t, src)), f)
	}
	for _, name := range []string{"unknown-keys", "durations"} {
		src, err := os.ReadFile("testdata/org/bad/" + name + ".yaml")
		require.NoError(t, err)
		require.Error(t, s.Validate(asJSON(t, src)), name)
	}
}

func TestTheExampleOfTheGuideLoads(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/people.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```\n")
	require.True(t, found)
	org(t, example)
}
