package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// chaotic has a bit of everything that waits for people.
const chaotic = `
sop: outage
title: Outage
owners: [boss]
within: 2h
incident: {severity: P2, services: [api]}
phases:
  - id: a
    within: 1h
    steps:
      - id: both
        parallel:
          - {id: scope, ask: What is it, of: lead, within: 20m, remind: 7m, on_failure: continue, form: {grade: {type: choice, options: [P0, P1, P2], sets: severity}}}
          - {id: go, approve: Go, by: [leads, boss], quorum: 2, within: 40m, on_expire: fail, on_failure: continue}
          - {id: mine, ask: Say something, of: incident.owner, within: 90m, on_expire: skip}
          - {id: look, repeat: {every: 9m, for: 1h, steps: [{id: act, uses: test.do}]}}
          - {id: all, each: {in: [x, y], at_once: 2, steps: [{id: each, ask: "Look at ${{ item }}", of: coordinator, within: 30m}]}}
      - {id: help, uses: test.do, mitigates: true}
  - id: b
    steps:
      - {id: over, wait: {for: resolved}}
      - {id: report, ask: Write it down, of: incident.owner, within: 10m, on_expire: skip}
finally:
  - {id: nap, wait: 2m}
  - {id: tidy, ask: Tidy up, of: lead, within: 10m, on_expire: skip, on_failure: continue}
`

type deed struct {
	at      time.Duration
	name    string
	payload in
	signal  bool
}

// randomDeeds are what people do in three hours, sense or nonsense. In the end somebody resolves it.
func randomDeeds(rnd *rand.Rand) []deed {
	one := func(list ...string) string { return list[rnd.IntN(len(list))] }
	person := func() string { return one("ann", "bob", "carol", "dora", "eve", "mallory") }
	var deeds []deed
	for range 5 + rnd.IntN(25) {
		d := deed{at: time.Duration(rnd.IntN(180*60)) * time.Second, signal: rnd.IntN(2) == 0}
		if rnd.IntN(3) == 0 {
			d.at = d.at.Truncate(5 * time.Minute) // the same second as something else
		}
		by := person()
		switch d.name = one("acknowledge", "acknowledge", "acknowledge", "complete", "decide", "escalate", "extend", "note", "update", "severity", "handover", "alert", "resolve", "abort"); d.name {
		case "acknowledge":
			d.payload = in{"by": by}
		case "complete":
			d.payload = in{"by": by, "step": one("scope", "mine", "all[0].each", "each", "respond", "report", "tidy"), "form": in{}}
		case "decide":
			d.payload = in{"by": by, "step": "go", "approve": rnd.IntN(4) > 0, "reason": "because"}
		case "escalate":
			d.payload = in{"by": by, "reason": one("", "stuck")}
		case "extend":
			d.payload = in{"by": by, "clock": one("respond", "resolve", "update", "scope", "run", "phase:a"), "for": fmt.Sprintf("%dm", 1+rnd.IntN(60)), "reason": "late"}
		case "note", "update":
			d.payload = in{"by": by, "text": fmt.Sprint("text ", rnd.IntN(1000))}
		case "severity":
			d.payload = in{"by": by, "severity": one("P0", "P1", "P2"), "reason": "looked"}
		case "handover":
			d.payload = in{"by": by, "to": person()}
			if rnd.IntN(2) == 0 {
				d.payload["until"] = began.Add(d.at + time.Duration(rnd.IntN(3600))*time.Second)
			}
		case "alert":
			d.payload = in{"key": one("k", "l"), "status": one("firing", "firing", "resolved"), "summary": "5xx"}
		case "resolve":
			d.payload = in{"by": by, "resolution": "ok"}
		case "abort":
			d.payload = in{"by": by, "reason": "never mind"}
			if rnd.IntN(3) > 0 {
				continue
			}
		}
		deeds = append(deeds, d)
	}
	return append(deeds, deed{at: 190 * time.Minute, name: "resolve", payload: in{"by": "dora", "resolution": "at last"}})
}

// TestAnyNightEndsWell plays random messages, two at once and a moment before the run continues as new among
// them: it always ends, every message is answered, and the record makes sense.
func TestAnyNightEndsWell(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			deeds := randomDeeds(rnd)
			var halts []time.Duration
			for range rnd.IntN(4) {
				halts = append(halts, time.Duration(rnd.IntN(200*60))*time.Second)
			}
			playNight(t, deeds, halts, []string{"", "ann", "bob", "carol", "dora"}[rnd.IntN(5)])
		})
	}
}

