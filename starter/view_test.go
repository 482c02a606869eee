package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func newLiveView() (*liveView, *bytes.Buffer) {
	var out bytes.Buffer
	a := &app{surroundings: surroundings{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}}
	return &liveView{app: a, out: &out}, &out
}

func someRecord() *workflows.Record {
	return &workflows.Record{
		Title: "Check", WorkflowID: "check/one", State: workflows.Running, Started: time.Now().UTC(),
		Phases: []*workflows.Phase{{ID: "a", Title: "Probe", State: workflows.Running, Steps: []*workflows.Step{{ID: "x", Title: "Look", State: workflows.Running}}}},
	}
}

func TestTheLiveViewDrawsOverItself(t *testing.T) {
	t.Parallel()
	v, out := newLiveView()
	v.update(nil, errNoRecord)
	require.Equal(t, "\r\x1b[Jwaiting for a worker to take the run up\n", out.String(), "a run that has just been started is no trouble")
	out.Reset()
	v.update(someRecord(), nil)
	require.True(t, strings.HasPrefix(out.String(), "\x1b[1A\r\x1b[JCheck"), "%q", out.String())
	drawn := strings.Count(out.String(), "\n")
	require.Len(t, v.drawn, drawn)
	out.Reset()
	v.update(nil, errNoWorker)
	require.Contains(t, out.String(), "Look", "what was known stays")
	require.Contains(t, out.String(), "! no worker is answering")
	out.Reset()
	v.update(nil, errors.New("connection lost"))
	require.Contains(t, out.String(), "still trying")
	out.Reset()
	v.end()
	require.NotContains(t, out.String(), "Look")
	require.Empty(t, v.drawn)
}

func TestALineThatTheTerminalFoldedCountsByItsRows(t *testing.T) {
	t.Parallel()
	lines := []string{"", "abc", strings.Repeat("x", 81), "\x1b[31m" + strings.Repeat("y", 40) + "\x1b[0m"}
	require.Equal(t, 5, rowsOf(lines, 80))
	require.Equal(t, 7, rowsOf(lines, 39))
}

func TestWhatIsTooLongForTheTerminalKeepsItsEnd(t *testing.T) {
	t.Parallel()
	lines := []string{"a", "b", "c", "d"}
	require.Equal(t, lines, fit(lines, 4))
	require.Equal(t, lines, fit(lines, 0), "no terminal, no limit")
	require.Equal(t, []string{"… 2 lines above", "c", "d"}, fit(lines, 3))
}

func TestNothingAForeignRunSaysMovesTheCursor(t *testing.T) {
	t.Parallel()
	var out, notice bytes.Buffer
	a := &app{surroundings: surroundings{stdout: &out, stderr: &notice, getenv: func(string) string { return "" }}}
	evil := "x\x1b]0;title\x07\x1b[2J\u009b31m\u202e\ry"
	at := time.Now().UTC()
	r := &workflows.Record{
		Title: evil, Procedure: evil, WorkflowID: evil, File: evil, By: evil, State: workflows.Failed, Started: at, Ended: &at,
		Inputs:   map[string]any{evil: evil},
		Timeline: []workflows.Event{{At: at, Text: evil, By: evil}},
		Phases: []*workflows.Phase{{ID: evil, Title: evil, State: workflows.Failed, Steps: []*workflows.Step{{
			ID: evil, Title: evil, State: workflows.Failed, Error: evil, Reason: evil, Outputs: []byte(`{"a\u001b[2J": "b\u001b[2J\u202e"}`),
			Items: []*workflows.Item{{Item: evil, State: workflows.Failed}},
		}}}},
		Clocks:   []*workflows.Clock{{ID: evil, Title: evil, Started: at, Due: at}},
		Findings: []workflows.Finding{{Severity: evil, Check: evil, Text: evil, Act: evil}},
		Failure:  &workflows.Failure{Phase: evil, Step: evil, Message: evil},
	}
	c := &cluster{namespace: evil}
	require.NoError(t, a.show(found{record: r, link: c.link(evil, evil)}))
	require.NoError(t, a.timeline(found{record: r}))
	_ = a.result(c, evil, r, outcome{word: "failed", state: workflows.Failed, message: evil})
	(&plainView{app: a}).update(r, errors.New(evil))
	(&plainView{app: a}).update(r, nil)
	a.json = true
	_ = a.result(c, evil, r, outcome{word: "failed", state: workflows.Failed, message: evil})
	a.printRuns([]runRow{{WorkflowID: evil, State: evil, Phase: evil}}, 1)
	report(&notice, "orderly", errors.New(evil))
	for _, text := range []string{out.String(), notice.String()} {
		for i, b := range strings.Split(text, "\n") {
			require.False(t, strings.ContainsFunc(b, func(r rune) bool {
				return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e'
			}), "line %d: %q", i, b)
		}
	}
}
