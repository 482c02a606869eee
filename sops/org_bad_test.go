package sops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// Every rule of org.yaml has a file in testdata/org/bad that breaks it, named for it, and beside it the
// problems to be reported.
func TestEveryRuleOfTheOrgReportsItsProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/org/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			o, ps := sops.ParseOrg("org.yaml", src)
			require.Nil(t, o)
			golden := strings.TrimSuffix(f, ".yaml") + ".problems"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(ps.Error()+"\n"), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), ps.Error()+"\n")
		})
	}
}

func TestAnOrgThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	for what, src := range map[string]string{
		"policy \"a\" has more than 20 tiers":              "people: {ann: {email: a@example.org}}\npolicies: {a: {tiers: [" + strings.Repeat("{page: [ann], wait: 5m},", 21) + "]}}",
		"rotation a lists more than 500":                   "people: {ann: {email: a@example.org}}\nrotations: {a: {every: 1w, from: 2026-01-05, members: [" + strings.Repeat("ann,", 501) + "]}}",
		"scale \"a\" has 21 grades":                        "severities: {a: [" + strings.Repeat("{id: P1},", 21) + "]}",
		"more than 200 rules":                              "classification: [" + strings.Repeat("{id: a, if: 'true', level: b},", 201) + "]",
		"the file is longer than 2.0 MiB":                  "# " + strings.Repeat("x", 2<<20),
		"\"" + strings.Repeat("x", 64) + "\" is not an id": "people: {" + strings.Repeat("x", 64) + ": {}}",
	} {
		if src == "" {
			continue
		}
		_, ps := sops.ParseOrg("org.yaml", []byte(src))
		require.ErrorContains(t, ps.Err(), what)
	}
}