func playNight(t *testing.T, deeds []deed, halts []time.Duration, unwell string) {
	t.Helper()
	var args []any
	var answers []func() *answered
	sent := make([]bool, len(deeds))
	start, ids := time.Duration(0), map[string]bool{}
	for execution := 0; ; execution++ {
		require.Less(t, execution, 12, "it never ends")
		b := setup(t, chaotic)
		b.env.SetStartTime(began.Add(start))
		b.people.unwell[unwell] = true
		if len(halts)%2 == 1 { // Slack comes and goes
			b.people.down = func() bool { return b.env.Now().Minute()%7 < 3 }
		}
		for i, d := range deeds {
			if sent[i] {
				continue
			}
			b.after(max(d.at-start, 0), func() {
				sent[i] = true
				if d.signal {
					b.env.SignalWorkflow(d.name, d.payload)
					return
				}
				a := b.send(d.name, d.payload)
				answers = append(answers, func() *answered { return a })
			})
		}
		for _, h := range halts {
			if h > start {
				b.after(h-start, func() {
					b.env.SetContinueAsNewSuggested(true)
					b.env.SignalWorkflow("note", in{"by": "eve", "text": "halt"})
				})
			}
		}
		b.env.ExecuteWorkflow("Outage", args...)
		for _, p := range b.people.pages {
			require.False(t, ids[p.ID+p.Person], "%s was sent to %s before", p.ID, p.Person)
			ids[p.ID+p.Person] = true
		}
		again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		rec := b.record()
		if !ok || rec.State.Done() {
			requireSense(t, rec)
			for _, a := range answers {
				require.True(t, a().done, "a message was never answered")
			}
			require.Less(t, len(ids), 400)
			if !ok {
				return
			}
			args = []any{in{}, nil, json.RawMessage(`{"key": "k", "status": "firing"}`)}
			start, ids = b.env.Now().Sub(began), map[string]bool{}
			continue
		}
		args, start = decoded(t, again), b.env.Now().Sub(began)
	}
}

// requireSense says what holds of every record of a run that is over.
func requireSense(t *testing.T, rec *workflows.Record) {
	t.Helper()
	_, err := json.Marshal(rec)
	require.NoError(t, err)
	require.True(t, rec.State.Done())
	require.True(t, rec.Incident.State.Over())
	require.LessOrEqual(t, rec.Ended.Sub(rec.Started), 7*time.Hour, "%s", rec.Timeline[len(rec.Timeline)-1].Text)
	last := rec.Started
	for _, e := range rec.Timeline {
		require.False(t, e.At.Before(last), "%s came before what is above it", e.Text)
		last = e.At
	}
	requireQuiet(t, rec)
	seen := map[string]bool{}
	for _, c := range rec.Clocks {
		require.False(t, seen[c.ID], "two clocks are called %s", c.ID)
		seen[c.ID] = true
		require.True(t, c.Met != nil || c.Breached != nil || c.Stopped != nil, "%s is still running", c.ID)
		if c.Breached != nil {
			require.False(t, c.Breached.Before(c.Due), "%s was breached before it was due", c.ID)
		}
		if c.Met != nil && c.Breached == nil {
			require.False(t, c.Met.After(c.Due), "%s was met late, and no breach is noted", c.ID)
		}
	}
	for _, l := range rec.Ladders {
		require.True(t, l.Closed, l.ID)
		require.Empty(t, l.Owed)
	}
}

// requireQuiet says that after an acknowledgement nobody was paged unless the timeline says why.
func requireQuiet(t *testing.T, rec *workflows.Record) {
	t.Helper()
	why := []string{"escalated by", "severity ", "paging begins again", "paging goes on", "not done within", "open again", "opened", "could not be reached"}
	quiet := false
	for _, e := range rec.Timeline {
		switch {
		case e.Kind == "message" && strings.HasPrefix(e.Text, "acknowledged by"):
			quiet = true
		case e.Kind == "page" && strings.HasPrefix(e.Text, "paged ") && !strings.Contains(e.Text, "; it was on its way when "):
			require.False(t, quiet, "%s %s: somebody had acknowledged", e.At, e.Text)
		case slices.ContainsFunc(why, func(w string) bool { return strings.Contains(e.Text, w) }):
			quiet = false
		}
	}
}
