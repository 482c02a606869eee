package simulate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const answered = `
answers:
  ready: {after: 3m, form: {plan: blue}}
  go: {after: 2m}
`

func TestEverythingWorks(t *testing.T) {
	t.Parallel()
	r := play(t, answered+`
expect:
  state: succeeded
  ends: +5m3s # two actions and the notice take a second each
  pages: []
  told: [bob, dora, alerts]
  phases: {save: succeeded, people: succeeded}
  steps:
    dump: {state: succeeded, outputs: {database: docs-db, encrypted: false}}
    ready: {reason: done by Bob, outputs: {plan: blue}}
    go: {reason: approved by Dora}
  clocks: {run: met +5m3s, ready: met +3m2s, "step:go": met}
  undone: []
  started: []
`, release)
	require.Equal(t, []string{"dump: postgres.backup", "restart: docker.restart"}, r.Assumed)
	require.Equal(t, []string{"0s–1s"}, tries(r, "dump"))
	require.False(t, r.Deeds[0].Assumed)
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	t.Run("FailAndAreTriedAgainAtTheirPace", func(t *testing.T) {
		t.Parallel()
		r := play(t, answered+`
actions:
  dump:
    - {fails: connection refused, times: 2, after: 3s}
    - {outputs: {bytes: 4096}, after: 20s}
expect: {state: succeeded, steps: {dump: {outputs: {bytes: 4096}}}}
`, release)
		require.Equal(t, []string{"0s–3s connection refused", "8s–11s connection refused", "21s–41s"}, tries(r, "dump"))
	})
	t.Run("FailForGood", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
actions:
  docker.restart: {fails: {message: "no such container", type: NotFound}, permanent: true}
expect:
  state: failed
  steps: {restart: {state: failed, error: no such container}}
  undone: [dump]
  not_run: [ready, go]
  timeline: ["Dump: succeeded", "Restart: failed … no such container"]
never: [{step: ready}]
`, release)
		require.Equal(t, []string{"1s–2s no such container"}, tries(r, "restart"))
		require.Equal(t, []string{"2s–3s"}, tries(r, "undo:dump"))
	})
	t.Run("HangUntilTheirTimeout", func(t *testing.T) {
		t.Parallel()
		r := play(t, answered+`
actions:
  dump: [{hangs: true}, {after: 1s}]
expect: {state: succeeded}
`, release)
		require.Equal(t, []string{"0s–10m0s no answer in time", "10m5s–10m6s"}, tries(r, "dump"))
	})
	t.Run("AreJudgedByWhatTheyAnswer", func(t *testing.T) {
		t.Parallel()
		play(t, `
actions: {restart: {outputs: {health: unhealthy}}}
expect: {state: failed, steps: {restart: {error: outputs.health}}}
`, release)
	})
	t.Run("AnswerOneAfterTheOther", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
actions:
  look:
    - {outputs: {ok: false}, times: 3}
    - {outputs: {ok: true}}
expect: {state: succeeded, ends: +3m1s}
`, `
sop: watch
title: Watch
phases: [{id: a, steps: [{id: until-well, repeat: {every: 1m, until: steps.look.outputs.ok, for: 1h, steps: [{id: look, uses: http.check, with: {target: docs-api}}]}}]}]
`)
		require.Len(t, r.Attempts, 4)
	})
}

func TestADrillIsDry(t *testing.T) {
	t.Parallel()
	r := play(t, answered+`
drill: true
expect: {state: succeeded, steps: {restart: {outputs: {restarted: false, dry_run: true}}}}
never: [{action: docker.restart}, {action: notify.send}]
`, release)
	require.True(t, r.Record.Drill)
	require.Equal(t, "release/drill-docs-db", r.Record.WorkflowID)
}

func TestADrillMarksWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, drill := range []bool{true, false} {
		r := play(t, fmt.Sprintf("at: 2026-11-25T02:14:00Z\ndrill: %v\nhorizon: 40m\ninputs: {level: level-2}\nexpect: {told: [board]}\n", drill), outage)
		require.NotEmpty(t, r.Pages)
		for _, p := range r.Pages {
			require.Equal(t, drill, p.Drill)
		}
		for _, told := range r.Told {
			require.Equal(t, drill, told.Drill, told.Kind)
		}
	}
}

func TestTargetsAndServicesAreThoseOfTheScenario(t *testing.T) {
	t.Parallel()
	r := play(t, `
targets: {http: [a, b]}
expect:
  state: succeeded
  steps:
    there: {outputs: {http: [a, b], docker: []}}
    what: {outputs: {services: [{id: api, owner: lead, containers: [web]}]}}
`, `
sop: look
title: Look
phases:
  - id: a
    steps:
      - {id: there, uses: targets.list}
      - {id: what, uses: org.services}
      - {id: all, each: {in: "${{ steps.there.outputs.http }}", steps: [{id: probe, uses: http.check, with: {target: "${{ item }}"}}]}}
`)
	require.Equal(t, []string{"all[0].probe: http.check", "all[1].probe: http.check"}, r.Assumed)
}
