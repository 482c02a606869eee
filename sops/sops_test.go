package sops_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// The actions that the samples use.
type (
	database struct {
		Database string        `json:"database" target:"postgres"`
		MaxAge   sops.Duration `json:"max_age,omitzero"`
	}
	restore struct {
		Database string `json:"database" target:"postgres"`
		Backup   string `json:"backup"`
		DryRun   bool   `json:"dry_run,omitempty"`
	}
	backup struct {
		Key   string        `json:"key"`
		Bytes int64         `json:"bytes"`
		Took  sops.Duration `json:"took"`
		At    time.Time     `json:"at"`
	}
	check struct {
		URL     string   `json:"url" doc:"What to ask."`
		Samples int      `json:"samples,omitempty" default:"1"`
		Factor  float64  `json:"factor,omitempty"`
		Mode    string   `json:"mode,omitempty" enum:"fast,thorough"`
		Follow  bool     `json:"follow,omitempty"`
		Tags    []string `json:"tags,omitempty"`
	}
	probe struct {
		OK     bool              `json:"ok"`
		Status int               `json:"status"`
		Mean   float64           `json:"mean"`
		Health string            `json:"health,omitempty"`
		Labels map[string]string `json:"labels,omitempty"`
	}
	probes struct {
		Items []probe `json:"items"`
	}
	log struct {
		Text     string         `json:"text,omitempty"`
		Findings []finding      `json:"findings,omitempty"`
		Extra    map[string]any `json:"extra,omitempty"`
	}
	finding struct {
		Severity string `json:"severity" enum:"critical,warning,info"`
		Check    string `json:"check"`
		Text     string `json:"text"`
		Act      string `json:"act,omitempty"`
	}
	run struct {
		Command string   `json:"command" target:"command"`
		Args    []string `json:"args,omitempty"`
	}
	nothing struct{}
)

func action[In, Out any](name string) sops.Action {
	return sops.Action{Name: name, Input: sops.TypeOf[In](), Output: sops.TypeOf[Out](), Timeout: time.Minute}
}

func catalogue() *sops.Catalogue {
	return sops.NewCatalogue(
		action[database, nothing]("backup.verify-latest"),
		action[database, backup]("postgres.backup"),
		action[restore, nothing]("postgres.restore"),
		action[nothing, nothing]("report.maintenance"),
		action[check, probe]("http.check"),
		action[check, probes]("http.checks"),
		action[log, nothing]("report.findings"),
		action[run, nothing]("exec.run"),
	)
}

func parse(t testing.TB, file, src string) *sops.Procedure {
	t.Helper()
	p, ps := sops.Parse(file, []byte(src), sops.Env{Catalogue: catalogue()})
	require.NoError(t, ps.Err())
	return p
}

func TestEveryGoodSampleLoads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			p := parse(t, f, string(src))
			_, err = json.Marshal(p)
			require.NoError(t, err)
		})
	}
}

const evaluated = `
sop: x
title: X
inputs:
  n: {type: int, default: 3}
  max-age: {type: duration, default: 2d}
phases:
  - id: one
    steps:
      - {id: list-them, uses: http.checks, with: {url: "http://x"}}
      - id: loop
        each:
          in: ${{ steps.list-them.outputs.items.filter(i, !i.ok) }}
          as: probe
          steps:
            - {id: log-it, uses: report.findings, with: {text: "${{ probe.status }} of ${{ item.mean }}"}}
      - {id: off, if: "steps.loop.status == 'failed'", uses: http.check, with: {url: x}}
      - id: say
        if: steps.off.status == "skipped" && !has(steps.off.outputs.health)
        uses: report.findings
        with:
          text: |
            max ${{ inputs.max-age }} n ${{ inputs.n + 1 }} bad ${{ steps.loop.outputs.items.map(i, i.steps.log-it.status).join(",") }}
          extra: {bad: "${{ steps.off.outputs.mean }}", m: "${{ {'b': 1, 'a': [2.5]} }}"}
`

func TestExpressionsSeeWhatRan(t *testing.T) {
	t.Parallel()
	p := parse(t, "x.yaml", evaluated)
	in, err := p.CheckInputs(map[string]any{"n": 4.0})
	require.NoError(t, err)
	views := map[string]sops.StepView{
		"list-them": {Status: "succeeded", Outputs: json.RawMessage(`{"items":[{"ok":false,"status":500,"mean":1},{"ok":true}]}`)},
		"loop":      {Status: "succeeded", Outputs: json.RawMessage(`{"items":[{"item":{},"status":"failed","steps":{"log-it":{"status":"failed"}}}]}`)},
		"off":       {Status: "skipped"},
	}
	scope := func() *sops.Scope {
		return &sops.Scope{Inputs: in, Step: func(id string) (sops.StepView, bool) { v, ok := views[id]; return v, ok }}
	}
	steps := map[string]*sops.Step{}
	for s := range p.Steps() {
		steps[s.ID] = s
	}
	items, err := steps["loop"].Each.In.Eval(scope())
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"ok": false, "status": int64(500), "mean": 1.0}}, items)

	inner := scope()
	inner.Items = map[string]any{"probe": items.([]any)[0], "item": items.([]any)[0]}
	with, err := steps["log-it"].With.Eval(inner)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"text": "500 of 1"}, with)

	ok, err := steps["say"].If.Bool(scope())
	require.NoError(t, err)
	require.True(t, ok)
	_, err = steps["say"].With.Eval(scope())
	require.ErrorContains(t, err, "x.yaml:24:29: steps.off.outputs.mean: step off was skipped, so it has no outputs")
}
