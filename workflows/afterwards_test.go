package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// watched goes on for two hours after somebody has resolved it, as the library's procedures do.
const watched = `
sop: outage
title: Outage
owners: [boss]
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: watch, wait: 2h}
`

// afterwards asks for something when the incident is over.
const afterwards = `
sop: outage
title: Outage
owners: [boss]
incident: {level: level-1}
phases:
  - id: a
    steps:
      - {id: over, wait: {for: resolved}}
      - {id: report, ask: Write it down, of: coordinator, within: 1h}
`

func TestAnIncidentThatIsOver(t *testing.T) {
	t.Parallel()
	t.Run("DoesNotSwallowAnAlertThatFiresAfterwards", func(t *testing.T) {
		t.Parallel()
		b := setup(t, watched)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		again := b.ask(30*time.Minute, "alert", in{"key": "k", "status": "firing", "summary": "the API is down again"})
		b.signal(40*time.Minute, "resolve", in{"by": "ann", "resolution": "again"})
		b.start("Outage")
		require.True(t, again().err != nil || len(b.people.sequence()) > 1,
			"answered %q, and nobody was paged: %v", again().answer.Now, b.people.sequence())
	})
	t.Run("LetsPeopleAcknowledgeWhatTheyArePagedForAfterwards", func(t *testing.T) {
		t.Parallel()
		b := setup(t, afterwards)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		ack := b.ask(63*time.Minute, "acknowledge", in{"by": "ann"}) // paged at 61
		b.signal(80*time.Minute, "complete", in{"by": "ann", "step": "report"})
		b.start("Outage")
		require.NoError(t, ack().err)
		require.Equal(t, []string{"0s ann", "1h1m0s ann"}, b.people.sequence())
	})
	t.Run("LetsPeopleExtendHandOverAndEscalateWhatIsLeftToDo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, afterwards)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		extend := b.ask(10*time.Minute, "extend", in{"by": "ann", "clock": "report", "for": "1h", "reason": "asleep"})
		escalate := b.ask(20*time.Minute, "escalate", in{"by": "ann", "reason": "not mine"})
		b.signal(30*time.Minute, "complete", in{"by": "ann", "step": "report"})
		b.start("Outage")
		require.NoError(t, extend().err)
		require.NoError(t, escalate().err)
	})
}

func TestWhatAResolutionLeavesToDo(t *testing.T) {
	t.Parallel()
	t.Run("IsStillToDoWhenTheIncidentWasOpenAgainMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t, afterwards)
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		b.signal(10*time.Minute, "alert", in{"key": "k", "status": "firing", "summary": "down again"})
		b.signal(12*time.Minute, "resolve", in{"by": "ann", "resolution": "restarted again"})
		done := b.ask(30*time.Minute, "complete", in{"by": "ann", "step": "report"})
		rec := b.start("Outage")
		require.Equal(t, workflows.Succeeded, step(t, rec, "report").State, step(t, rec, "report").Reason)
		require.NoError(t, done().err)
	})
	t.Run("DoesNotLetTheSeverityMakePromisesAnew", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(afterwards, "level: level-1", "severity: P2", 1))
		b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "restarted"})
		severity := b.ask(10*time.Minute, "severity", in{"by": "ann", "severity": "P1", "reason": "it was worse than we thought"})
		b.signal(6*time.Hour, "complete", in{"by": "ann", "step": "report"})
		rec := b.start("Outage")
		for _, c := range rec.Clocks {
			require.False(t, c.Kind == "resolve" && c.Breached != nil, "answered %q (%v), and %s is breached though it was over after a minute", severity().answer.Now, severity().err, c.ID)
		}
	})
}

func TestUpdatesWithoutACadenceAreDifferentMessages(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.rules = rules()
	quiet := b.rules.Policies["quiet"]
	quiet.Stakeholders = []string{"board"}
	b.rules.Policies["quiet"] = quiet
	b.signal(time.Minute, "acknowledge", in{"by": "ann"})
	b.signal(2*time.Minute, "update", in{"by": "ann", "text": "we look into it"})
	b.signal(20*time.Minute, "update", in{"by": "ann", "text": "it is the database"})
	b.signal(21*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage", in{"level": "quiet"})
	ids := map[string]string{}
	for _, q := range b.people.told {
		require.Empty(t, ids[q.Message.ID], "%q has the id of %q: it would not be sent", q.Message.Body, ids[q.Message.ID])
		ids[q.Message.ID] = q.Message.Body
	}
}

func TestACancelledRun(t *testing.T) {
	t.Parallel()
	t.Run("PagesNobodyWhileItsLastStepsRun", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: outage
title: Outage
incident: {level: level-1}
phases: [{id: a, steps: [{id: nap, wait: 10h}]}]
finally: [{id: cool, wait: 10m}]
`)
		b.after(time.Minute, b.env.CancelWorkflow)
		rec := b.start("Outage")
		require.Equal(t, []string{"0s ann"}, b.people.sequence())
		require.Equal(t, workflows.IncidentAborted, rec.Incident.State)
	})
	t.Run("IsStillAnsweredByUpdate", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: nap, wait: 10h}]}]
finally: [{id: tidy, ask: Put the tools away, of: lead}]
`)
		b.after(time.Minute, b.env.CancelWorkflow)
		done := b.ask(2*time.Minute, "complete", in{"by": "bob", "step": "tidy"})
		b.signal(time.Hour, "complete", in{"by": "bob", "step": "tidy"})
		b.start("Release")
		require.NoError(t, done().err)
	})
}

func TestAnAbortEndsTheAskOfALastStep(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: nap, wait: 1m}]}]
finally: [{id: tidy, ask: Put the tools away, of: lead, within: 10m}]
`)
	abort := b.ask(5*time.Minute, "abort", in{"by": "bob", "reason": "never mind"})
	b.signal(10*time.Hour, "complete", in{"by": "bob", "step": "tidy"})
	rec := b.start("Release")
	require.True(t, abort().err != nil || rec.Ended.Sub(rec.Started) < time.Hour,
		"answered %q, and it went on for %s with %d pages", abort().answer.Now, rec.Ended.Sub(rec.Started), len(b.people.sequence()))
}
