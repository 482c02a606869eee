package simulate_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	r := play(t, `
at: 2026-11-25T02:14:00Z
horizon: 29m
expect:
  state: running
  pages: [+0s bob, +5m bob, +15m bob, carol, +20m dora, +25m dora]
  told: [alerts, board]
  clocks: {acknowledge: breached +5m, respond: breached +15m}
  incident: {state: open, level: level-2, severity: P1}
  timeline: [paged tier 1 … Bob, acknowledgement … not done]
never: [{page: eve}, {page: ann}]
`, outage)
	require.Equal(t, []string{
		"0s bob slack+email", "5m0s bob slack", "15m0s bob slack+email", "15m0s carol email", "20m0s dora slack+webhook", "25m0s dora slack+webhook",
	}, sent(r)[:6])
	require.True(t, r.Horizon)
	require.Equal(t, []string{"over: Over", "the incident's resolution"}, r.Waits)
	require.Equal(t, "level-1", r.Pages[1].Policy)
	require.Equal(t, 2, r.Pages[1].Tier)
}

func TestWhoIsOnCallIsLookedUpAtTheTimeOfThePage(t *testing.T) {
	t.Parallel()
	play(t, `
at: 2026-11-23T08:58:00Z
horizon: 6m
inputs: {level: quiet}
expect: {pages: [+0s ann, +5m bob]} # the turn ends at 09:00
`, outage)
}

func TestPeopleAct(t *testing.T) {
	t.Parallel()
	r := play(t, `
people:
  - +3m eve: acknowledge
  - +7m bob: acknowledge
  - +8m bob: note looking at it
  - +10m alert: {key: k, status: firing, summary: 5xx}
  - +12m bob: {complete: {step: respond}}
  - +40m bob: resolve it was the cable
  - +50m bob: note too late
expect:
  state: succeeded
  ends: +40m
  pages: [+0s bob, +5m bob]
  clocks: {acknowledge: breached +5m, respond: met +12m}
  incident: {owner: bob, state: resolved}
  timeline: [acknowledged by Bob, looking at it, "resolved by Bob: it was the cable"]
`, outage)
	require.Contains(t, r.Deeds[0].Refused, "Eve is not entitled")
	require.Contains(t, r.Deeds[1].Answer, "acknowledged by Bob")
	require.Equal(t, "the run was over", r.Deeds[6].Refused)
	require.Len(t, r.Record.Incident.Alerts, 1)
}

func TestQuestionsAreAnsweredWheneverTheyComeUp(t *testing.T) {
	t.Parallel()
	r := play(t, `
answers:
  default: {after: 2m}
  two: {after: 1m}
  breaks: {after: 3m, choice: retry}
actions:
  breaks: [{fails: no, permanent: true}, {outputs: {ok: true}}]
expect:
  state: succeeded
  ends: +6m3s
  steps: {one: {outputs: {plan: "(simulated: plan)", sure: true, grade: a}}, two: {reason: approved by Bob}, breaks: succeeded}
  pages: [+3m1s bob]
`, `
sop: questions
title: Questions
owners: [lead]
phases:
  - id: a
    steps:
      - id: one
        ask: Fill it in
        of: lead
        form: {plan: {type: string, required: true}, sure: {type: bool, required: true}, grade: {type: choice, options: [a, b], required: true}}
      - {id: two, approve: Both of you, by: [lead, carol], quorum: 2}
      - {id: breaks, uses: http.check, with: {target: docs-api}, on_failure: hold}
      - {id: after, uses: http.check, with: {target: docs-api}}
`)
	require.True(t, r.Deeds[0].Assumed)
	require.Len(t, r.Deeds, 4)
}

func TestAnAnswerWithoutAChoiceEndsARollbackThatIsHeld(t *testing.T) {
	t.Parallel()
	r := play(t, `
answers: {default: {after: 2m}}
actions:
  "undo:move": {fails: no, permanent: true}
  breaks: {fails: no, permanent: true}
horizon: 1h
expect: {state: failed, left: [move]}
`, `
sop: moves
title: Moves
owners: [lead]
on_failure: rollback
phases:
  - id: a
    steps:
      - {id: move, uses: http.check, with: {target: docs-api}, undo: {uses: http.check, with: {target: docs-api}}}
      - {id: breaks, uses: http.check, with: {target: docs-api}}
`)
	require.False(t, r.Horizon)
	require.NotNil(t, r.Record.Rollback.Stopped)
}

// Nobody answers a question that has not reached them; who is paged for it in their place does.
func TestOnlyWhoWasReachedAnswers(t *testing.T) {
	t.Parallel()
	const sign = `
sop: sign
title: Sign
phases: [{id: a, steps: [{id: ready, ask: "Ready?", of: lead, within: 10m, on_expire: skip}]}]
`
	play(t, "answers: {default: {after: 2m}}\nexpect: {state: succeeded, ends: +2m, steps: {ready: succeeded}}\n", sign)
	play(t, "unreachable: [bob]\nanswers: {default: {after: 2m}}\nexpect: {state: succeeded, ends: +10m, steps: {ready: skipped}}\n", sign)
	play(t, "unreachable: [bob]\nanswers: {ready: {after: 2m, by: bob}}\nexpect: {ends: +2m, steps: {ready: succeeded}}\n", sign)
}

// An answer is found by the name that actions have for it: undo:<step>, by id or by path.
func TestAnUndoThatFailsIsAnsweredByItsName(t *testing.T) {
	t.Parallel()
	const moves = `
sop: moves
title: Moves
owners: [lead]
on_failure: rollback
phases:
  - id: a
    steps:
      - id: all
        each:
          in: ${{ ["x"] }}
          as: c
          steps: [{id: move, uses: http.check, with: {target: docs-api}, undo: {uses: http.check, with: {target: docs-api}}}]
      - {id: breaks, uses: http.check, with: {target: docs-api}}
`
	for _, key := range []string{"undo:all[0].move", "undo:move", "hold:undo:all[0].move", "all[0].move", "move", "default"} {
		play(t, `
answers: {"`+key+`": {after: 2m, choice: retry}}
actions:
  "undo:all[0].move": [{fails: no, permanent: true}, {after: 5s}]
  breaks: {fails: no, permanent: true}
horizon: 1h
expect: {state: failed, undone: ["all[0].move"], left: []}
`, moves)
	}
}

// A quorum that can't come together is noted: nobody who is not there answers in its place.
func TestAQuorumOfOne(t *testing.T) {
	t.Parallel()
	r := play(t, "answers: {default: {after: 1m}}\nexpect: {state: failed, ends: +10m}\n", `
sop: twice
title: Twice
owners: [lead]
phases: [{id: a, steps: [{id: two, approve: "Both?", by: [lead], quorum: 2, within: 10m, on_expire: fail}]}]
`)
	require.Len(t, r.Deeds, 1)
	require.Contains(t, r.Notes[0], "nobody is left who could answer two")
}
