package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	over := func(b *bench, at time.Duration) { b.signal(at, "resolve", in{"by": "dora", "resolution": "ok"}) }
	refusals := map[string]struct {
		name    string
		payload in
		want    string
	}{
		"FromNobodyKnown":           {"acknowledge", in{"by": "mallory"}, `org.yaml has nobody called "mallory"`},
		"FromSomebodyNotEntitled":   {"acknowledge", in{"by": "eve"}, "Eve is not entitled: this is for boss, coordinator, lead, leads"},
		"WithoutASender":            {"note", in{"text": "hm"}, "by is missing"},
		"WithoutAResolution":        {"resolve", in{"by": "ann"}, "resolution is missing"},
		"OfAnUnknownGrade":          {"severity", in{"by": "ann", "severity": "P9", "reason": "?"}, `no severity "P9"; it has P0, P1, P2`},
		"OfAStepThatIsNotThere":     {"complete", in{"by": "ann", "step": "nothing"}, `no step "nothing" waits`},
		"OfAClockThatIsNotThere":    {"extend", in{"by": "ann", "clock": "nothing", "for": "5m", "reason": "x"}, `there is no clock "nothing"; running are update:1`},
		"OfTheTimeToAcknowledge":    {"extend", in{"by": "ann", "clock": "acknowledge", "for": "5m", "reason": "x"}, "acknowledge, and the paging stops"},
		"OfAnAlertInNoState":        {"alert", in{"key": "k", "status": "on"}, "firing or resolved"},
		"WithControlCharacters":     {"note", in{"by": "ann", "text": "a\x1bb"}, "control characters"},
		"ThatHandsOverToNobody":     {"handover", in{"by": "ann", "to": "mallory"}, `nobody called "mallory"`},
		"ThatHandsOverUntilThePast": {"handover", in{"by": "ann", "to": "bob", "until": "2020-01-01T00:00:00Z"}, "has passed"},
	}
	for title, test := range refusals {
		t.Run("AreRefused/"+title, func(t *testing.T) {
			t.Parallel()
			b := setup(t, outage)
			update := b.ask(time.Minute, test.name, test.payload)
			b.signal(2*time.Minute, test.name, test.payload)
			over(b, 3*time.Minute)
			rec := b.start("Outage")
			require.ErrorContains(t, update().err, test.want)
			var told []workflows.Event
			for _, e := range rec.Timeline {
				if e.Kind == "message" && e.At.Equal(began.Add(2*time.Minute)) {
					told = append(told, e)
				}
			}
			require.Len(t, told, 1, "a signal that can't be taken is in the timeline")
			require.Contains(t, told[0].Text, test.name+" refused: ")
			require.Contains(t, told[0].Text, test.want)
			require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
		})
	}
	t.Run("ThatComeTwiceChangeNothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		again := map[string]func() *answered{}
		for i, m := range []struct {
			name    string
			payload in
		}{
			{"acknowledge", in{"by": "ann"}},
			{"note", in{"by": "ann", "text": "looking"}},
			{"update", in{"by": "ann", "text": "we are on it"}},
			{"severity", in{"by": "ann", "severity": "P1", "reason": "many users"}},
			{"extend", in{"by": "ann", "clock": "respond", "for": "10m", "reason": "waiting for a vendor"}},
			{"handover", in{"by": "ann", "to": "bob"}},
			{"complete", in{"by": "bob", "step": "respond"}},
			{"alert", in{"key": "k", "status": "firing", "summary": "5xx"}},
		} {
			at := time.Duration(i+1) * time.Minute
			first := b.ask(at, m.name, m.payload)
			again[m.name] = b.ask(at+time.Second, m.name, m.payload)
			defer func() {
				require.NoError(t, first().err, m.name)
				require.True(t, first().answer.Changed, m.name)
			}()
		}
		over(b, 10*time.Minute)
		rec := b.start("Outage")
		for name, answer := range again {
			require.NoError(t, answer().err, name)
			require.False(t, answer().answer.Changed && name != "alert", "%s: %s", name, answer().answer.Now)
		}
		require.Len(t, texts(rec, "note"), 1)
		require.Len(t, rec.Incident.Updates, 1)
		require.Equal(t, "Bob", rec.Incident.Owner.Name)
		require.Equal(t, 2, rec.Incident.Alerts[0].Count)
	})
	t.Run("ComeTooLateWhenItIsOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: wait, steps: [{id: over, wait: {for: resolved}}, {id: after, wait: 10m}]}]
`)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		ack := b.ask(2*time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(3*time.Minute, "acknowledge", in{"by": "ann"})
		again := b.ask(4*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage")
		require.ErrorContains(t, ack().err, "too late: the incident was resolved by Ann 02:15:00 UTC")
		require.Contains(t, texts(rec, "message"), "acknowledge refused: too late: the incident was resolved by Ann 02:15:00 UTC")
		require.NoError(t, again().err)
		require.Equal(t, "already resolved by Ann 02:15:00 UTC", again().answer.Now)
	})
	t.Run("AreTakenBeforeTheFirstStep", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(0, "alert", in{"key": "k", "status": "firing", "summary": "5xx"})
		b.signal(time.Minute, "alert", in{"key": "k", "status": "resolved"})
		over(b, 2*time.Minute)
		rec := b.start("Outage")
		require.Equal(t, "resolved", rec.Incident.Alerts[0].Status)
		require.Contains(t, texts(rec, "alert"), "all alerts are over; the incident stays open until somebody resolves it")
	})
}

func TestAbort(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: level-1}
phases:
  - id: work
    steps:
      - id: both
        parallel:
          - {id: nap, wait: 10h}
          - {id: who, ask: Are you there, of: lead}
finally: [{id: tidy, uses: test.do}]
`)
	abort := b.ask(6*time.Minute, "abort", in{"by": "ann", "reason": "false alarm"})
	rec := b.start("Outage")
	require.NoError(t, abort().err)
	require.Equal(t, workflows.Cancelled, rec.State)
	require.Equal(t, workflows.IncidentAborted, rec.Incident.State)
	require.Equal(t, []string{"0s ann", "5m0s bob"}, b.people.sequence())
	require.Equal(t, workflows.Succeeded, step(t, rec, "tidy").State)
	require.Equal(t, workflows.Cancelled, step(t, rec, "nap").State)
	require.Equal(t, workflows.Skipped, step(t, rec, "who").State)
	require.Equal(t, "the incident was aborted", step(t, rec, "who").Reason)
	require.Contains(t, rec.Timeline[len(rec.Timeline)-1].Text, "aborted by Ann: false alarm")
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	t.Run("RaisedPagesThePeopleOfItsOwnLevelAndNeverGivesMoreTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(90*time.Second, "extend", in{"by": "ann", "clock": "respond", "for": "10m", "reason": "waiting"})
		raise := b.ask(3*time.Minute, "severity", in{"by": "ann", "severity": "p0", "reason": "everything is down"})
		b.signal(4*time.Minute, "acknowledge", in{"by": "dora"})
		b.signal(5*time.Minute, "resolve", in{"by": "dora", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P2"})
		require.NoError(t, raise().err)
		require.Equal(t, []string{"0s ann", "3m0s dora"}, b.people.sequence())
		c := clockOf(t, rec, "respond")
		require.Equal(t, began.Add(2*time.Minute), c.Due.UTC(), "2 minutes from the start, however much it had been extended")
		require.Equal(t, "1m0s", c.Lateness)
		require.Equal(t, "Ann", rec.Incident.Owner.Name)
	})
	t.Run("RaisedLeavesLessTimeToAcknowledge", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.rules = rules()
		strict := b.rules.Policies["level-3"]
		strict.Acknowledge = minutes(2)
		b.rules.Policies["level-3"] = strict
		b.signal(3*time.Minute, "severity", in{"by": "ann", "severity": "P0", "reason": "worse"})
		b.signal(4*time.Minute, "resolve", in{"by": "dora", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P2"})
		c := clockOf(t, rec, "acknowledge")
		require.Equal(t, began.Add(2*time.Minute), c.Due.UTC())
		require.Equal(t, "1m0s", c.Lateness)
	})
	t.Run("LoweredGivesMoreTimeAndCallsNobody", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "severity", in{"by": "bob", "severity": "P2", "reason": "it is only one page"})
		b.signal(11*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P1"})
		require.Equal(t, []string{"0s bob", "0s carol", "5m0s ann", "10m0s bob"}, b.people.sequence())
		require.Equal(t, began.Add(2*time.Hour), clockOf(t, rec, "respond").Due.UTC())
	})
	t.Run("RaisedWhileATierIsBeingPagedWaitsForThePage", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.people.onPage = func(q workflows.PageRequest) {
			if q.Page[0] == "lead" {
				b.after(0, func() { b.env.SignalWorkflow("severity", in{"by": "ann", "severity": "P0", "reason": "worse"}) })
			}
		}
		b.signal(6*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		b.start("Outage", in{"severity": "P2"})
		require.Equal(t, []string{"0s ann", "5m0s bob", "5m0s dora"}, b.people.sequence())
	})
}

