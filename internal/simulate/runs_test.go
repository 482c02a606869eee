package simulate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
)

const quick = `
sop: quick
title: Quick
inputs: {n: {type: int, default: 1}}
phases: [{id: a, steps: [{id: pause, wait: 1m}, {id: probe, uses: http.check, with: {target: docs-api}}]}]
`

// around runs others, side by side, and starts one.
const around = `
sop: around
title: Around
phases:
  - id: a
    steps:
      - id: both
        parallel:
          - {id: one, run: quick}
          - {id: two, run: quick, with: {n: 2}}
          - {id: three, run: outage, on_failure: continue}
      - {id: left, start: quick, with: {n: 3}}
      - {id: gone, start: vanished, if_missing: finding}
`

func TestOtherRuns(t *testing.T) {
	t.Parallel()
	t.Run("AreSimulatedWhenTheyAreWaitedFor", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
people:
  - +3m bob: acknowledge
  - +20m bob: resolve it was the cable
expect:
  state: succeeded
  ends: +20m
  pages: [+0s bob, +15m bob] # the first mitigation is overdue
  steps: {one: {outputs: {state: succeeded}}, probe: succeeded, gone: succeeded}
  started: [quick]
  findings: [there is no procedure "vanished"]
`, around, quick, outage)
		require.Len(t, r.Children, 3)
		require.Equal(t, map[string]any{"n": 3.0}, r.Started[0].Inputs)
		require.Equal(t, r.Children[2].WorkflowID, r.Deeds[0].Run, "the incident is what people answer to")
		require.Equal(t, r.Children[2].WorkflowID, r.Pages[0].Run)
	})
	t.Run("AreWhatTheScenarioSays", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
procedures:
  outage: {state: failed, error: nobody came, after: 10m}
  quick: {after: 2m, outputs: {findings: [{severity: warning, check: x, text: y, act: z}]}}
expect:
  state: succeeded
  ends: +10m
  steps: {three: {state: failed, error: nobody came}, one: {outputs: {findings: [{text: y}]}}}
`, around, quick, outage)
		require.Empty(t, r.Children)
	})
	t.Run("AreJoinedWhenTheyAreOpen", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
expect: {state: succeeded, started: [quick, quick]}
`, `
sop: twice
title: Twice
phases: [{id: a, steps: [{id: one, start: quick, with: {n: 1}}, {id: two, start: quick, with: {n: 1}}]}]
`, "\nsop: quick\ntitle: Quick\nkey: main\ninputs: {n: {type: int, default: 1}}\nphases: [{id: a, steps: [{id: pause, wait: 1m}]}]\n")
		require.False(t, r.Started[0].Joined)
		require.True(t, r.Started[1].Joined)
	})
}

// TestARunThatContinuesAsNewIsTheSame carries a run on many times and compares it with one that never was.
func TestARunThatContinuesAsNewIsTheSame(t *testing.T) {
	t.Parallel()
	for id, scenario := range map[string]string{
		"outage":  "people: [{+33m bob: acknowledge}, {+70m bob: note at it}, {+200m bob: resolve over}]\nhorizon: 5h\n",
		"release": answered,
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			from := sources(outage, release)
			s := parse(t, from, id, scenario)
			whole, err := simulate.Run(t.Context(), simulate.Options{Sources: from, ContinueAfter: 1 << 30}, s)
			require.NoError(t, err)
			onSDK, err := simulate.Run(t.Context(), simulate.Options{Sources: from, ContinueAfter: 12}.OnSDK(), s)
			require.NoError(t, err)
			parts, err := simulate.Run(t.Context(), simulate.Options{Sources: from, ContinueAfter: 12}, s)
			require.NoError(t, err)
			require.Zero(t, whole.Record.Continued)
			require.Positive(t, parts.Record.Continued)
			require.Equal(t, sent(whole), sent(parts))
			require.Equal(t, whole.Ended, parts.Ended)
			require.Equal(t, whole.Deeds, parts.Deeds)
			require.Equal(t, whole.Record.Clocks, parts.Record.Clocks)
			requireSame(t, text(t, onSDK), text(t, parts))
		})
	}
}

func TestWindowsHoldPagesBack(t *testing.T) {
	t.Parallel()
	play(t, `
at: 2026-11-25T02:14:00Z
windows: [{services: [api], until: +20m}]
horizon: 26m
expect: {pages: [+20m bob, +25m bob]}
`, outage)
}

func TestTransports(t *testing.T) {
	t.Parallel()
	t.Run("ThatAreDown", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
at: 2026-11-25T02:14:00Z
transports: {slack: {down: {until: +7m}}}
people: [{+8m bob: acknowledge}]
horizon: 9m
expect: {paged: [+0s bob]}
`, outage)
		// The second tier is paged over Slack alone: nobody is reached, so the next does not wait.
		require.Equal(t, []string{"0s bob email", "5m0s bob email", "5m0s bob email", "5m0s carol email", "7m0s bob slack"}, rounded(r))
		require.NotEmpty(t, r.Pages[0].Failed)
	})
	t.Run("ThatDoNotReachSomebody", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
at: 2026-11-25T02:14:00Z
unreachable: [bob]
horizon: 4m
never: [{page: bob}]
expect: {paged: [+0s carol]}
`, outage)
		require.False(t, r.Pages[0].Reached)
	})
}

func rounded(r *simulate.Result) []string {
	var out []string
	for _, p := range r.Pages {
		if p.Reached {
			out = append(out, p.At.Sub(r.At).Truncate(minute).String()+" "+p.Person+" "+p.Transports[0])
		}
	}
	return out
}

func TestAProcedureThatCannotRun(t *testing.T) {
	t.Parallel()
	from := sources(release)
	for name, c := range map[string]struct {
		s    simulate.Scenario
		want string
	}{
		"IsNotThere":      {simulate.Scenario{ID: "x", Procedure: "relase"}, "did you mean"},
		"HasWrongInputs":  {simulate.Scenario{ID: "x", Procedure: "release", Inputs: map[string]any{"databse": "x"}}, `input "databse"`},
		"NeedsATarget":    {simulate.Scenario{ID: "x", Procedure: "broken"}, "no action"},
		"HasNoOrgToAsk":   {simulate.Scenario{ID: "x", Procedure: "release"}, ""},
		"NeedsNoMoreTime": {simulate.Scenario{ID: "x", Procedure: "release", Horizon: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.s
			src := from
			if s.Procedure == "broken" {
				src = sources("\nsop: broken\ntitle: B\nphases: [{id: a, steps: [{id: b, uses: no.such}]}]\n")
			}
			_, err := simulate.Run(t.Context(), simulate.Options{Sources: src}, &s)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "scenario x of "+s.Procedure)
		})
	}
}
