package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestMonthlyReview(t *testing.T) {
	t.Parallel()
	box := func(b *bench, at time.Duration, id string) { b.done(at, "ana", id, in{"outcome": "about " + id}) }
	t.Run("KeepsItsBoxesAndWritesItDown", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		var subjects []string
		b.answer("notify.send", func(with in) (any, error) {
			subjects = append(subjects, with["subject"].(string))
			return in{"reached": 1}, nil
		})
		box(b, 75*time.Minute, "incidents")
		box(b, 90*time.Minute, "process")
		box(b, 98*time.Minute, "tools")
		box(b, 107*time.Minute, "training")
		b.done(2*time.Hour, "ana", "said[0].figures", in{"satisfaction": 4.6, "satisfaction_from": "38 answers"})
		b.done(2*time.Hour, "ana", "said[0].present", in{"invited": 8, "present": 7})
		b.done(3*time.Hour, "ana", "said[0].minutes", in{"decisions": "nothing"})
		rec := b.start("monthly-review", in{"month": "2026-10"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, time.Hour, clock(t, rec, "phase:agenda").Due.Sub(clock(t, rec, "phase:agenda").Started))
		require.Nil(t, clock(t, rec, "phase:agenda").Breached)
		boxes := time.Duration(0)
		for _, id := range []string{"incidents", "process", "tools", "training"} {
			c := clock(t, rec, "step:"+id)
			require.Nil(t, c.Breached, id)
			boxes += c.Due.Sub(c.Started)
		}
		require.Equal(t, time.Hour, boxes, "20, 20, 10, 10 minutes")
		require.Equal(t, []string{"Review of 2026-10 in 1h", "Review of 2026-10"}, subjects)
		require.Equal(t, map[string]any{"answered": true, "month": "2026-10"}, outputs(t, rec, "said[0].written", "answered", "month"))
		text := b.report(rec, "said[0].written")
		for _, want := range []string{
			"# Review of October 2026", "about tools", "- Took part: 7 of 8", "- Satisfaction of customers: 4.6 of 5, 38 answers",
			"| Mean time to acknowledge | **missing** |",
		} {
			require.Contains(t, text, want)
		}
	})

	t.Run("MovesOnWhenABoxIsOverAndAsksForItInTheMinutes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		box(b, 75*time.Minute, "incidents")
		box(b, 98*time.Minute, "tools") // the procedures took all their twenty minutes
		people := func(round string, at time.Duration, minutes in) {
			b.done(at, "ana", round+".figures", in{"satisfaction": 4, "satisfaction_from": "tickets"})
			b.done(at, "ana", round+".present", in{"invited": 8, "present": 7})
			b.done(at, "ana", round+".minutes", minutes)
		}
		people("said[0]", 3*time.Hour, in{"decisions": "nothing", "process": "a runbook for mail"})
		people("said[1]", 4*time.Hour, in{"decisions": "nothing", "process": "a runbook for mail", "training": "a drill in December"})
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, 30*24*time.Hour)
		rec := b.start("monthly-review", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, workflows.Skipped, step(t, rec, "process").State)
		require.NotNil(t, clock(t, rec, "step:process").Breached)
		require.True(t, strings.Contains(b.asks["What was decided?"], "- procedures\n"), b.asks["What was decided?"])
		require.Equal(t, 2, step(t, rec, "said").Count, "training was missing")
		require.Contains(t, b.report(rec, "said[1].written"), "a drill in December")
	})

	t.Run("IsChasedWhenNobodyWritesTheMinutes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, 4*24*time.Hour)
		rec := b.start("monthly-review", in{})
		require.Equal(t, workflows.Cancelled, rec.State)
		require.NotNil(t, clock(t, rec, "phase:outcome").Breached)
		require.NotEmpty(t, b.pages)
	})
}
