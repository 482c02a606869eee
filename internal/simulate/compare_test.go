package simulate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
)

// judged are the keys of what is not as it is expected.
func judged(t *testing.T, scenario string, procedures ...string) (what []string, wrong []simulate.Mismatch) {
	t.Helper()
	from := sources(procedures...)
	s := parse(t, from, "many", scenario)
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	require.NoError(t, err)
	wrong = s.Check(r)
	for _, m := range wrong {
		what = append(what, m.What)
	}
	return what, wrong
}

// many does the same for three items: it is skipped for the first, works for the second and fails for the third.
const many = `sop: many
title: Many
owners: [lead]
reviewed: 2026-11-21
freshness: 90d
phases:
  - id: all
    steps:
      - id: each
        each:
          in: ${{ ["a", "b", "c"] }}
          as: n
          steps:
            - {id: look, if: 'n != "a"', uses: docker.containers, with: {host: local}, within: 10s, retry: {attempts: 1}, on_failure: continue}
`

// What is expected of a step's id is expected of all that have it: a step that ran must not hide behind one that
// was skipped.
func TestAnIdStandsForTheStepsOfAllItems(t *testing.T) {
	t.Parallel()
	const second = "actions:\n  look: [{after: 2s}, {fails: broken, after: 20s}]\n"
	for _, c := range []struct{ name, expect, wrong string }{
		{"NotRun", "expect: {not_run: [look]}", "not_run"},
		{"NotRunByPath", `expect: {not_run: ["each[1].look"]}`, "not_run"},
		{"NotRunWhereItIsSkipped", `expect: {not_run: ["each[0].look"]}`, ""},
		{"Never", "never: [{step: look}]", "never"},
		{"NeverWhereItIsSkipped", `never: [{step: "each[0].look"}]`, ""},
		{"State", "expect: {steps: {look: skipped}}", "steps.look"},
		{"Error", `expect: {steps: {"each[2].look": {error: something else}}}`, "steps.each[2].look.error"},
		{"StateByPath", `expect: {steps: {"each[0].look": skipped, "each[1].look": succeeded, "each[2].look": {state: failed, error: broken}}}`, ""},
		{"NeverBreached", "never: [{breach: look}]", "never"},
		{"NeverBreachedByPath", `never: [{breach: "step:each[1].look"}]`, ""},
		{"Met", "expect: {clocks: {look: met}}", "clocks.look"},
		{"MetByPath", `expect: {clocks: {"step:each[1].look": met}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			what, wrong := judged(t, second+c.expect, many)
			if c.wrong == "" {
				require.Empty(t, wrong)
				return
			}
			require.Equal(t, []string{c.wrong}, what)
		})
	}
}

// Pages without a time keep their order; only those of the same second have none.
func TestTheOrderOfPages(t *testing.T) {
	t.Parallel()
	const night = "at: 2026-11-25T02:14:00Z\nhorizon: 26m\ninputs: {level: five}\nprocedure: outage\n"
	const twice = "at: 2026-11-25T02:14:00Z\nhorizon: 4m\ninputs: {level: level-2}\nprocedure: outage\n"
	for _, c := range []struct{ name, scenario, wrong string }{
		{"Paged", night + "expect: {paged: [ann, carol, dora]}", ""},
		{"PagedTheOtherWayRound", night + "expect: {paged: [dora, ann]}", "paged"},
		{"Paged2TheOtherWayRound", night + "expect: {paged: [eve, carol, dora]}", "paged"},
		{"Pages", night + "expect: {pages: [+0s ann, +5m bob, +10m carol, +15m dora, +20m eve, +25m eve]}", ""},
		{"PagesAtTheWrongSecond", night + "expect: {pages: [+0s ann, +5m bob, +10m1s carol, +15m dora, +20m eve, +25m eve]}", "pages"},
		{"PagesOfTwoPeopleChanged", night + "expect: {pages: [+0s bob, +5m ann, +10m carol, +15m dora, +20m eve, +25m eve]}", "pages"},
		{"TooFewPages", night + "expect: {pages: [+0s ann, +5m bob, +10m carol, +15m dora, +20m eve]}", "pages"},
		{"AtOnce", twice + "expect: {pages: [+0s carol, bob]}", ""},
		{"AtOnceWithoutTimes", twice + "expect: {pages: [carol, bob]}", ""},
		{"AtOnceOverSomething", twice + "expect: {pages: [{to: carol, via: email}, {to: bob, via: email}]}", ""},
		{"OverSomethingElse", twice + "expect: {pages: [{to: carol, via: slack}, {to: bob, via: email}]}", "pages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			what, wrong := judged(t, c.scenario, outage)
			if c.wrong == "" {
				require.Empty(t, wrong)
				return
			}
			require.Equal(t, []string{c.wrong}, what)
			require.NotEqual(t, wrong[0].Want, wrong[0].Got, "the lists show what is different")
		})
	}
}

// A message that got to nobody was told to nobody.
func TestToldIsWhoWasReached(t *testing.T) {
	t.Parallel()
	const down = "at: 2026-11-25T02:14:00Z\nhorizon: 31m\ninputs: {level: level-2}\nprocedure: outage\n"
	what, _ := judged(t, down+"expect: {told: [board]}\n", outage)
	require.Empty(t, what)
	what, _ = judged(t, down+"expect: {told: []}\n", outage)
	require.Equal(t, []string{"told"}, what)
	what, _ = judged(t, down+"transports: {email: {down: {}}, slack: {down: {}}}\nexpect: {told: [board]}\n", outage)
	require.Equal(t, []string{"told"}, what)
	what, _ = judged(t, down+"transports: {email: {down: {}}, slack: {down: {}}}\nnever: [{tell: board}]\n", outage)
	require.Empty(t, what)
}

// Of a message to several, one that it has not reached was not told it.
func TestToldSaysWhoWasMissed(t *testing.T) {
	t.Parallel()
	const several = `sop: several
title: Several
owners: [lead]
phases:
  - id: all
    steps:
      - {id: say, uses: notify.send, with: {to: [boss, board, alerts], subject: It burns, text: It burns}}
      - {id: ready, ask: "Ready?", of: boss, within: 1h, on_expire: skip}
`
	const mail, eve = "transports: {email: {down: {}}}\n", "unreachable: [eve]\n"
	what, _ := judged(t, "procedure: several\nexpect: {told: [alerts, board, boss, boss]}\n", several)
	require.Empty(t, what)
	what, wrong := judged(t, "procedure: several\n"+mail+eve+"expect: {told: [boss, board, alerts]}\n", several)
	require.Equal(t, []string{"told"}, what)
	require.Equal(t, "board", wrong[0].Expected)
	require.Equal(t, "is not reached +0s", wrong[0].Actual)
	require.Equal(t, []string{"+0s boss", "board", "alerts"}, wrong[0].Want)
	require.Equal(t, []string{"+0s boss", "+0s board: not reached", "+0s alerts"}, wrong[0].Got[:3])
	what, _ = judged(t, "procedure: several\n"+mail+"expect: {told: [board]}\nnever: [{tell: list}]\n", several)
	require.Empty(t, what, "somebody of the group is reached")
	what, _ = judged(t, "procedure: several\n"+mail+eve+"expect: {told: [boss]}\nnever: [{tell: board}]\n", several)
	require.Empty(t, what)
	what, wrong = judged(t, "procedure: several\nunreachable: [dora]\nexpect: {told: [boss]}\nnever: [{tell: eve}]\n", several)
	require.Equal(t, []string{"told", "never"}, what)
	require.Equal(t, []string{"+0s boss: not reached", "+0s board", "+0s alerts", "+1s boss: not reached"}, wrong[0].Got[:4])
}

// What came as expected stands on both sides, so that the difference is what is shown.
func TestListsShowTheDifference(t *testing.T) {
	t.Parallel()
	const night = "at: 2026-11-25T02:14:00Z\nhorizon: 26m\ninputs: {level: five}\nprocedure: outage\n"
	_, wrong := judged(t, night+"expect: {paged: [ann, carol, bob], timeline: [paged tier 2, paged tier 1]}\n", outage)
	require.Equal(t, []string{"+0s ann", "+10m carol", "bob"}, wrong[0].Want)
	require.Equal(t, "+5m paged tier 2 of five (Five): Bob (slack, email)", wrong[1].Want[0])
	require.Contains(t, wrong[1].Got, wrong[1].Want[0])
}

func TestNoFindings(t *testing.T) {
	t.Parallel()
	what, _ := judged(t, "expect: {findings: []}\n", many)
	require.Empty(t, what)
	what, wrong := judged(t, "actions: {look: {after: 20s}}\nexpect: {findings: []}\n", many)
	require.Equal(t, []string{"findings"}, what, "late is a finding")
	require.NotEmpty(t, wrong[0].Got)
}
