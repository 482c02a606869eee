package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
)

// checkYAML is a procedure that the hand-made workflow stands in for.
const checkYAML = `sop: check
title: Check the house
inputs:
  database: {type: string, required: true}
  deep: {type: bool, default: false}
  hosts: {type: list, default: []}
  patience: {type: duration, default: 5m}
key: ${{ inputs.database }}
schedules:
  - {id: morning, cron: "0 6 * * *", with: {database: docs}}
phases:
  - id: probe
    steps:
      - {id: rest, wait: 1s}
`

func (b *bench) procedure(text string) *bench {
	id := strings.TrimSpace(strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "sop:"))
	b.write("sops/"+id+".yaml", text)
	return b
}

// startInput is what a run was started with.
func (b *bench) startInput(workflowID string) map[string]any {
	b.t.Helper()
	events := b.client().GetWorkflowHistory(b.ctx(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	ev, err := events.Next()
	require.NoError(b.t, err)
	var in map[string]any
	payloads := ev.GetWorkflowExecutionStartedEventAttributes().GetInput()
	require.NoError(b.t, converter.GetDefaultDataConverter().FromPayloads(payloads, &in))
	return in
}

func TestStartTypesInputsAndUsesTheKey(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	got := b.orderly("start", "check", "-i", "database=07", "-i", "deep=true", "-i", "hosts=[a, b]", "-i", "patience=1h30m", "--drill", "--json")
	require.Equal(t, exitOK, got.code, got.notice)
	var started startedRun
	got.json(t, &started)
	require.Equal(t, "check/drill-07", started.WorkflowID, "the real thing must never join a drill")
	require.Equal(t, "07", started.Key)
	require.NotEmpty(t, started.RunID)
	require.Contains(t, started.URL, "/workflows/check%2Fdrill-07/")
	require.Equal(t, map[string]any{
		"database": "07", "deep": true, "hosts": []any{"a", "b"}, "patience": "1h30m",
		"_by": "ann", "_drill": true, "_key": "07",
	}, b.startInput("check/drill-07"))
}

func TestStartReadsInputsFromStdin(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	b.stdin = `{"database": "docs", "deep": true}`
	got := b.orderly("start", "check", "--input-file", "-", "-i", "deep=false", "--by", "bob", "--key", "mine")
	require.Equal(t, exitOK, got.code, got.notice)
	require.True(t, strings.HasPrefix(got.out, "check/mine@"), got.out)
	require.Equal(t, map[string]any{"database": "docs", "deep": false, "_by": "bob", "_key": "mine"}, b.startInput("check/mine"))
}

func TestStartRefusesBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	b := newBench(t).procedure(checkYAML)
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"AllWrongInputsAtOnce": {[]string{"check", "-i", "deep=perhaps", "-i", "databse=docs"}, exitUsage, []string{"deep", "databse", "database"}},
		"ABrokenPair":          {[]string{"check", "-i", "database"}, exitUsage, []string{"key=value"}},
		"ASlipOfTheFinger":     {[]string{"chekc"}, exitNotFound, []string{"did you mean check?"}},
		"SomethingThatIsNoID":  {[]string{"Wholly Unlike"}, exitNotFound, []string{"there are: check"}},
		"NoProcedure":          {nil, exitUsage, []string{"See `orderly start --help`"}},
		"AMissingFile":         {[]string{"check", "--input-file", "nowhere.json"}, exitUsage, []string{"nowhere.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.orderly(append([]string{"start"}, test.args...)...)
			require.Equal(t, test.code, got.code, got.notice)
			require.Empty(t, got.out)
			for _, text := range test.says {
				require.Contains(t, got.notice, text)
			}
		})
	}
}

func TestStartNamesTheOpenRunWithThatKey(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	first := b.orderly("start", "check", "-i", "database=docs", "--by", "bob")
	require.Equal(t, exitOK, first.code, first.notice)
	again := b.orderly("start", "check", "-i", "database=docs")
	require.Equal(t, exitOpen, again.code)
	require.Equal(t, first.out, again.out)
	require.Contains(t, again.notice, "check/docs is already open since 2")
	require.Contains(t, again.notice, "started by bob")

	joining := b.following("start", "check", "-i", "database=docs", "--watch", "--json")
	var line startedRun
	require.NoError(t, json.Unmarshal([]byte(joining.until(`"joined":true`)), &line))
	require.Equal(t, "bob", line.By, "who started it, not who joined")
	b.serve()
	b.tell("check/docs", signalFinish, "succeeded")
	joined := joining.end()
	require.Equal(t, exitOK, joined.code, joined.notice)
}

func TestStartLeavesUnknownProceduresToTheWorkers(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	got := b.orderly("start", "water-the-flowers", "-i", "litres=2")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.notice, "the workers decide")
	id, _ := splitRun(strings.TrimSpace(got.out))
	require.True(t, strings.HasPrefix(id, "water-the-flowers/"))
	require.InDelta(t, 2, b.startInput(id)["litres"], 0)
}

func TestStartTellsABrokenFileFromAMissingOne(t *testing.T) {
	t.Parallel()
	b := newBench(t).procedure(checkYAML)
	b.write("sops/broken.yaml", "sop: broken\ntitle: Broken\n")
	got := b.orderly("start", "broken")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.notice, "its file has problems:\n")
	require.Contains(t, got.notice, "broken.yaml:1:1: ")
}

func TestStartLeavesTargetsToTheWorkers(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.procedure("sop: ask\ntitle: Ask\nphases: [{id: a, steps: [{id: x, uses: http.check, with: {target: docs-api}}]}]\n")
	require.Equal(t, exitOK, b.orderly("start", "ask").code)
	require.Equal(t, exitFailed, b.orderly("validate").code, "here it is wrong")
}
