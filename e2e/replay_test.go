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
	"go.temporal.io/sdk/interceptor"
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

// sirenOrg pages within seconds.
const sirenOrg = `
people:
  ann: {name: Ann, email: ann@example.org}
  bob: {name: Bob, email: bob@example.org}
roles: {first: {primary: ann}, second: {primary: bob}}
services: {api: {owner: second}}
severities: {platform: [{id: P1, respond: 1h, policy: loud}, {id: P2, respond: 2h, resolve: 1d, policy: quiet}]}
stakeholders: {board: [second]}
policies:
  quiet: {tiers: [{page: [first], wait: 2s}, {page: [service.owner], wait: 2s}], lease: 3s, next: loud}
  loud:  {tiers: [{page: [first, second], wait: 1h}], stakeholders: [board], updates: 1h}
defaults: {policy: quiet, scale: platform}
`

// siren has everything that people do to a run.
const siren = `
sop: siren
title: Siren
owners: [first]
incident: {severity: P2, services: [api], summary: It is on fire}
phases:
  - id: alarm
    steps:
      - {id: taken, wait: {for: acknowledged}}
      - {id: scope, ask: How bad is it, of: incident.owner, within: 1h, remind: 1s, form: {grade: {type: string, sets: severity}, users: {type: int, default: 7}}}
      - {id: later, ask: Is it needed, of: second, within: 500ms, on_expire: skip}
      - {id: go, approve: Cut it off, by: [first, second], quorum: 2}
      - {id: cut, uses: targets.list, mitigates: true}
      - {id: over, wait: {for: resolved}}
      - {id: learned, ask: What was learned, of: second}
`

// TestTheEngineReplaysWhatPeopleDid is the same for pages, questions and every message.
func TestTheEngineReplaysWhatPeopleDid(t *testing.T) {
	t.Parallel()
	h := open(t, setting{
		procedures: map[string]string{"siren.yaml": siren, "org.yaml": sirenOrg},
		config:     "targets: {}\nnotify: {console: {}}\n",
	})
	c := h.temporal()
	require.Zero(t, h.orderly("start", "siren").exit)
	id := latest(t, h, "siren")
	paged := func(n int) func() bool { return func() bool { return len(h.record(c, id).Pages) >= n } }
	asked := func(step string) func() bool {
		return func() bool { return waits(h.record(c, id), step) }
	}
	say := func(args ...string) {
		t.Helper()
		said := h.orderly(append([]string{args[0], id}, args[1:]...)...)
		require.Zero(t, said.exit, "%v: %s%s", args, said.stdout, said.stderr)
	}
	h.await("the second tier", time.Minute, paged(2))
	say("ack", "--by", "ann")
	h.await("the lease to end in silence", time.Minute, paged(3))
	say("ack", "--by", "ann", "sorry")
	h.await("the question", time.Minute, asked("scope"))
	say("done", "scope", "-f", "grade=P1", "--by", "ann")
	h.await("the approval", time.Minute, asked("go"))
	require.NoError(t, c.SignalWorkflow(t.Context(), id, "", workflows.MessageNote, map[string]string{"by": "nobody", "text": "hm"}))
	say("approve", "go", "--by", "ann")
	say("approve", "go", "--by", "bob")
	say("note", "the fan is stuck", "--by", "bob")
	say("update", "we found the fan", "--by", "ann")
	say("extend", "resolve", "1h", "parts are on their way", "--by", "ann")
	say("escalate", "I need a hand", "--by", "ann")
	say("handover", "bob", "--by", "ann")
	say("severity", "P2", "it is one fan", "--by", "bob")
	say("alert", "--key", "fan", "--status", "firing", "--summary", "fan")
	say("alert", "--key", "fan", "--status", "resolved", "--summary", "fan")
	say("resolve", "a new fan", "--by", "bob")
	h.await("the last question", time.Minute, asked("learned"))
	say("skip", "learned", "nothing", "--by", "bob")
	h.await("the end", time.Minute, func() bool { return h.record(c, id).State.Done() })
	require.NoError(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	requireReplays(t, c, id, "siren-resolved")

	require.Zero(t, h.orderly("start", "siren").exit)
	id = latest(t, h, "siren")
	h.await("the first tier", time.Minute, paged(1))
	say("abort", "a false alarm", "--by", "ann")
	h.await("the end", time.Minute, func() bool { return h.record(c, id).State.Done() })
	require.Error(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	requireReplays(t, c, id, "siren-aborted")
}

// waits says whether a step waits for people.
func waits(rec *workflows.Record, path string) bool {
	for _, p := range rec.Phases {
		for _, s := range p.Steps {
			if s.Path == path {
				return s.State == workflows.Running && s.Ask != nil && s.Ask.Done == nil
			}
		}
	}
	return false
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
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()},
	})
	require.NoError(t, err)
	workflows.Register(replayer, workflows.Options{Catalogue: activities.Catalogue()})
	require.NoError(t, replayer.ReplayWorkflowHistory(nil, whole), name)
	if dir := os.Getenv("ORDERLY_RECORD"); dir != "" {
		data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(whole)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), append(data, '\n'), 0o644))
	}
}
