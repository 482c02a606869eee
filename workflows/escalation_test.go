package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// outage is the smallest incident: it does nothing but page.
const outage = `
sop: outage
title: Outage
owners: [boss]
inputs: {reason: {type: string, default: The API is down}, level: {type: string}, severity: {type: string}, services: {type: list, default: []}}
incident: {summary: "${{ inputs.reason }}", level: "${{ inputs.level }}", severity: "${{ inputs.severity }}", services: "${{ inputs.services }}"}
phases: [{id: wait, steps: [{id: over, wait: {for: resolved}}]}]
`

type in = map[string]any

func TestEscalation(t *testing.T) {
	t.Parallel()
	t.Run("PagesTierAfterTierToTheSecondAndNeverStops", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.ask(41*time.Minute, workflows.MessageResolve, in{"by": "dora", "resolution": "it was the cable"})
		rec := b.start("Outage")
		require.Equal(t, []string{
			"0s ann", "5m0s bob", "15m0s bob", "15m0s carol", "20m0s dora", "25m0s dora", "30m0s dora", "35m0s dora", "40m0s dora",
		}, b.people.sequence())
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
		require.Equal(t, "level-3", rec.Incident.Level)
	})
	t.Run("StopsWhenSomebodyAcknowledges", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		ack := b.ask(7*time.Minute, workflows.MessageAcknowledge, in{"by": "Ann", "note": "on my way"})
		b.ask(20*time.Minute, workflows.MessageResolve, in{"by": "ann", "resolution": "restarted"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "5m0s bob"}, b.people.sequence())
		require.NoError(t, ack().err)
		require.Equal(t, "acknowledged by Ann 02:21:00 UTC; paging stopped; status update due 02:44:00 UTC", ack().answer.Now)
		require.Equal(t, "Ann", rec.Incident.Owner.Name)
		require.Equal(t, began.Add(7*time.Minute), rec.Incident.Acknowledged.At)
		require.Contains(t, texts(rec, "message"), "acknowledged by Ann: on my way")
		c := clockOf(t, rec, "acknowledge")
		require.Equal(t, began.Add(5*time.Minute), c.Breached.UTC(), "5 minutes had passed")
		require.Equal(t, began.Add(7*time.Minute), c.Met.UTC())
	})
	t.Run("IsNotKeptUpByAMistypedWord", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P9", "level": "level-9", "services": []any{"api", "apo"}})
		require.Equal(t, []string{"0s ann"}, b.people.sequence())
		require.Equal(t, []string{"api"}, rec.Incident.Services)
		require.Len(t, rec.Findings, 3)
		require.Contains(t, rec.Findings[0].Text, `no service "apo"; it has api, db`)
		require.Contains(t, rec.Findings[1].Text, `no severity "P9"; it has P0, P1, P2`)
		require.Contains(t, rec.Findings[2].Text, `no policy "level-9"`)
	})
	t.Run("StopsForAPlainSignalToo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(2*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann"}, b.people.sequence())
		require.Nil(t, clockOf(t, rec, "acknowledge").Breached)
	})
	t.Run("IsCutOffByAnAcknowledgementUpToTheLastMoment", func(t *testing.T) {
		t.Parallel()
		for at, want := range map[time.Duration]int{5*time.Minute - time.Millisecond: 1, 5*time.Minute + time.Millisecond: 2} {
			b := setup(t, outage)
			b.signal(at, "acknowledge", in{"by": "ann"})
			b.signal(16*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
			b.start("Outage")
			require.Len(t, b.people.sequence(), want)
		}
	})
	t.Run("SkipsATierThatReachesNobodyAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.people.roles["coordinator"] = nil
		b.people.unwell["bob"] = true
		b.ask(6*time.Minute, workflows.MessageResolve, in{"by": "dora", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s carol", "5m0s dora"}, b.people.sequence())
		require.Contains(t, texts(rec, "page")[0], "nobody is on call")
	})
	t.Run("TriesAgainWhatFailedUntilItGoesThrough", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.people.down = func() bool { return b.env.Now().Before(began.Add(12 * time.Minute)) }
		b.ask(14*time.Minute, workflows.MessageResolve, in{"by": "dora", "resolution": "ok"})
		rec := b.start("Outage")
		got := b.people.sequence()
		require.NotEmpty(t, got)
		seen := map[string]int{}
		for _, p := range b.people.pages {
			seen[p.ID+p.Person]++
			require.GreaterOrEqual(t, p.At, 12*time.Minute)
			require.LessOrEqual(t, p.At, 13*time.Minute+time.Second)
		}
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
		require.Subset(t, []string{"ann", "bob", "carol", "dora"}, persons(b.people.pages))
		require.ElementsMatch(t, []string{"ann", "bob", "carol", "dora"}, persons(b.people.pages), "nobody is left out")
		require.NotEmpty(t, rec.Pages)
	})
	t.Run("GoesOnByHand", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		esc := b.ask(2*time.Minute, workflows.MessageEscalate, in{"by": "ann", "reason": "I am stuck"})
		b.signal(3*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(4*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "2m0s bob"}, b.people.sequence())
		require.NoError(t, esc().err)
		require.Equal(t, "paging tier 2 of level-1 now", esc().answer.Now)
		require.Equal(t, "Ann", rec.Incident.Owner.Name, "Bob helps")
	})
	t.Run("BeginsAgainWhenTheOwnerFallsSilent", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(20*time.Minute, "note", in{"by": "ann", "text": "still looking"}) // a sign of life
		b.signal(56*time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(57*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann", "55m0s ann"}, b.people.sequence())
		require.Contains(t, b.people.tellings("ann"), "Still on it? The API is down")
		require.Equal(t, "Bob", rec.Incident.Owner.Name)
	})
	t.Run("ServesEveryOverdueTierOnceAfterAnOutage", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "note", in{"by": "eve", "text": "the lights are out"})
		b.after(30*time.Second, func() { b.env.SetContinueAsNewSuggested(true) })
		next := b.successor("Outage", outage, began.Add(33*time.Minute)) // tiers were due at 5, 15, 20, 25 and 30 minutes
		next.b.ask(3*time.Minute, workflows.MessageResolve, in{"by": "dora", "resolution": "ok"})
		rec := next.start()
		require.Equal(t, []string{"33m0s bob", "33m0s carol", "33m0s dora", "35m0s dora"}, next.b.people.sequence(),
			"Bob is in two of the overdue tiers, and missed repeats are not made up for")
		require.Equal(t, "28m0s", rec.Pages[1].Lateness)
		require.Equal(t, "28m0s", clockOf(t, rec, "acknowledge").Lateness)
	})
}

func persons(pages []paged) []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range pages {
		if !seen[p.Person] {
			seen[p.Person] = true
			out = append(out, p.Person)
		}
	}
	return out
}
