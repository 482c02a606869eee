package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// november is a moment of the month that these reviews are of.
func november(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// keepRecord keeps the record of a run that took an hour.
func (d desk) keepRecord(t testing.TB, rec *workflows.Record) {
	t.Helper()
	over := rec.Started.Add(time.Hour)
	rec.Ended, rec.State = &over, workflows.Succeeded
	d.keepOpen(t, rec)
}

// keepOpen keeps a record as it is.
func (d desk) keepOpen(t testing.TB, rec *workflows.Record) {
	t.Helper()
	var over time.Time
	if rec.Ended != nil {
		over = *rec.Ended
	}
	data, err := json.Marshal(rec)
	require.NoError(t, err)
	require.NoError(t, d.journal.SaveRun(t.Context(), journal.Run{
		WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, State: string(rec.State), Drill: rec.Drill, Started: rec.Started, Ended: over, Updated: rec.Started.Add(time.Hour), Record: data,
	}))
}

// outage is the record of an incident.
func outage(id string, begin time.Time) *workflows.Record {
	return &workflows.Record{
		Procedure: "emergency-response", Title: "Emergency response", WorkflowID: id, RunID: id + begin.String(), Started: begin, Inputs: map[string]any{},
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Summary: "The API is down", Scale: "platform", Severity: "P1", Services: []string{"api"}, Since: begin,
			Resolved: &workflows.Deed{At: begin.Add(50 * time.Minute), By: workflows.Party{ID: "ana", Name: "Ana"}, Text: "mended"},
		},
		Timeline: []workflows.Event{{At: begin, Kind: "run", Text: "started"}},
	}
}

// writtenUp is the record of the post-mortem of an incident, with items.
func writtenUp(of *workflows.Record, complete bool, items string) *workflows.Record {
	outputs, _ := json.Marshal(map[string]any{"complete": complete, "key": "post-mortem/final.md"})
	return &workflows.Record{
		Procedure: "post-mortem", WorkflowID: "post-mortem/" + of.RunID, RunID: "pm" + of.RunID, Started: of.Started.Add(time.Hour),
		Inputs: map[string]any{"incident": of.WorkflowID, "started": of.Started.Format(time.RFC3339)},
		Phases: []*workflows.Phase{{ID: "analysis", Steps: []*workflows.Step{
			{ID: "analysis", Path: "analysis", State: workflows.Succeeded, Ask: &workflows.Ask{Done: &workflows.Deed{At: of.Started}, Form: map[string]any{"cause": "nobody owned it", "items": items}}},
			{ID: "complete", Path: "complete", Action: "report.post-mortem", State: workflows.Succeeded, Outputs: outputs},
		}}},
	}
}

func TestAMonthlyReviewIsMadeOfTheJournal(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.procedures = func() *sops.Library { return &sops.Library{} }
	first, second := outage("emergency-response/main", november(3, 2)), outage("emergency-response/main", november(20, 14))
	drill := outage("emergency-response/drill-main", november(4, 2))
	drill.Drill = true
	for _, rec := range []*workflows.Record{
		first, second, drill, outage("emergency-response/main", november(1, 0).Add(-time.Second)), outage("emergency-response/main", november(31, 0)),
		writtenUp(first, true, "renew it | ben | 2026-11-30\nown it | ana | 2027-01-30"),
	} {
		d.keepRecord(t, rec)
	}
	require.NoError(t, d.journal.SaveRun(t.Context(), journal.Run{
		WorkflowID: "incident-response/x", RunID: "broken", Procedure: "incident-response", State: "succeeded", Started: november(5, 0), Ended: november(5, 1), Updated: november(5, 1), Record: []byte(`{"incident": 7}`),
	}))
	out, err := called(t, d.monthly, MonthlyInput{Month: "2026-11", Review: &write.Review{
		Incidents: "a", Process: "b", Tools: "c", Training: "d", Invited: ptr(8), Present: ptr(6), Satisfaction: ptr(4.5), SatisfactionFrom: "38 answers",
	}})
	require.NoError(t, err)
	require.Equal(t, "2026-11", out.Month)
	require.Equal(t, 2, out.Incidents, "no drill, and nothing before or after")
	require.Equal(t, 2, out.Items)
	require.True(t, out.Answered)
	require.Contains(t, out.Missing, "post-mortem of emergency-response/main of 2026-11-20")
	require.NotContains(t, out.Missing, "post-mortem of emergency-response/main of 2026-11-03")
	require.Len(t, out.LeftOut, 1)
	require.Contains(t, out.LeftOut[0], "incident-response/x@broken: ")
	text := d.kept(t, out.Key)
	for _, line := range []string{
		"# Review of November 2026\n", "2 incidents. platform P1: 2.", "post-mortem/final.md", "- Took part: 6 of 8", "- Satisfaction of customers: 4.5 of 5, 38 answers",
		"| 2027-01-30 | own it | ana |", "| Mean time to resolve | 50m", `incident-response/x\@broken`,
	} {
		require.Contains(t, text, line)
	}
	require.Contains(t, d.kept(t, out.HTML), "data:image/svg&#43;xml;base64,")
}

