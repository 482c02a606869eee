package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoeverWasPagedMayAcknowledge(t *testing.T) {
	t.Parallel()
	t.Run("ThoughOrgYamlWasEditedSince", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.people.roles["coordinator"] = []string{"eve"}
		b.after(time.Minute, func() {
			b.people.mu.Lock()
			defer b.people.mu.Unlock()
			b.people.roles["coordinator"] = []string{"ann"}
		})
		ack := b.ask(2*time.Minute, "acknowledge", in{"by": "eve"})
		b.signal(10*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		b.start("Outage")
		require.NoError(t, ack().err)
		require.Equal(t, []string{"0s eve"}, b.people.sequence())
	})
	t.Run("AndNobodyElseDoesByAnEscalationThatNamesThem", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		ack := b.ask(2*time.Minute, "acknowledge", in{"by": "eve"})
		b.signal(10*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		b.start("Outage")
		require.ErrorContains(t, ack().err, "Eve is not entitled")
	})
}

func TestWhoeverWasAskedMayAnswerThoughTheRoleHasMovedOn(t *testing.T) {
	t.Parallel()
	b := setup(t, asking)
	b.after(10*time.Minute, func() { // the shift has changed
		b.people.mu.Lock()
		defer b.people.mu.Unlock()
		b.people.roles["coordinator"] = []string{"carol"}
	})
	next := b.ask(12*time.Minute, "complete", in{"by": "carol", "step": "ready", "form": in{"plan": "x"}})
	b.start("Release")
	require.NoError(t, next().err, "she is the coordinator now")
}

func TestAnApprovalThatIsEscalatedIsStillGivenOnlyByThoseItIsOf(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: level-1}
phases: [{id: a, steps: [{id: go, approve: Go, by: [boss], within: 5m}]}]
`)
	b.signal(time.Minute, "acknowledge", in{"by": "ann"})
	paged := b.ask(6*time.Minute, "decide", in{"by": "ann", "step": "go", "approve": true}) // owner, and paged for it
	b.signal(7*time.Minute, "handover", in{"by": "ann", "to": "eve"})
	given := b.ask(8*time.Minute, "decide", in{"by": "eve", "step": "go", "approve": true})
	b.signal(9*time.Minute, "decide", in{"by": "dora", "step": "go", "approve": true})
	b.signal(10*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage")
	require.ErrorContains(t, paged().err, "Ann is not entitled: this is for boss")
	require.ErrorContains(t, given().err, "Eve is not entitled: this is for boss")
}
