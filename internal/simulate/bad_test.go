package simulate_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
)

var update = flag.Bool("update", false, "write what is found into testdata/bad/*.problems")

// Every rule has a file in testdata/bad that breaks it, named for it, and beside it the problems to be reported.
func TestEveryRuleReportsItsProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	env := envOf(t, sources(release))
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			s, ps := simulate.Parse(filepath.Base(f), src, env)
			require.Nil(t, s)
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

// FuzzParse looks for a scenario that crashes the reader, or is not the same again.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(month()[:4000]))
	f.Add([]byte(answered))
	env := envOf(f, sources(release))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, ps := simulate.Parse("tests/release/x.yaml", src, env)
		if (s == nil) == (len(ps) == 0) {
			t.Fatalf("a scenario and %d problems", len(ps))
		}
		again, ps2 := simulate.Parse("tests/release/x.yaml", src, env)
		if (again == nil) != (s == nil) || ps.Error() != ps2.Error() {
			t.Fatalf("not the same again:\n%v\n%v", ps, ps2)
		}
	})
}
