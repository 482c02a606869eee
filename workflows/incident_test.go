package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestIncident(t *testing.T) {
	t.Parallel()
	const failing = `
sop: outage
title: Outage
incident: {level: quiet, channel: incident}
phases:
  - {id: a, steps: [{id: look, uses: test.do, retry: {attempts: 1}}]}
  - {id: b, steps: [{id: never, uses: test.do}]}
finally: [{id: tidy, uses: test.do}]
`
	away := func(b *bench) {
		b.failing("look")
	}
	t.Run("OutlivesAStepThatFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t, failing)
		away(b)
		b.signal(12*time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(20*time.Minute, "resolve", in{"by": "ann", "resolution": "by hand"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "5m0s ann", "10m0s ann"}, b.people.sequence())
		require.Equal(t, workflows.Failed, rec.State)
		require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
		require.Equal(t, workflows.Pending, step(t, rec, "never").State)
		require.Equal(t, workflows.Succeeded, step(t, rec, "tidy").State)
		require.Equal(t, "look", rec.Failure.Step)
	})
	t.Run("OutlivesAStepThatFailsInAnEarlierExecution", func(t *testing.T) {
		t.Parallel()
		b := setup(t, failing)
		away(b)
		b.after(30*time.Second, func() { b.env.SetContinueAsNewSuggested(true) })
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		next := b.successor("Outage", failing, began.Add(time.Minute))
		next.b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "by hand"})
		rec := next.start()
		require.Equal(t, workflows.Failed, rec.State)
		require.Equal(t, workflows.Pending, step(t, rec, "never").State)
		require.Equal(t, []string{"tidy"}, next.b.calls)
	})
	t.Run("HasAChannelOfItsOwn", func(t *testing.T) {
		t.Parallel()
		b := setup(t, failing)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(2*time.Minute, "handover", in{"by": "ann", "to": "eve"})
		b.signal(3*time.Minute, "note", in{"by": "eve", "text": "I have it"})
		b.signal(4*time.Minute, "resolve", in{"by": "eve", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, "C1", rec.Incident.Room.ID)
		rooms := b.people.rooms
		require.Equal(t, "incident", rooms[0].Name)
		require.Equal(t, []string{"ann"}, rooms[1].Invite)
		require.Equal(t, []string{"eve"}, rooms[2].Invite)
		require.True(t, rooms[len(rooms)-1].Close)
		last := b.people.boards[len(b.people.boards)-1]
		require.Equal(t, "C1", last.Room)
		require.Equal(t, "resolved", last.Message.Status)
	})
	t.Run("IsShownInItsChannelsOnceAndInOrder", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "dora"})
		b.signal(2*time.Minute, "resolve", in{"by": "dora", "resolution": "ok"})
		b.start("Outage", in{"level": "level-3"})
		n := 0
		for i, board := range b.people.boards {
			require.Equal(t, []string{"war-room"}, board.Channels)
			for _, e := range board.Events {
				n++
				require.Equal(t, n, e.N)
			}
			if i > 0 {
				require.Equal(t, "ref of war-room", board.Refs["war-room"])
			}
		}
		require.Greater(t, n, 4)
		require.Equal(t, []string{"Owner: Dora", "Resolved 02:16:00 UTC"}, b.people.boards[len(b.people.boards)-1].Message.Lines)
	})
	t.Run("NeedsAnOrg", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.noRules = true
		b.env.ExecuteWorkflow("Outage")
		require.ErrorContains(t, b.env.GetWorkflowError(), "there is no org.yaml")
	})
	t.Run("IsWaitedForWithoutItsBeingAsked", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: look, uses: test.do}]}]
`)
		b.signal(59*time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(2*time.Hour, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.Len(t, b.people.sequence(), 12)
		require.Equal(t, began.Add(2*time.Hour), rec.Ended.UTC())
	})
	t.Run("IsGivenUpWhenTheRunIsCancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.after(6*time.Minute, b.env.CancelWorkflow)
		rec := b.start("Outage")
		require.Equal(t, workflows.IncidentAborted, rec.Incident.State)
		require.Equal(t, workflows.Cancelled, rec.State)
		require.Equal(t, []string{"0s ann", "5m0s bob"}, b.people.sequence())
	})
}
