package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

const asking = `
sop: release
title: Release
phases:
  - id: a
    steps:
      - id: ready
        ask: Is the rollback ready for ${{ run.procedure }}?
        of: coordinator
        within: 15m
        remind: 6m
        form:
          plan: {type: string, required: true}
          risk: {type: choice, options: [low, high], default: low}
      - {id: after, uses: test.do, with: {say: "${{ steps.ready.outputs.plan }} ${{ steps.ready.outputs.risk }} ${{ steps.ready.outputs.by }}"}}
`

func said(t *testing.T, rec *workflows.Record, path string) string {
	t.Helper()
	var out struct{ Said string }
	require.NoError(t, json.Unmarshal(step(t, rec, path).Outputs, &out))
	return out.Said
}

func TestAsk(t *testing.T) {
	t.Parallel()
	t.Run("GivesTheAnswersToTheStepsThatFollow", func(t *testing.T) {
		t.Parallel()
		b := setup(t, asking)
		wrong := b.ask(time.Minute, "complete", in{"by": "ann", "step": "ready", "form": in{"risk": "huge", "colour": "red"}})
		stranger := b.ask(2*time.Minute, "complete", in{"by": "eve", "step": "ready", "form": in{"plan": "x"}})
		done := b.ask(7*time.Minute, "complete", in{"by": "ann", "step": "ready", "form": in{"plan": "revert"}})
		rec := b.start("Release")
		require.ErrorContains(t, wrong().err, "colour: the form has no such field")
		require.ErrorContains(t, wrong().err, "plan: an answer is needed")
		require.ErrorContains(t, wrong().err, `"huge" is none of the options (low, high)`)
		require.ErrorContains(t, stranger().err, "Eve is not entitled: this is for coordinator")
		require.Equal(t, "Ready: done by Ann 02:21:00 UTC", done().answer.Now)
		require.Equal(t, "revert low Ann", said(t, rec, "after"))
		require.Equal(t, []string{"Ready", "Still waiting: Ready"}, b.people.tellings("coordinator"))
		require.Nil(t, clockOf(t, rec, "step:ready").Breached)
		require.Empty(t, b.people.sequence(), "asking is no paging")
	})
	t.Run("EscalatesWhenNobodyAnswers", func(t *testing.T) {
		t.Parallel()
		b := setup(t, asking)
		b.signal(31*time.Minute, "complete", in{"by": "bob", "step": "ready", "form": in{"plan": "x"}})
		rec := b.start("Release")
		require.Equal(t, []string{"15m0s ann", "20m0s bob", "30m0s bob", "30m0s carol"}, b.people.sequence())
		require.Equal(t, workflows.Succeeded, rec.State)
		require.NotNil(t, clockOf(t, rec, "step:ready").Breached)
		require.NotNil(t, clockOf(t, rec, "step:ready").Met)
	})
	t.Run("PagesAgainWhenWhoeverAcknowledgedDoesNotDoIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, asking)
		b.signal(16*time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(47*time.Minute, "complete", in{"by": "ann", "step": "ready", "form": in{"plan": "x"}})
		b.start("Release")
		require.Equal(t, []string{"15m0s ann", "46m0s ann"}, b.people.sequence())
	})
	t.Run("IsOfWhomTheRunKnows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
owners: [boss]
phases:
  - id: a
    steps:
      - {id: who, uses: test.do, with: {list: [carol, ""]}}
      - {id: all, each: {in: "${{ steps.who.outputs.list }}", as: person, at_once: 2, steps: [{id: mine, ask: Yours, of: "${{ person }}"}]}}
`)
		b.signal(time.Minute, "complete", in{"by": "carol", "step": "all[0].mine"})
		b.signal(2*time.Minute, "complete", in{"by": "dora", "step": "all[1].mine"})
		rec := b.start("Release")
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, []string{"carol"}, step(t, rec, "all[0].mine").Ask.Of)
		require.Equal(t, []string{"boss"}, step(t, rec, "all[1].mine").Ask.Of, "the owners, since nobody is named")
		require.Equal(t, []string{"Mine"}, b.people.tellings("carol"))
		require.Contains(t, rec.Findings[0].Text, "nobody is named")
	})
	t.Run("IsSkippedWithAReason", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: ready, ask: Ready, of: lead}, {id: after, uses: test.do, if: steps.ready.status == "skipped"}]}]
`)
		no := b.ask(time.Minute, "complete", in{"by": "bob", "step": "ready", "skip": true})
		b.signal(2*time.Minute, "complete", in{"by": "bob", "step": "ready", "skip": true, "reason": "not today"})
		rec := b.start("Release")
		require.ErrorContains(t, no().err, "reason is missing")
		require.Equal(t, workflows.Skipped, step(t, rec, "ready").State)
		require.Equal(t, "skipped by Bob: not today", step(t, rec, "ready").Reason)
		require.Equal(t, workflows.Succeeded, step(t, rec, "after").State)
	})
	for expire, want := range map[string]workflows.State{"fail": workflows.Failed, "skip": workflows.Skipped} {
		t.Run("OnExpire/"+expire, func(t *testing.T) {
			t.Parallel()
			b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: ready, ask: Ready, of: lead, within: 15m, on_expire: `+expire+`, on_failure: continue}, {id: nap, wait: 1h}]}]
