package kpi

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// monday is the start of the periods that are tested: 2026-11-02 is a Monday.
var monday = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// after is a moment so long after it.
func after(d time.Duration) time.Time { return monday.Add(d) }

const day = 24 * time.Hour

func openJournal(t testing.TB) *journal.Journal {
	return openJournalAt(t, filepath.Join(t.TempDir(), "journal.db"))
}

func openJournalAt(t testing.TB, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

// save keeps records as the engine does.
func save(t testing.TB, j *journal.Journal, all ...*workflows.Record) {
	t.Helper()
	for _, rec := range all {
		data, err := json.Marshal(rec)
		require.NoError(t, err)
		row := journal.Run{
			WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, Key: rec.Key, State: string(rec.State),
			Drill: rec.Drill, By: rec.By, Started: rec.Started, Updated: rec.Started, Record: data,
		}
		if rec.Ended != nil {
			row.Ended = *rec.Ended
		}
		require.NoError(t, j.SaveRun(t.Context(), row))
	}
}

// read makes the figures of records.
func read(t testing.TB, o Options, all ...*workflows.Record) *Set {
	t.Helper()
	j := openJournal(t)
	save(t, j, all...)
	set, err := Read(t.Context(), j, o)
	require.NoError(t, err)
	return set
}

// anIncident is one that opened so long after monday, nobody having done anything.
func anIncident(name string, opened time.Duration) *workflows.Record {
	rec := aRun("emergency-response", name, opened)
	rec.Incident = &workflows.Incident{State: workflows.IncidentOpen, Scale: "platform", Severity: "P1", Level: "level-2", Since: rec.Started}
	rec.Ladders = []*workflows.Ladder{{ID: "incident", Policy: "level-2"}}
	rec.Pages = []*workflows.Page{{Ladder: "incident", Policy: "level-2", Tier: 1}}
	return rec
}

func aRun(procedure, name string, started time.Duration) *workflows.Record {
	return &workflows.Record{
		Procedure: procedure, WorkflowID: procedure + "/" + name, RunID: fmt.Sprint(name, "-", started),
		Key: name, State: workflows.Running, Started: after(started),
	}
}

func deed(at time.Time, by string) *workflows.Deed {
	return &workflows.Deed{At: at, By: workflows.Party{ID: by, Name: "The " + by}}
}

// acked and solved say when, counted from the start.
func acked(rec *workflows.Record, by string, in time.Duration) *workflows.Record {
	rec.Incident.State = workflows.IncidentAcknowledged
	rec.Incident.Acknowledged = deed(rec.Started.Add(in), by)
	if rec.Incident.Owner == nil {
		rec.Incident.Owner = &workflows.Party{ID: by, Name: "The " + by}
	}
	return rec
}

func solved(rec *workflows.Record, by string, in time.Duration) *workflows.Record {
	rec.Incident.State = workflows.IncidentResolved
	rec.Incident.Resolved = deed(rec.Started.Add(in), by)
	return ended(rec, in)
}

func ended(rec *workflows.Record, in time.Duration) *workflows.Record {
	at := rec.Started.Add(in)
	rec.State, rec.Ended = workflows.Succeeded, &at
	return rec
}

// promised adds a clock that was due so long after the start and met then; 0 for not met.
func promised(rec *workflows.Record, kind string, due, met time.Duration) *workflows.Record {
	c := &workflows.Clock{ID: kind, Kind: kind, Started: rec.Started, Due: rec.Started.Add(due)}
	if met > 0 {
		at := rec.Started.Add(met)
		c.Met = &at
	}
	if met == 0 || met > due {
		c.Breached = &c.Due
	}
	rec.Clocks = append(rec.Clocks, c)
	return rec
}

// value is a figure's value; NaN for no data.
func value(f Figure) float64 {
	if f.Value == nil {
		return math.NaN()
	}
	return *f.Value
}

// brief writes figures in a few words: "mtta 4m (2)".
func brief(all []Figure) []string {
	var out []string
	for _, f := range all {
		if f.N > 0 {
			out = append(out, fmt.Sprintf("%s %s (%d)", f.ID, f.Text, f.N))
		}
	}
	return out
}
