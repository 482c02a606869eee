package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

func TestAnIncidentStarts(t *testing.T) {
	t.Parallel()
	t.Run("WithASeverityOfTheOnlyScale", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.rules = rules()
		b.rules.Defaults.Scale = ""
		b.signal(time.Minute, "severity", in{"by": "bob", "severity": "P0", "reason": "worse"})
		b.signal(2*time.Minute, "resolve", in{"by": "dora", "resolution": "ok"})
		b.env.ExecuteWorkflow("Outage", in{"severity": "P1"})
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, []string{"0s bob", "0s carol", "1m0s dora"}, b.people.sequence())
	})
	t.Run("WithPromisesInBusinessTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.rules = rules()
		b.rules.Severities["platform"] = append(b.rules.Severities["platform"],
			sops.Severity{ID: "P3", Respond: sops.Span{NextBusinessDay: true}, Resolve: sops.Span{NextBusinessDay: true}, Policy: "quiet"})
		b.signal(time.Minute, "acknowledge", in{"by": "ann"})
		b.signal(time.Hour, "severity", in{"by": "ann", "severity": "P1", "reason": "worse"})
		b.signal(2*time.Hour, "severity", in{"by": "ann", "severity": "P3", "reason": "not so bad"})
		b.signal(3*time.Hour, "resolve", in{"by": "dora", "resolution": "ok"})
		b.env.ExecuteWorkflow("Outage", in{"severity": "P3"})
		require.NoError(t, b.env.GetWorkflowError())
		rec := b.record()
		require.NotNil(t, clockOf(t, rec, "respond").Breached, "half an hour from the start was over when it was raised")
		require.Equal(t, "2026-11-23", clockOf(t, rec, "resolve").Due.Format(time.DateOnly), "Monday")
		require.NotNil(t, clockOf(t, rec, "resolve").Met)
	})
}
