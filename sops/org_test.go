package sops_test

import (
	"os"
	"path/filepath"
	"testing"

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