func TestPromises(t *testing.T) {
	t.Parallel()
	t.Run("BrokenAfterAnAcknowledgementPageTheNextTier", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "bob"})
		for m := 10; m <= 50; m += 10 {
			b.signal(time.Duration(m)*time.Minute, "note", in{"by": "bob", "text": "still at it"})
		}
		b.signal(33*time.Minute, "acknowledge", in{"by": "dora"})
		b.signal(51*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P1"})
		require.Equal(t, []string{"0s bob", "0s carol", "30m0s dora"}, b.people.sequence())
		require.NotNil(t, clockOf(t, rec, "respond").Breached)
		require.NotNil(t, clockOf(t, rec, "respond").Met, "late, when it was resolved")
		require.Nil(t, clockOf(t, rec, "resolve").Breached)
	})
	t.Run("ToStakeholdersAreKeptByAnUpdateOrMadeUpFor", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.signal(time.Minute, "acknowledge", in{"by": "bob"})
		b.signal(20*time.Minute, "update", in{"by": "bob", "text": "we know what it is"})
		for m := 30; m <= 100; m += 20 {
			b.signal(time.Duration(m)*time.Minute, "note", in{"by": "bob", "text": "at it"})
		}
		b.signal(85*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		rec := b.start("Outage", in{"severity": "P1"})
		require.Nil(t, clockOf(t, rec, "update:1").Breached)
		require.Equal(t, began.Add(50*time.Minute), clockOf(t, rec, "update:2").Breached.UTC())
		require.Equal(t, began.Add(80*time.Minute), clockOf(t, rec, "update:3").Breached.UTC())
		require.Len(t, rec.Incident.Updates, 3)
		require.False(t, rec.Incident.Updates[0].Drafted)
		require.True(t, rec.Incident.Updates[1].Drafted)
		require.Contains(t, rec.Incident.Updates[1].Text, "Bob is working on it")
		require.Contains(t, b.people.tellings("bob"), "A status update is due 03:04:00 UTC")
		require.Equal(t, []string{"The API is down", "Status update: The API is down", "Status update: The API is down", "Status update: The API is down", "Resolved: The API is down"},
			b.people.tellings("board"))
	})
}
