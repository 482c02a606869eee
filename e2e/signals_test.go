package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestPlainSignalsDoWhatTheCommandsDo answers a run with nothing but the JSON that `temporal workflow
// signal` and `tctl workflow signal` send.
func TestPlainSignalsDoWhatTheCommandsDo(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", strings.Replace(outageSOP, "wait: 10s", "wait: 1s", 1))
	id := o.start("outage").WorkflowID
	o.paged(id, 1)
	type plain = map[string]any
	for text, send := range map[string]func(){
		`org.yaml has nobody called "zoe"`: func() { o.signal(id, "acknowledge", plain{"by": "zoe"}) },
		"Dora is not entitled":             func() { o.signal(id, "acknowledge", plain{"by": "dora"}) },
		"by is missing":                    func() { o.signal(id, "acknowledge", plain{}) },
		"its payload can't be read":        func() { o.signal(id, "acknowledge", "ann") },
		"there is no such message":         func() { o.signal(id, "ack", plain{"by": "ann"}) },
		"there is no clock":                func() { o.signal(id, "extend", plain{"by": "ann", "clock": "tea", "for": "5m", "reason": "thirst"}) },
	} {
		send()
		o.watch(id, "the refusal of "+text, func(r *workflows.Record) bool {
			return strings.Contains(timeline(r), "refused: ") && strings.Contains(timeline(r), text)
		})
	}
	require.Equal(t, workflows.IncidentOpen, o.record(o.c, id).Incident.State, "none of them stopped the paging")

	o.signal(id, "acknowledge", plain{"by": "ann@example.org", "note": "on my way", "of": "no meaning"})
	rec := o.watch(id, "Ann", func(r *workflows.Record) bool { return r.Incident.Owner != nil })
	require.Equal(t, workflows.Party{ID: "ann", Name: "Ann"}, *rec.Incident.Owner)
	require.NotNil(t, rec.Ladders[0].Stopped)
	o.signal(id, "note", plain{"by": "U01", "text": "the pool is exhausted"})
	o.signal(id, "update", plain{"by": "ann", "text": "We are on it."})
	o.signal(id, "severity", plain{"by": "ann", "severity": "P2", "reason": "some can work"})
	o.signal(id, "alert", plain{"key": "api-5xx", "status": "firing", "summary": "many errors"})
	o.watch(id, "the question", func(r *workflows.Record) bool { return stepOf(t, r, "assess").Ask != nil })
	o.signal(id, "extend", plain{"by": "ann", "clock": "assess", "for": "15m", "reason": "slow dashboards"})
	o.signal(id, "handover", plain{"by": "ann", "to": "bob"})
	o.signal(id, "complete", plain{"by": "bob", "step": "assess", "form": plain{"impact": "all", "kind": "gone", "users": 3}})
	o.watch(id, "the decision", func(r *workflows.Record) bool { return stepOf(t, r, "failover").Ask != nil })
	o.signal(id, "decide", plain{"by": "bob", "step": "failover", "approve": true})
	o.signal(id, "decide", plain{"by": "cleo", "step": "failover", "approve": true})
	o.watch(id, "the next question", func(r *workflows.Record) bool { return stepOf(t, r, "support").Ask != nil })
	o.signal(id, "complete", plain{"by": "cleo", "step": "support", "skip": true, "reason": "they called us"})
	o.signal(id, "resolve", plain{"by": "bob", "resolution": "raised the pool"})
	rec = o.ended(id)

	require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
	require.Equal(t, "bob", rec.Incident.Owner.ID)
	require.Equal(t, "P2", rec.Incident.Severity)
	require.Equal(t, "api-5xx", rec.Incident.Alerts[0].Key)
	require.Equal(t, workflows.Succeeded, stepOf(t, rec, "failover").State)
	require.Equal(t, workflows.Skipped, stepOf(t, rec, "support").State)
	for _, line := range []string{"acknowledged by Ann: on my way", "the pool is exhausted", "We are on it.", "P1 → P2", "many errors", "15m later", "handed over by Ann to Bob", "resolved by Bob"} {
		require.Contains(t, timeline(rec), line)
	}
	require.Contains(t, o.says("", "show", id), "resolved")
}
