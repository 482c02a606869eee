package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/workflows"
)

// tour has every kind of step that the engine carries out.
const tour = `
sop: tour
title: Tour of the engine
inputs: {fail: {type: bool, default: false}}
within: 10m
phases:
  - id: first
    title: One after the other
    within: 5m
    steps:
      - {id: targets, uses: targets.list, expect: size(outputs.docker) == 0}
      - {id: skipped, uses: targets.list, if: inputs.fail && !inputs.fail}
      - {id: nap, wait: 100ms, within: 1ms}
      - {id: broken, uses: exec.run, with: {command: absent}, on_failure: continue}
  - id: second
    title: Side by side
    steps:
      - id: both
        parallel:
          - {id: left, uses: journal.recent}
          - {id: right, wait: 50ms}
      - id: all
        each: {in: [a, b, c], as: word, at_once: 2, steps: [{id: look, uses: targets.list}, {id: rest, wait: 10ms}]}
      - id: watch
        repeat: {every: 100ms, for: 10s, until: steps.watch-it.status == "succeeded" && steps.all.outputs.items.size() == 3, steps: [{id: watch-it, uses: targets.list}]}
      - {id: other, run: nap}
      - {id: left-running, start: nap}
      - {id: nobody, start: no-such-procedure, if_missing: finding}
  - id: third
    title: The end
    if: inputs.fail
    steps: [{id: fails, uses: exec.run, with: {command: absent}}]
finally:
  - {id: tidy, uses: targets.list}
`

// TestTheEngineReplaysWhatItDid runs every kind of step on a real server and replays the histories, once
// for a run that goes well and once for one that fails. With ORDERLY_RECORD set to a folder they are
// written there (`make record`).
func TestTheEngineReplaysWhatItDid(t *testing.T) {
	t.Parallel()
	h := open(t, setting{
		procedures: map[string]string{"tour.yaml": tour, "nap.yaml": strings.ReplaceAll(nap, "5s", "10ms")},
		config:     "targets: {}\nexec:\n  absent: {argv: [/no/such/program]}\n",
	})
	c := h.temporal()
	for name, want := range map[string]struct {
		args []string
		exit int
	}{
		"tour-succeeded": {nil, 0},
		"tour-failed":    {[]string{"-i", "fail=true"}, 1},
	} {
		said := h.orderly(append([]string{"start", "tour", "--watch"}, want.args...)...)
		require.Equal(t, want.exit, said.exit, said.stdout+said.stderr)
		requireReplays(t, c, latest(t, h, "tour"), name)
	}
	require.Zero(t, h.orderly("start", "nap", "--watch").exit)
	requireReplays(t, c, latest(t, h, "nap"), "nap-succeeded")
}

func requireReplays(t *testing.T, c client.Client, id, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	whole := &historypb.History{}
	events := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		whole.Events = append(whole.Events, e)
	}
	replayer := worker.NewWorkflowReplayer()
	workflows.Register(replayer, workflows.Options{Catalogue: activities.Catalogue()})
	require.NoError(t, replayer.ReplayWorkflowHistory(nil, whole), name)
	if dir := os.Getenv("ORDERLY_RECORD"); dir != "" {
		data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(whole)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), append(data, '\n'), 0o644))
	}
}
