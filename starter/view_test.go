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
