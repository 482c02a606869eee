package sops_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

var update = flag.Bool("update", false, "write what is found into testdata/bad/*.problems")

// Every rule has a file in testdata/bad that breaks it, named for it, and beside it the problems to be
// reported.
func TestEveryRuleReportsItsProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	env := sops.Env{
		Catalogue:  catalogue(),
		Targets:    map[string][]string{"postgres": {"docs-db"}},
		Commands:   []string{"app-restart"},
		Procedures: others(t),
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			p, ps := sops.Parse(filepath.Base(f), src, env)
			require.Nil(t, p)
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

// others are the procedures that the bad ones start.
func others(t *testing.T) func(id string) (*sops.Procedure, bool) {
	known := map[string]*sops.Procedure{}
	for file, src := range map[string]string{
		"investigation.yaml": "sop: investigation\ntitle: I\ninputs: {reason: {type: string, required: true}}\nphases: [{id: a, steps: [{id: b, wait: 5m}]}]\n",
		"roundabout.yaml":    "sop: roundabout\ntitle: R\nphases: [{id: a, steps: [{id: b, run: run-cycle}]}]\n",
		"run-cycle.yaml":     "sop: run-cycle\ntitle: C\nphases: [{id: a, steps: [{id: b, run: roundabout}]}]\n",
	} {
		p := parse(t, file, src)
		known[p.ID] = p
	}
	return func(id string) (*sops.Procedure, bool) { p, ok := known[id]; return p, ok }
}

func TestEveryProblemOfAnExpressionIsReported(t *testing.T) {
	t.Parallel()
	_, problems := sops.Parse("x.yaml", []byte(`sop: x
title: X
phases:
  - id: one
    steps:
      - {id: dump, uses: http.check, with: {url: x}}
      - {id: e, uses: http.check, with: {url: x}, expect: outputs.meann < 3.0 && steps.dumb.status == "failed" && steps.dump.outputs.mean > 1.0}
`), sops.Env{Catalogue: catalogue()})
	require.EqualError(t, problems.Err(), `x.yaml:7:67: no field "meann"; did you mean "mean"?
x.yaml:7:88: no step "dumb"; did you mean "dump"?`)
}
