package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// TestTheExampleOfTheKPIPage makes the records of the table in docs/kpi.md, runs the command that stands there,
// and wants what it prints to be what the page says.
func TestTheExampleOfTheKPIPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/kpi.md")
	require.NoError(t, err)
	b := newBench(t)
	b.example(map[string]any{"procedure": "daily-check", "workflow_id": "daily-check/1", "started": november(t, "10-31 09:00")})
	rows := regexp.MustCompile(`(?m)^\| ([a-z]+-\d) \| (.+) \|$`).FindAllStringSubmatch(string(page), -1)
	require.Len(t, rows, 6)
	for _, row := range rows {
		b.incidentOf(row[1], strings.Split(row[2], " | "))
	}
	done := map[string]any{"at": november(t, "11-30 10:00"), "by": map[string]any{"id": "ana"}}
	b.example(map[string]any{
		"procedure": "monthly-review", "workflow_id": "monthly-review/1", "started": november(t, "11-30 09:00"),
		"phases": []any{map[string]any{"steps": []any{map[string]any{"ask": map[string]any{"done": done, "form": map[string]any{"satisfaction": 4.6, "invited": 10, "present": 9}}}}}},
	})
	blocks := regexp.MustCompile("(?s)    \\$ orderly (kpi [^\n]+)\n((?:    [^\n]*\n|\n)+)").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		got := b.orderly(strings.Fields(block[1])...)
		require.Equal(t, exitOK, got.code, got.notice)
		require.Equal(t, strings.TrimSpace(regexp.MustCompile(`(?m)^    `).ReplaceAllString(block[2], "")), strings.TrimSpace(got.out))
	}
}

// november reads "11-03 02:14" as a moment of 2026.
func november(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2026-"+text)
	require.NoError(t, err)
	return at
}

// incidentOf keeps the record of a line of the table: services, opened, acknowledged, resolved, level, alert,
// post-mortem.
func (b *bench) incidentOf(name string, cells []string) {
	t := b.t
	require.Len(t, cells, 7)
	opened, acked, over := november(t, cells[1]), november(t, cells[2]), november(t, cells[3])
	first, last, climbed := strings.Cut(cells[4], " → ")
	if !climbed {
		last = first
	}
	kind, drill := cells[6], strings.HasPrefix(name, "drill-")
	ana := workflows.Party{ID: "ana", Name: "Ana"}
	rec := workflows.Record{
		Procedure: "emergency-response", WorkflowID: "emergency-response/" + name, RunID: name, Drill: drill, Started: opened, Ended: &over, State: workflows.Succeeded,
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Severity: "P1", Level: last, Services: strings.Split(cells[0], ", "), Owner: &ana,
			Acknowledged: &workflows.Deed{At: acked, By: ana}, Resolved: &workflows.Deed{At: over, By: ana},
		},
		Pages: []*workflows.Page{{Ladder: "incident", Policy: first}},
	}
	if cells[5] != "–" {
		rec.Incident.Alerts = []*workflows.AlertSeen{{Key: cells[5]}}
	}
	for clock, met := range map[string]time.Time{"acknowledge": acked, "resolve": over} {
		c := &workflows.Clock{ID: clock, Kind: clock, Due: opened.Add(map[string]time.Duration{"acknowledge": 5 * time.Minute, "resolve": time.Hour}[clock]), Met: &met}
		if met.After(c.Due) {
			c.Breached = &c.Due
		}
		rec.Clocks = append(rec.Clocks, c)
	}
	if kind == "false alarm" {
		rec.Phases = []*workflows.Phase{{Steps: []*workflows.Step{{Ask: &workflows.Ask{Done: &workflows.Deed{At: acked}, Form: map[string]any{"real": "no"}}}}}}
	}
	b.example(rec)
	if kind == "complete" || kind == "overdue" {
		b.example(map[string]any{
			"procedure": "post-mortem", "workflow_id": "post-mortem/" + name, "started": over,
			"inputs": map[string]any{"incident": rec.WorkflowID, "started": opened.Format(time.RFC3339)},
			"clocks": []any{map[string]any{"kind": "within", "due": over, "breached": over}},
			"phases": []any{map[string]any{"steps": []any{map[string]any{"action": "report.post-mortem", "outputs": map[string]any{"complete": kind == "complete"}}}}},
		})
	}
}

// example keeps a record.
func (b *bench) example(rec any) {
	data, err := json.Marshal(rec)
	require.NoError(b.t, err)
	var head struct {
		Procedure  string
		WorkflowID string `json:"workflow_id"`
		Started    time.Time
		Ended      *time.Time
		Drill      bool
	}
	require.NoError(b.t, json.Unmarshal(data, &head), fmt.Sprint(rec))
	row := journal.Run{WorkflowID: head.WorkflowID, Procedure: head.Procedure, State: "succeeded", Drill: head.Drill, Started: head.Started, Record: data}
	if head.Ended != nil {
		row.Ended = *head.Ended
	}
	b.keep(row)
}
