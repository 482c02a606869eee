package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestAskingInRounds(t *testing.T) {
	t.Parallel()
	t.Run("OfARepeatAsksAnewEachTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
phases:
  - id: a
    steps:
      - id: until
        repeat:
          every: 20m
          until: steps.fine.outputs.ok == "yes"
          steps: [{id: fine, ask: Is it fine, of: lead, within: 10m, form: {ok: {type: choice, options: ["yes", "no"]}}}]
`)
		for i, answer := range []string{"no", "no", "yes"} {
			b.ask(time.Duration(i)*20*time.Minute+time.Minute, "complete", in{"by": "bob", "step": "fine", "form": in{"ok": answer}})
		}
		late := b.ask(2*time.Minute, "complete", in{"by": "bob", "step": "until[0].fine", "form": in{"ok": "yes"}})
		rec := b.start("Release")
		require.Equal(t, workflows.Succeeded, rec.State)
		require.Equal(t, []string{"Fine", "Fine", "Fine"}, b.people.tellings("lead"))
		ids := map[string]bool{}
		for _, q := range b.people.told {
			require.False(t, ids[q.Message.ID], q.Message.ID)
			ids[q.Message.ID] = true
		}
		require.NotNil(t, late())
		require.False(t, late().answer.Changed)
	})
	t.Run("OfAnEachNamesWhatIsMeant", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: all, each: {in: [x, y], at_once: 2, steps: [{id: look, ask: "Look at ${{ item }}", of: lead}]}}]}]
`)
		which := b.ask(time.Minute, "complete", in{"by": "bob", "step": "look"})
		b.signal(2*time.Minute, "complete", in{"by": "bob", "step": "all[0].look"})
		b.signal(3*time.Minute, "complete", in{"by": "bob", "step": "look"})
		rec := b.start("Release")
		require.ErrorContains(t, which().err, "all[0].look, all[1].look")
		require.Equal(t, 3*time.Minute, rec.Ended.Sub(rec.Started))
	})
}

func TestTinyTimes(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: release
title: Release
phases: [{id: a, steps: [{id: ready, ask: Ready, of: lead, within: 1ms, on_expire: fail, on_failure: continue}, {id: again, ask: Again, of: lead, within: 1s, remind: 1s}]}]
`)
	b.signal(10*time.Second+time.Millisecond, "complete", in{"by": "bob", "step": "again"})
	rec := b.start("Release")
	require.Equal(t, workflows.Failed, step(t, rec, "ready").State)
	require.Equal(t, workflows.Succeeded, step(t, rec, "again").State)
	require.LessOrEqual(t, step(t, rec, "again").Ask.Reminded, 10)
}

func TestAnAcknowledgementOfAStepAndItsIncidentTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {level: quiet}
phases: [{id: a, steps: [{id: scope, ask: What is it, of: lead, within: 2m, policy: level-1}, {id: over, wait: {for: resolved}}]}]
`)
	ack := b.ask(3*time.Minute, "acknowledge", in{"by": "ann"})
	b.signal(40*time.Minute, "complete", in{"by": "ann", "step": "scope"})
	b.signal(41*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	rec := b.start("Outage")
	require.NoError(t, ack().err)
	require.Equal(t, []string{"0s ann", "2m0s ann", "33m0s ann", "38m0s bob"}, b.people.sequence(), "the step is paged again when level-1's lease of 30 minutes is over")
	require.Equal(t, "Ann", rec.Incident.Owner.Name)
}

func TestQuorumsAndTime(t *testing.T) {
	t.Parallel()
	for expire, want := range map[string]workflows.State{"fail": workflows.Failed, "hold": workflows.Succeeded} {
		t.Run(expire, func(t *testing.T) {
			t.Parallel()
			b := setup(t, fmt.Sprintf(`
sop: release
title: Release
phases: [{id: a, steps: [{id: go, approve: Go, by: [leads, boss], quorum: 2, within: 10m, on_expire: %s}]}]
`, expire))
			b.signal(10*time.Minute-time.Millisecond, "decide", in{"by": "bob", "step": "go", "approve": true})
			late := b.ask(11*time.Minute, "decide", in{"by": "dora", "step": "go", "approve": true})
			rec := b.start("Release")
			require.Equal(t, want, step(t, rec, "go").State)
			if expire == "hold" {
				require.NoError(t, late().err)
				require.NotNil(t, clockOf(t, rec, "step:go").Breached)
				require.NotNil(t, clockOf(t, rec, "step:go").Met)
			}
		})
	}
}

func TestAnEscalationAtTheTopPagesTheTopAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.signal(21*time.Minute, "escalate", in{"by": "ann"})
	b.signal(22*time.Minute, "escalate", in{"by": "ann"})
	b.signal(23*time.Minute, "acknowledge", in{"by": "dora"})
	b.signal(24*time.Minute, "escalate", in{"by": "ann"})
	b.signal(30*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage")
	require.Equal(t, []string{"0s ann", "5m0s bob", "15m0s bob", "15m0s carol", "20m0s dora", "21m0s dora", "22m0s dora", "24m0s dora", "29m0s dora"}, b.people.sequence())
}

func TestAPolicyThatTheProcedureNamesStaysWhateverTheSeverity(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: outage
title: Outage
incident: {severity: P1, policy: level-1}
phases: [{id: a, steps: [{id: over, wait: {for: resolved}}]}]
`)
	b.signal(time.Minute, "acknowledge", in{"by": "ann"})
	b.signal(2*time.Minute, "severity", in{"by": "ann", "severity": "P0", "reason": "worse"})
	b.signal(3*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	rec := b.start("Outage")
	require.Equal(t, "level-1", rec.Incident.Level, "the procedure says who is paged, whatever the severity")
	require.Equal(t, []string{"0s ann", "2m0s bob"}, b.people.sequence(), "the first mitigation was due after 2 minutes")
}

func TestAStepThatIsAnsweredWhileNobodyWatchesItsClockIsLate(t *testing.T) {
	t.Parallel()
	b := setup(t, asking)
	b.after(time.Minute, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.env.SignalWorkflow("note", in{"by": "eve", "text": "lights out"})
	})
	next := b.successor("Release", asking, began.Add(20*time.Minute)) // it was due at 15
	next.b.load = nil
	next.b.signal(0, "complete", in{"by": "ann", "step": "ready", "form": in{"plan": "x"}})
	rec := next.start()
	c := clockOf(t, rec, "step:ready")
	require.NotNil(t, c.Met)
	require.NotNil(t, c.Breached, "met %s, due %s", c.Met, c.Due)
}
