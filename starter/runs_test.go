package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// eventually waits for visibility, which lags a moment behind.
func (b *bench) eventually(holds func() bool) {
	b.t.Helper()
	require.Eventually(b.t, holds, 20*time.Second, 50*time.Millisecond)
}

func TestRunsListsTheOpenOnesFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/over")
	b.tell("check/over", signalFinish, "succeeded")
	b.begin("check/open")
	b.eventually(func() bool {
		var rows []runRow
		b.orderly("runs", "--json").json(t, &rows)
		return len(rows) == 2 && rows[0].WorkflowID == "check/open" && rows[0].Phase == "probe" && rows[1].State == "succeeded"
	})
	got := b.orderly("runs")
	require.Equal(t, exitOK, got.code)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[1], "check/open")
	require.Contains(t, lines[1], "● running, probe")
	require.Contains(t, lines[2], "✓ succeeded")

	var failed []runRow
	b.orderly("runs", "--state", "failed", "--json").json(t, &failed)
	require.Empty(t, failed)
	var some []runRow
	b.orderly("runs", "--procedure", "check", "--since", "1h", "-n", "1", "--json").json(t, &some)
	require.Len(t, some, 1)
}

func TestRunsRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, args := range [][]string{{"--state", "happy"}, {"--since", "soon"}, {"-n", "0"}} {
		got := b.orderly(append([]string{"runs"}, args...)...)
		require.Equal(t, exitUsage, got.code, args)
		require.Empty(t, got.out)
	}
}

func TestARunIsFoundByWhatPeopleType(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	first := b.begin("check/docs")
	b.begin("check/dogs")
	b.eventually(func() bool {
		var rows []runRow
		b.orderly("runs", "--json").json(t, &rows)
		return len(rows) == 2
	})
	for arg, want := range map[string]string{
		"check/docs":                     "check/docs",
		"check/docs@" + first.GetRunID(): "check/docs",
		"check/doc":                      "check/docs",
		"check":                          "check/dogs", // the latest of the procedure
	} {
		var r workflows.Record
		b.orderly("show", arg, "--json").json(t, &r)
		require.Equal(t, want, r.WorkflowID, arg)
	}
	several := b.orderly("show", "check/do")
	require.Equal(t, exitUsage, several.code)
	require.Contains(t, several.notice, "check/docs")
	require.Contains(t, several.notice, "check/dogs")
	require.Equal(t, exitNotFound, b.orderly("show", "check/cat").code)
	require.Equal(t, exitNotFound, b.orderly("show", "nothing").code)
	require.Equal(t, exitNotFound, b.orderly("show", "check/docs@00000000-0000-4000-8000-000000000000").code)
}

func TestShowAndTimeline(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/one")
	b.tell("check/one", signalFinish, "failed")
	require.Error(t, b.client().GetWorkflow(b.ctx(), "check/one", "").Get(b.ctx(), nil))
	got := b.orderly("show", "check/one")
	require.Equal(t, exitOK, got.code, got.notice)
	for _, text := range []string{"✗ failed", "Look at the host", "cpu 12.5, disks [2]", "no answer", "Findings: 1 warning, 1 info", "by bob"} {
		require.Contains(t, got.out, text)
	}
	tree, findings, _ := strings.Cut(got.out, "Findings:")
	requireWidth(t, tree, defaultWidth)
	require.Contains(t, findings, "to everybody. → look at its database\n", "without a terminal a finding is one line")

	lines := b.orderly("timeline", "check/one")
	require.Equal(t, exitOK, lines.code)
	require.Contains(t, lines.out, "+0:00")
	require.Contains(t, lines.out, "it failed")
	var events []workflows.Event
	b.orderly("timeline", "check/one", "--json").json(t, &events)
	require.Len(t, events, 3)
}

func TestShowReadsTheJournalWhenTemporalHasForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	at := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	record, err := json.Marshal(workflows.Record{
		Procedure: "check", Title: "Check the house", WorkflowID: "check/old", RunID: "r1",
		State: workflows.Succeeded, Started: at, Ended: &at, Timeline: []workflows.Event{{At: at, Text: "started"}},
	})
	require.NoError(t, err)
	j, err := journal.Open(b.ctx(), b.dir+"/journal.db")
	require.NoError(t, err)
	require.NoError(t, j.SaveRun(b.ctx(), journal.Run{
		WorkflowID: "check/old", RunID: "r1", Procedure: "check", State: "succeeded", Started: at, Ended: at, Updated: at, Record: record,
	}))
	require.NoError(t, j.Close())
	got := b.orderly("show", "check/old")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.out, "Check the house")
	require.Contains(t, got.notice, "journal")
}

func TestATemporalThatIsNotThereIsExit3(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, args := range [][]string{{"runs"}, {"watch", "check"}, {"schedule", "list"}, {"setup"}} {
		got := b.orderly(args...)
		require.Equal(t, exitUnreachable, got.code, got.notice)
		require.Contains(t, got.notice, "is Temporal running at 127.0.0.1:1?")
	}
}

func TestANamespaceThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	for _, args := range [][]string{{"runs"}, {"show", "check"}, {"start", "check", "-i", "database=docs"}, {"schedule", "list"}, {"setup"}} {
		got := b.orderly(append([]string{"--namespace", "elsewhere"}, args...)...)
		require.Equal(t, exitUnreachable, got.code, "%v: %s", args, got.notice)
		require.Contains(t, got.notice, `no namespace "elsewhere"`, args)
	}
}

func requireWidth(t *testing.T, out string, width int) {
	t.Helper()
	for line := range strings.Lines(out) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), width, line)
	}
}

func TestShowingAnOpenRunNeedsAWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	w := b.serve()
	b.begin("check/one")
	require.Equal(t, exitOK, b.orderly("show", "check/one").code)
	w.Stop()
	got := b.orderly("show", "check/one")
	require.Equal(t, exitUnreachable, got.code)
	require.Contains(t, got.notice, "no worker is answering")
}

func TestAProcedureMeansItsOpenRun(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/open")
	b.begin("check/over")
	b.tell("check/over", signalFinish, "succeeded")
	b.eventually(func() bool {
		var rows []runRow
		b.orderly("runs", "--json").json(t, &rows)
		return len(rows) == 2 && rows[1].State == "succeeded"
	})
	var r workflows.Record
	b.orderly("show", "check", "--json").json(t, &r)
	require.Equal(t, "check/open", r.WorkflowID, "the other began later, but is over")
}
