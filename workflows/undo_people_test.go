package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestIncidentOutlivesItsTime(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]string{
		"WhenItsStepsHaveEnded": "",
		"WhenAStepRuns":         "\n      - {id: nap, wait: 10h}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, `
sop: outage
title: Outage
owners: [boss]
within: 1h
on_failure: rollback
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}`+steps+`
`)
			b.signal(3*time.Hour, "resolve", in{"by": "bob", "resolution": "well again"})
			rec := b.start("Outage")
			require.Equal(t, workflows.IncidentResolved, rec.Incident.State, strings.Join(texts(rec, "incident"), "\n"))
		})
	}
}

func TestAbortOfAnIncidentWithAHeldStep(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
owners: [boss]
on_failure: hold
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}
      - {id: two, uses: test.do}
`)
	b.failing("two")
	abort := b.ask(7*time.Minute, "abort", in{"by": "bob", "reason": "so be it"})
	rec := b.start("Outage")
	require.NoError(t, abort().err)
	require.Equal(t, "undo:one succeeded", undone(rec))
}

func TestADecisionToRollBackCounts(t *testing.T) {
	t.Parallel()
	t.Run("WhateverANeighbourSays", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
owners: [lead]
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}
      - id: both
        on_failure: hold
        parallel: [{id: left, uses: test.do}, {id: right, uses: test.do}]
`)
		b.do = func(_ context.Context, id string, _ int, _ doInput) (doOutput, error) {
			if id == "left" || id == "right" {
				return doOutput{}, errAway
			}
			return doOutput{}, nil
		}
		b.signal(5*time.Minute, "complete", in{"by": "bob", "step": "hold:right", "form": in{"decision": "rollback"}})
		b.signal(6*time.Minute, "complete", in{"by": "bob", "step": "hold:left", "form": in{"decision": "stop"}})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded", undone(rec))
	})
	t.Run("WhateverIsAround", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
owners: [lead]
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}
      - id: both
        on_failure: continue
        parallel: [{id: left, on_failure: hold, uses: test.do}]
      - {id: after, uses: test.do}
`)
		b.failing("left")
		b.signal(5*time.Minute, "complete", in{"by": "bob", "step": "hold:left", "form": in{"decision": "rollback"}})
		rec := b.start("P")
		require.Equal(t, "undo:one succeeded", undone(rec))
		require.NotContains(t, b.calls, "after")
	})
}

func TestAHeldAskThatIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
owners: [lead]
on_failure: hold
phases:
  - id: a
    steps:
      - {id: ready, ask: Ready, of: coordinator, within: 10m, remind: 4m, on_expire: fail}
`)
	b.signal(20*time.Minute, "complete", in{"by": "bob", "step": "hold:ready", "form": in{"decision": "retry"}})
	b.signal(60*time.Minute, "complete", in{"by": "bob", "step": "hold:ready", "form": in{"decision": "stop"}})
	b.after(5*time.Hour, b.env.CancelWorkflow)
	rec := b.start("P")
	ids := map[string]int{}
	for _, q := range b.people.told {
		ids[q.Message.ID]++
	}
	for id, n := range ids {
		require.Equal(t, 1, n, id)
	}
	require.Equal(t, workflows.Failed, rec.State, "it expires again: %v", rec.Timeline)
}

func TestOwnerIsToldThatTheStepsStopped(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"stop", "rollback"} {
		b := setup(t, `
sop: outage
title: Outage
owners: [boss]
on_failure: `+what+`
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: nap, wait: 2m}
      - {id: one, uses: test.do, undo: {uses: test.do}}
`)
		b.failing("one")
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(30*time.Minute, "resolve", in{"by": "ann", "resolution": "x"})
		rec := b.start("Outage")
		require.Contains(t, strings.Join(b.people.tellings("ann"), "|"), "stopped", what)
		require.Contains(t, strings.Join(texts(rec, "incident"), "|"), "stays open", what)
	}
}

func TestWhatFollowsTheUndoIsAskedThoughTheIncidentIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
owners: [boss]
on_failure: rollback
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: one, uses: test.do, undo: {uses: test.do}}
      - {id: nap, wait: 2h}
rollback: {then: [{id: look, ask: Is all as it was, of: lead}]}
`)
	b.signal(time.Minute, "abort", in{"by": "bob", "reason": "enough"})
	b.signal(10*time.Minute, "complete", in{"by": "bob", "step": "look"})
	rec := b.start("Outage")
	require.Equal(t, workflows.Succeeded, rec.Rollback.Then[0].State, rec.Rollback.Then[0].Reason)
}

func TestResolutionOfAnIncidentWithAHeldStep(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
owners: [boss]
on_failure: hold
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: two, uses: test.do}
      - {id: over, wait: {for: resolved}}
      - {id: report, ask: Write it down, of: coordinator}
`)
	b.failing("two")
	b.signal(7*time.Minute, "resolve", in{"by": "bob", "resolution": "by hand"})
	b.signal(10*time.Minute, "complete", in{"by": "ann", "step": "report"})
	rec := b.start("Outage")
	require.Equal(t, workflows.Succeeded, step(t, rec, "report").State, rec.Failure)
}

func TestUndoWaitsForAnUndoOfItsOwnTimeout(t *testing.T) {
	t.Parallel()
	src := strings.Replace(changing, `undo: {uses: test.do, with: {say: "not 2"}}`, `undo: {uses: test.do, timeout: 30m}`, 1)
	var c workflows.Carried
	first := setup(t, src)
	first.do = func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
		if id == "three" {
			return doOutput{}, errAway
		}
		if id == "undo:two" {
			answer, err := first.env.QueryWorkflow(workflows.QueryCarried)
			if err == nil {
				err = answer.Get(&c)
			}
			return doOutput{}, err
		}
		return doOutput{Said: in.Say}, nil
	}
	first.start("P")
	owed, err := workflows.UndoOf(&c, "bob", "")
	require.NoError(t, err)
	b := setup(t, src)
	rec := b.start("P", in{}, owed)
	require.Equal(t, 30*time.Minute, rec.Undo[1].Ended.Sub(began).Truncate(time.Minute))
}