// TestAMonthAsksThePostMortemsThatAreOpen: the journal has them only when they are over, and as long as an action item
// is open they are not.
func TestAMonthAsksThePostMortemsThatAreOpen(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.procedures = func() *sops.Library { return &sops.Library{} }
	mine, earlier, gone := outage("emergency-response/main", november(3, 2)), outage("emergency-response/old", november(1, 0).AddDate(0, -1, 0)), outage("emergency-response/gone", november(4, 2))
	asked := map[string]*workflows.Record{}
	for i, rec := range []*workflows.Record{mine, earlier, gone} {
		id := fmt.Sprintf("post-mortem/%d", i)
		rec.Finally = append(rec.Finally, &workflows.Step{Kind: "start", Action: "post-mortem", State: workflows.Succeeded, Child: &workflows.Child{WorkflowID: id}})
		d.keepRecord(t, rec)
		if rec != gone {
			open := writtenUp(rec, true, fmt.Sprintf("item of %d | ben | 2027-01-30", i))
			open.WorkflowID, open.State, open.Ended = id, workflows.Running, nil
			asked[id] = open
			before := writtenUp(rec, false, "older item | ben | 2027-01-30")
			before.WorkflowID, before.State, before.Ended = id, workflows.Running, nil
			d.keepOpen(t, before) // the journal has an older state of it
		}
	}
	d.ask = func(_ context.Context, id string) (json.RawMessage, error) {
		if asked[id] == nil {
			return nil, errors.New("not found")
		}
		return json.Marshal(asked[id])
	}
	alone := writtenUp(outage("somewhere/else", november(1, 0).AddDate(0, -6, 0)), false, "an old one | ben | 2026-11-30")
	alone.WorkflowID, alone.State, alone.Ended = "post-mortem/alone", workflows.Running, nil
	d.keepOpen(t, alone) // nobody answers for it any more
	out, err := called(t, d.monthly, MonthlyInput{Month: "2026-11"})
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, []int{out.Incidents, out.Items})
	require.NotContains(t, out.Missing, "post-mortem of emergency-response/main of 2026-11-03")
	require.Contains(t, out.Missing, "post-mortem of emergency-response/gone of 2026-11-04")
	text := d.kept(t, out.Key)
	require.Contains(t, text, "item of 0")
	require.Contains(t, text, "item of 1")
	require.Contains(t, text, "an old one")
	require.NotContains(t, text, "older item")
}

func TestAMonthThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	_, err := called(t, d.monthly, MonthlyInput{Month: "November"})
	testenv.RequirePermanent(t, err, action.ErrInput)
	_, err = called(t, actions{}.monthly, MonthlyInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	from, to, err := monthOf("", time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, []string{"2026-12-01", "2027-01-01"}, []string{from.Format(time.DateOnly), to.Format(time.DateOnly)})
}

// BenchmarkMonthly reviews 10,000 runs, a tenth of them incidents, with records of 20 KB as real ones have. Wanted: less
// than two seconds.
func BenchmarkMonthly(b *testing.B) {
	d := atDesk(b)
	timeline := []workflows.Event{}
	for i := range 150 {
		timeline = append(timeline, workflows.Event{At: november(3, 2), Kind: "note", By: "Ana", Text: fmt.Sprintf("line %d of what happened, which is as long as such lines are", i)})
	}
	for i := range 10_000 {
		one := outage(fmt.Sprintf("run/%d", i), november(1, 0).Add(time.Duration(i)*4*time.Minute))
		if one.Timeline = timeline; i%10 > 0 {
			one.Incident = nil
		}
		d.keepRecord(b, one)
	}
	for b.Loop() {
		out, err := called(b, d.monthly, MonthlyInput{Month: "2026-11"})
		require.NoError(b, err)
		require.Equal(b, 1000, out.Incidents)
	}
}