`)
			late := b.ask(20*time.Minute, "complete", in{"by": "bob", "step": "ready"})
			rec := b.start("Release")
			require.Equal(t, want, step(t, rec, "ready").State)
			require.ErrorContains(t, late().err, "too late")
			require.Empty(t, b.people.sequence())
		})
	}
	t.Run("IsPassedOnByAHandOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: scope, ask: What is affected, of: incident.owner}, {id: over, wait: {for: resolved}}]}]
`)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(2*time.Minute, "handover", in{"by": "ann", "to": "eve", "until": began.Add(5 * time.Minute)})
		done := b.ask(3*time.Minute, "complete", in{"by": "eve", "step": "scope"})
		b.signal(6*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.NoError(t, done().err)
		require.Equal(t, "Ann", rec.Incident.Owner.Name, "it was for three minutes only")
		require.Contains(t, b.people.tellings("eve"), "Scope")
		require.Contains(t, b.people.tellings("ann"), "The hand-over has ended: it is yours again")
	})
	t.Run("ChangesTheIncident", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {severity: P2, services: [api]}
phases:
  - id: a
    steps:
      - id: scope
        ask: What is affected?
        of: incident.owner
        form:
          grade: {type: string, sets: severity}
          users: {type: choice, options: [high, low], sets: user_impact}
          what: {type: string, sets: services}
      - {id: over, wait: {for: resolved}}
`)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		wrong := b.ask(2*time.Minute, "complete", in{"by": "ann", "step": "scope", "form": in{"grade": "P7"}})
		b.signal(3*time.Minute, "complete", in{"by": "ann", "step": "scope", "form": in{"grade": "P1", "users": "high", "what": "api, db"}})
		b.signal(4*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.ErrorContains(t, wrong().err, `no severity "P7"`)
		require.Equal(t, "P1", rec.Incident.Severity)
		require.Equal(t, "high", rec.Incident.UserImpact)
		require.Equal(t, []string{"api", "db"}, rec.Incident.Services)
		require.Equal(t, []string{"0s ann", "3m0s bob", "3m0s carol"}, b.people.sequence())
	})
	t.Run("IsClosedWhenTheIncidentIsResolved", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: scope, ask: What is affected, of: lead}, {id: next, uses: test.do}]}]
`)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, workflows.Skipped, step(t, rec, "scope").State)
		require.Equal(t, workflows.Succeeded, step(t, rec, "next").State)
	})
}

const approving = `
sop: release
title: Release
phases: [{id: a, steps: [{id: go, approve: Push it, by: [leads, boss], quorum: 2, not: requester, within: 10m}, {id: push, uses: test.do}]}]
`

func TestApprove(t *testing.T) {
	t.Parallel()
	t.Run("NeedsItsQuorumAndNotTheRequester", func(t *testing.T) {
		t.Parallel()
		b := setup(t, approving)
		self := b.ask(time.Minute, "decide", in{"by": "carol", "step": "go", "approve": true})
		stranger := b.ask(2*time.Minute, "decide", in{"by": "ann", "step": "go", "approve": true})
		first := b.ask(3*time.Minute, "decide", in{"by": "bob", "step": "go", "approve": true})
		twice := b.ask(4*time.Minute, "decide", in{"by": "bob", "step": "go", "approve": true})
		second := b.ask(5*time.Minute, "decide", in{"by": "dora", "step": "go", "approve": true, "reason": "fine"})
		rec := b.start("Release", in{"_by": "carol"})
		require.ErrorContains(t, self().err, "Carol has started this run: somebody else has to decide")
		require.ErrorContains(t, stranger().err, "Ann is not entitled")
		require.Equal(t, "Go: approved by Bob 02:17:00 UTC; 1 more needed", first().answer.Now)
		require.False(t, twice().answer.Changed)
		require.True(t, second().answer.Changed)
		require.JSONEq(t, `{"approved": true, "by": ["Bob", "Dora"], "reason": "fine"}`, string(step(t, rec, "go").Outputs))
	})
	t.Run("IsEndedByOneRejection", func(t *testing.T) {
		t.Parallel()
		b := setup(t, approving)
		b.signal(time.Minute, "decide", in{"by": "bob", "step": "go", "approve": false, "reason": "not on a Friday"})
		rec := b.start("Release")
		require.Equal(t, workflows.Failed, rec.State)
		require.Equal(t, "rejected by Bob: not on a Friday", step(t, rec, "go").Error)
	})
	t.Run("NeverHappensByTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, approving)
		b.signal(72*time.Hour, "decide", in{"by": "bob", "step": "go", "approve": false, "reason": "at last"})
		rec := b.start("Release")
		require.Equal(t, workflows.Failed, rec.State)
		require.Greater(t, len(b.people.sequence()), 500, "it is escalated for three days")
		require.Equal(t, "10m0s ann", b.people.sequence()[0])
	})
	t.Run("ByTwoAtOnceIsDecidedOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: go, approve: Push it, by: [leads]}, {id: nap, wait: 1h}]}]
`)
		one := b.ask(time.Minute, "decide", in{"by": "bob", "step": "go", "approve": true})
		two := b.ask(time.Minute, "decide", in{"by": "carol", "step": "go", "approve": false, "reason": "no"})
		rec := b.start("Release")
		require.True(t, one().answer.Changed)
		require.NoError(t, two().err)
		require.Equal(t, "already approved by Bob 02:15:00 UTC", two().answer.Now)
		require.Equal(t, workflows.Succeeded, step(t, rec, "go").State)
	})
}
