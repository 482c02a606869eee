package screen_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

var start = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

func at(s int) *time.Time {
	t := start.Add(time.Duration(s) * time.Second)
	return &t
}

// sample is a run in the middle of things, with everything that can show.
func sample() *workflows.Record {
	return &workflows.Record{
		Procedure: "daily-check", Title: "Daily system health check", WorkflowID: "daily-check/morning-2026-11-21T06:00:00Z",
		By: "schedule daily-check/morning", State: workflows.Running, Started: start,
		Phases: []*workflows.Phase{
			{ID: "checklist", Title: "Before we begin", State: workflows.Succeeded, Started: at(0), Ended: at(2), Steps: []*workflows.Step{
				{ID: "log", Title: "Open the log", State: workflows.Succeeded, Started: at(0), Ended: at(2), Outputs: json.RawMessage(`{"entries":12}`)},
			}},
			{ID: "probe", Title: "Look at everything", State: workflows.Running, Started: at(2), Steps: []*workflows.Step{
				{ID: "all", Title: "Side by side", State: workflows.Running, Started: at(2), Steps: []*workflows.Step{
					{ID: "host", Title: "This machine", State: workflows.Succeeded, Started: at(2), Ended: at(3), Outputs: json.RawMessage(`{"cpu_percent":12.5,"mounts":[{},{}],"host":{"name":"docs-1"}}`)},
					{ID: "db", Title: "Every database", State: workflows.Running, Started: at(2), Items: []*workflows.Item{
						{Item: "docs-db", State: workflows.Succeeded, Steps: []*workflows.Step{{ID: "ping", Title: "Ping", State: workflows.Succeeded, Started: at(2), Ended: at(3)}}},
						{Item: map[string]any{"name": "shop-db"}, State: workflows.Failed, Steps: []*workflows.Step{
							{ID: "ping", Title: "Ping", State: workflows.Failed, Started: at(2), Ended: at(12), Error: "connect to shop-db: connection refused\x1b[2J; is it running? Ask whoever looks after it"},
						}},
					}},
				}},
				{ID: "settle", Title: "Wait for things to settle", State: workflows.Running, Started: at(12), Until: at(72)},
				{ID: "call", Title: "Raise the alarm", State: workflows.Skipped, Reason: "nothing is wrong"},
			}},
			{ID: "act", Title: "Act on what was found, which is a title so long that it can't fit on a line of eighty cells", State: workflows.Pending, Steps: []*workflows.Step{
				{ID: "alarm", Title: "Start the emergency response", State: workflows.Pending},
			}},
		},
		Finally: []*workflows.Step{{ID: "report", Title: "Write the report", State: workflows.Pending}},
		Clocks: []*workflows.Clock{
			{ID: "run", Title: "The run", Started: start, Due: *at(1800)},
			{ID: "phase:checklist", Title: "Before we begin", Started: start, Due: *at(60), Met: at(2)},
			{ID: "step:host", Title: "This machine", Started: start, Due: *at(10), Breached: at(10)},
		},
		Findings: []workflows.Finding{
			{Severity: "info", Check: "host", Text: "Uptime 210 days"},
			{Severity: "critical", Check: "postgres shop-db", Text: "It can't be reached: connection refused", Act: "see whether the container runs: docker ps, then restart it"},
		},
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	for name, tree := range map[string]*screen.Tree{
		"brief":   {Width: 80, Now: *at(30), Brief: true},
		"whole":   {Width: 80, Now: *at(30), Items: true, Outputs: true},
		"narrow":  {Width: 44, Now: *at(30), Items: true},
		"colours": {Width: 80, Now: *at(30), Brief: true, Paint: screen.Painter{On: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sample()
			lines := append(screen.Head(r, tree.Paint, tree.Width, tree.Now), "")
			lines = append(lines, tree.Lines(r)...)
			lines = append(lines, screen.Clocks(r.Clocks, tree.Paint, tree.Width, tree.Now)...)
			for _, l := range lines {
				require.LessOrEqual(t, screen.Cells(screen.Uncolored(l)), tree.Width, l)
			}
			golden(t, "tree-"+name, lines)
		})
	}
}

func TestARoundThatWentOnAfterAFailureIsShown(t *testing.T) {
	t.Parallel()
	rec := &workflows.Record{Title: "Check", State: workflows.Succeeded, Started: start, Ended: at(3), Phases: []*workflows.Phase{{
		ID: "look", Title: "Look", State: workflows.Succeeded, Started: at(0), Ended: at(3),
		Steps: []*workflows.Step{{ID: "buckets", Title: "Buckets", State: workflows.Succeeded, Started: at(0), Ended: at(3), Items: []*workflows.Item{
			{Item: "well", State: workflows.Succeeded, Steps: []*workflows.Step{{ID: "check", Title: "Check", State: workflows.Succeeded}}},
			{Item: "backups", State: workflows.Succeeded, Steps: []*workflows.Step{{ID: "check", Title: "Check", State: workflows.Failed, Error: "no such bucket"}}},
		}}},
	}}}
	tree := screen.Tree{Width: 80, Now: *at(3)}
	text := strings.Join(tree.Lines(rec), "\n")
	require.Contains(t, text, "backups")
	require.Contains(t, text, "no such bucket")
	require.Contains(t, text, "1 of 2 went well")
}

func TestFindingsAreFoldedToTheWidth(t *testing.T) {
	t.Parallel()
	golden(t, "findings", screen.Findings(sample().Findings, screen.Painter{}, 80))
	require.Equal(t, "1 critical, 1 info", screen.CountFindings(sample().Findings))
	require.Equal(t, "no findings", screen.CountFindings(nil))
}

func TestCleanTakesAwayWhatMovesTheCursor(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ab c", screen.Clean("a\x1b[31mb\r\n\tc\u202e"))
	require.Equal(t, "logline", screen.Clean("log\x1b]0;a new title\x07line\x1b[2J"))
	require.Equal(t, "[31m alone", screen.Clean("\x1b\x1b[0m[31m alone"))
}

func TestCleanLinesKeepsTheLines(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a.yaml: no\n  b  2m  c", screen.CleanLines("a.yaml: no\n  b\r\u009b2m\u202e\x1b[2J c"))
}

func TestCleanJSONMeansTheSame(t *testing.T) {
	t.Parallel()
	said := "bidi \u202e, C1 \u009b31m, tag \U000e0041, 検査 ü\n"
	text, err := json.Marshal(said)
	require.NoError(t, err)
	clean := screen.CleanJSON(text)
	require.Equal(t, `"bidi \u202e, C1 \u009b31m, tag \udb40\udc41, 検査 ü\n"`, string(clean))
	var back string
	require.NoError(t, json.Unmarshal(clean, &back))
	require.Equal(t, said, back)
}

func TestCutWrapAndPadCountCells(t *testing.T) {
	t.Parallel()
	require.Equal(t, 4, screen.Cells("検査"))
	require.Equal(t, "検…", screen.Cut("検査済", 4))
	require.Equal(t, "", screen.Cut("abc", 0))
	require.Equal(t, "検  ", screen.Pad("検", 4))
	require.Equal(t, []string{"one two", "three"}, screen.Wrap("one two three", 8))
	require.Equal(t, []string{"abcdefgh", "ij"}, screen.Wrap("abcdefghij", 8))
	require.Equal(t, []string{""}, screen.Wrap("", 8))
}

func TestTook(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0ms", 34 * time.Millisecond: "34ms", 1234 * time.Millisecond: "1.2s", 42 * time.Second: "42s", 187 * time.Second: "3:07",
		math.MinInt64: "-106751d 23:47", 2*time.Hour + 187*time.Second: "2:03:07", 74*time.Hour + 3*time.Minute: "3d 02:03", -5 * time.Second: "-5.0s",
	} {
		require.Equal(t, want, screen.Took(d))
	}
}

// golden compares with testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	path := "testdata/" + name + ".txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
