package kpi

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// BenchmarkRead makes the figures, by service, of a journal of 10,000 incidents with records of 15 to 40 KB.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	j := manyRecords(b, path, 10_000)
	raw, err := sql.Open("sqlite", path)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, raw.Close()) })
	o := Options{Since: monday.Add(-400 * day), Until: monday.Add(20 * day), Now: november.Now, By: ByService}
	for name, before := range map[string]string{
		"facts kept":        "SELECT 1",
		"read from records": "DELETE FROM orderly_facts", // as an older version leaves it
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				_, err := raw.ExecContext(b.Context(), before)
				require.NoError(b, err)
				b.StartTimer()
				set, err := Read(b.Context(), j, o)
				require.NoError(b, err)
				require.Greater(b, set.Figure(MTTR).N, 4000)
			}
		})
	}
}

// manyRecords is a journal full of incidents, an hour apart.
func manyRecords(tb testing.TB, path string, n int) *journal.Journal {
	tb.Helper()
	j := openJournalAt(tb, path)
	rng := rand.New(rand.NewPCG(1, 2))
	bytes := 0
	for i := range n {
		rec := randomIncident(rng, fmt.Sprint(i), -400*day+time.Duration(i)*time.Hour)
		rec.Drill = false
		lengthen(rng, rec)
		data, err := json.Marshal(rec)
		require.NoError(tb, err)
		bytes += len(data)
		row := journal.Run{WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, State: string(rec.State), Started: rec.Started, Updated: rec.Started, Record: data}
		if rec.Ended != nil {
			row.Ended = *rec.Ended
		}
		require.NoError(tb, j.SaveRun(tb.Context(), row))
	}
	tb.Logf("%d records of %d KB on average", n, bytes/n/1024)
	return j
}

// lengthen gives a record the timeline, the steps and the pages of a real incident.
func lengthen(rng *rand.Rand, rec *workflows.Record) {
	text := strings.Repeat("the connection to the database was refused by the server; ", 2)
	for i := range 50 + rng.IntN(90) {
		rec.Timeline = append(rec.Timeline, workflows.Event{At: rec.Started, Kind: "step", Phase: "assess", Step: fmt.Sprint("step-", i), By: "Ana", Text: text})
	}
	phase := &workflows.Phase{ID: "assess", Title: "Somebody has it", State: workflows.Succeeded}
	for i := range 20 + rng.IntN(30) {
		phase.Steps = append(phase.Steps, &workflows.Step{
			ID: fmt.Sprint("step-", i), Path: fmt.Sprint("step-", i), Kind: "uses", Action: "docker.containers", State: workflows.Succeeded,
			Started: &rec.Started, Ended: &rec.Started, Outputs: json.RawMessage(`{"containers": [{"name": "enterprise-docs-api", "state": "running"}]}`),
		})
	}
	rec.Phases = append(rec.Phases, phase)
	for range 10 {
		rec.Pages = append(rec.Pages, &workflows.Page{Ladder: "incident", Policy: "level-2", Tier: 2, At: rec.Started, People: []workflows.PagedPerson{{}, {}}})
	}
}
