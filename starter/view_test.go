package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
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
	require.Equal(t, []string{"a", "b", "… 2 lines below; `orderly show` has all"}, fitHead(lines, 3), "and its beginning, of all together")
	require.Equal(t, lines, fitHead(lines, 4))
	require.Equal(t, lines, fitHead(lines, 0))
}

func evilIncident(evil string, at time.Time) *workflows.Incident {
	deed := &workflows.Deed{At: at, By: workflows.Party{ID: evil, Name: evil}, Text: evil}
	return &workflows.Incident{
		State: workflows.IncidentAcknowledged, Summary: evil, Severity: evil, Level: evil, Services: []string{evil},
		UserImpact: evil, BusinessImpact: evil, Owner: &workflows.Party{ID: evil, Name: evil},
		Acknowledged: deed, Mitigated: deed, Resolved: deed, Lease: &at, Checked: &at,
		Updates: []workflows.StatusUpdate{{At: at, By: evil, Text: evil}},
		Alerts:  []*workflows.AlertSeen{{Key: evil, Status: evil, Summary: evil, First: at, Last: at, Count: 2}},
		Returns: &workflows.Return{To: workflows.Party{ID: evil, Name: evil}, Until: at},
		Room:    &workflows.Room{ID: evil, Name: evil, URL: evil},
	}
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
		}, {
			ID: evil, Path: evil, Title: evil, Kind: "ask", State: workflows.Running,
			Ask: &workflows.Ask{Question: evil, Of: []string{evil}, Also: []workflows.Party{{ID: evil, Name: evil}}},
		}}}},
		Clocks:   []*workflows.Clock{{ID: evil, Title: evil, Started: at, Due: at}},
		Incident: evilIncident(evil, at),
		Ladders:  []*workflows.Ladder{{ID: "step:x", Cause: evil, Page: []string{evil}, Due: at}, {ID: evil, By: evil, Stopped: &at, Cause: evil}},
		Pages: []*workflows.Page{{
			Ladder: evil, Policy: evil, Due: at, At: at, Nobody: []string{evil}, Skipped: []string{evil},
			People: []workflows.PagedPerson{{ID: evil, Name: evil, Outcomes: []notify.Outcome{{Transport: evil, State: notify.Failed, Error: evil}}}},
		}},
		Findings: []workflows.Finding{{Severity: evil, Check: evil, Text: evil, Act: evil}},
		Failure:  &workflows.Failure{Phase: evil, Step: evil, Message: evil},
		Undo:     []*workflows.Step{{ID: evil, Path: evil, Title: evil, Action: evil, State: workflows.Failed, Error: evil, Reason: evil}},
		Rollback: &workflows.Rollback{
			Why: workflows.Failure{Phase: evil, Step: evil}, Started: at, Wait: &at, Then: []*workflows.Step{{ID: evil, Title: evil, Reason: evil}},
			Stopped: &workflows.Deed{At: at, By: workflows.Party{ID: evil, Name: evil}, Text: evil},
		},
		Questions: []*workflows.Step{{ID: "hold:" + evil, Path: "hold:" + evil, Title: evil, Kind: "ask", State: workflows.Running, Ask: &workflows.Ask{
			Question: evil, Of: []string{evil}, Fields: map[string]sops.FormField{"decision": {Options: []string{"retry", evil}}},
		}}},
	}
	c := &cluster{namespace: evil}
	require.NoError(t, a.show(found{record: r, link: c.link(evil, evil)}))
	require.NoError(t, a.timeline(found{record: r}))
	a.print(incidentLines(r, screen.Painter{}, 80, at)...)
	a.showDebt(&debt{workflowID: evil, how: evil, record: r, notes: []string{evil}})
	open := *r
	open.State = workflows.Running
	a.print(incidentLines(&open, screen.Painter{}, 80, at)...)
	_, err := heldStep(&open, evil+"?")
	report(&notice, "orderly", err)
	a.printInbox(reader{}.items(&open), reader{id: evil, name: evil})
	a.printInbox(nil, reader{id: evil, name: evil})
	require.NoError(t, a.printAnswer(workflows.Answer{Now: evil, By: evil}, evil, evil))
	_ = a.result(c, evil, r, outcome{word: "failed", state: workflows.Failed, message: evil})
	(&plainView{app: a}).update(r, errors.New(evil))
	(&plainView{app: a}).update(r, nil)
	a.json = true
	_ = a.result(c, evil, r, outcome{word: "failed", state: workflows.Failed, message: evil})
	require.NoError(t, a.printAnswer(workflows.Answer{Now: evil, By: evil}, evil, evil))
	require.NoError(t, a.printJSON(reader{}.items(&open)))
	a.printRuns([]runRow{{WorkflowID: evil, State: evil, Phase: evil, Severity: evil, Owner: evil}}, 1)
	report(&notice, "orderly", c.nobodyThere(evil, "note", workflows.Note{By: evil, Text: evil}))
	report(&notice, "orderly", errors.New(evil))
	for _, text := range []string{out.String(), notice.String()} {
		for i, b := range strings.Split(text, "\n") {
			require.False(t, strings.ContainsFunc(b, func(r rune) bool {
				return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e'
			}), "line %d: %q", i, b)
		}
	}
}
