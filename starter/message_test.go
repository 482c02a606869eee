package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

func TestANightOnCall(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("outage/api@", "start", "outage", "--by", "cleo")
	b.waitsFor("outage/api", "assess")

	b.refuses(exitRefused, "Cleo is not entitled", "ack", "outage/api", "--by", "cleo")
	b.refuses(exitRefused, "nobody called \"zoe\"", "ack", "outage/api", "--by", "zoe")
	b.says("acknowledged by Ann", "ack", "outage/api", "on", "my", "way")
	var again messageAnswer
	b.orderly("ack", "outage/api", "--by", "bob", "--json").json(t, &again)
	require.False(t, again.Changed)
	require.Equal(t, "Bob", again.By)
	require.Equal(t, "outage/api", again.WorkflowID)
	require.NotEmpty(t, again.RunID)

	b.stdin = "pool exhausted\nsecond line\n"
	b.says("noted", "note", "outage/api", "-")
	b.says("the stakeholders are being told", "update", "outage/api", "We are on it.")
	b.says("first mitigation noted", "done", "outage/api", "respond")
	b.says("is due", "extend", "outage/api", "assess", "15m", "the dashboards are slow")
	b.refuses(exitUsage, "15 pages", "extend", "outage/api", "assess", "15 pages", "because")
	b.refuses(exitRefused, "there is no clock", "extend", "outage/api", "nothing", "15m", "because")
	b.says("Bob has it now", "handover", "outage/api", "bob", "--until", "8h")
	b.says("the severity is P0", "severity", "outage/api", "P0", "orders are lost")
	b.refuses(exitRefused, "no severity", "severity", "outage/api", "P7", "because")
	b.says("paging", "escalate", "outage/api", "I can't log in")

	b.refuses(exitUsage, "-f kind=…  one of slow, gone", "done", "outage/api")
	b.refuses(exitUsage, "none of the options", "done", "outage/api", "-f", "impact=all", "-f", "kind=grey")
	b.refuses(exitUsage, "write it as field=value", "done", "outage/api", "-f", "impact")
	b.says("How bad is it?: done by Ann", "done", "outage/api", "-f", "impact=nobody can log in", "-f", "kind=gone", "-f", "users=12")
	b.waitsFor("outage/api", "restart")
	b.refuses(exitRefused, "Cleo is not entitled", "approve", "outage/api", "restart", "--by", "cleo")
	b.refuses(exitRefused, "Ann is not entitled", "approve", "outage/api", "restart")
	b.says("approved by Bob", "approve", "outage/api", "restart", "go", "ahead", "--by", "bob")
	b.waitsFor("outage/api", "told")
	b.says("Tell support: skipped by Bob", "skip", "outage/api", "told", "they called us", "--by", "bob")
	b.refuses(exitRefused, "nothing waits", "done", "outage/api")

	b.says("resolved by Ann", "resolve", "outage/api", "raised", "the", "pool")
	require.NoError(t, b.client().GetWorkflow(b.ctx(), "outage/api", "").Get(b.ctx(), nil))
	b.refuses(exitRefused, "outage/api is over since", "note", "outage/api", "too late")
	b.nightShows()
}

// nightShows looks at what the night has left.
func (b *bench) nightShows() {
	b.t.Helper()
	got := b.orderly("show", "outage/api")
	require.Equal(b.t, exitOK, got.code, got.notice)
	requireWidth(b.t, got.out, defaultWidth)
	for _, text := range []string{
		"P0 · resolved · level-2 · ", "The API is down", "affects: api", "users: nobody can log in",
		"level-1 tier 1", "Ann: console", "Status updates", "Ann: We are on it.", "raised the pool",
	} {
		require.Contains(b.t, got.out, text)
	}
	lines := b.orderly("timeline", "outage/api").out
	for _, text := range []string{
		"paged tier 1", "acknowledged by Ann: on my way", "note: pool exhausted second line (Ann)",
		"severity P1 → P0 by Ann: orders are lost", "handed over by Ann to Bob", "resolved by Ann: raised the pool",
	} {
		require.Contains(b.t, lines, text)
	}
}

func TestARejectionSaysWhyAndAnAbortEndsTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.procedure("sop: change\ntitle: Change\nphases: [{id: a, steps: [{id: leave, approve: 'May we?', by: [lead], on_failure: continue}, {id: wait, wait: 1h}]}]\n")
	b.says("change/", "start", "change")
	b.eventually(func() bool { return b.orderly("reject", "change", "leave", "not today", "--by", "bob").code == exitOK })
	b.refuses(exitUsage, "say reason", "abort", "change")
	b.says("the run is being ended", "abort", "change", "wrong day", "--by", "bob")
}

func TestMessagesOnlyGoToOpenRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("outage/api@", "start", "outage")
	b.says("outage/web@", "start", "outage", "--key", "web")
	b.eventually(func() bool {
		got := b.orderly("ack", "outage")
		return got.code == exitUsage && strings.Contains(got.notice, "outage/api\n  outage/web")
	})
	b.says("the run is being ended", "abort", "outage/api", "it was nothing")
	b.eventually(func() bool { return b.orderly("ack", "outage").code == exitOK }) // only one is open
	b.refuses(exitNotFound, "no run", "ack", "flood")
	b.refuses(exitUsage, "say run", "ack")
	b.refuses(exitUsage, "say text", "note", "outage/web")
	b.refuses(exitUsage, "too much: x", "handover", "outage/web", "bob", "x")
}

func TestAMessageThatNoWorkerTakesSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.begin("check/one")
	got := b.orderly("ack", "check/one", "it's me")
	require.Equal(t, exitUnreachable, got.code)
	require.Contains(t, got.notice, "no worker has taken the message within 10s")
	require.Contains(t, got.notice, "No signal was sent.")
	require.Contains(t, got.notice, `--name acknowledge --input '{"by":"ann","note":"it'\''s me"}'`)
}

func TestAnAlertStartsTheIncidentOrJoinsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("nothing to note", "alert", "outage", "--key", "503", "--status", "resolved")
	b.says("the alert has joined the incident", "alert", "outage", "--key", "503", "--summary", "API answers 503", "--label", "service=api")
	b.says("seen 2 times", "alert", "outage", "--key", "503", "--summary", "API answers 503")
	b.says("the alert has joined the incident", "alert", "outage/api", "--key", "disk", "--summary", "disk full")
	b.says("is resolved", "alert", "outage", "--key", "503", "--status", "resolved")
	again := b.orderly("start", "outage", "-i", "summary=nobody can log in", "--by", "bob")
	require.Equal(t, exitOpen, again.code)
	require.Contains(t, again.notice, "you have joined it")
	got := b.orderly("show", "outage/api")
	require.Contains(t, got.out, "firing: nobody can log in")
	require.Contains(t, got.out, "resolved: API answers 503 (2 times since")
	b.refuses(exitUsage, "--status is", "alert", "outage", "--key", "x", "--status", "burning")
	b.refuses(exitUsage, "write it as key=value", "alert", "outage", "--key", "x", "--label", "api")
}

func TestAnAlertThatNoWorkerTakesHasStartedTheIncidentAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t).withHouse()
	got := b.orderly("alert", "outage", "--key", "503")
	require.Equal(t, exitUnreachable, got.code)
	require.Contains(t, got.notice, "outage/api is open all the same")
	require.Equal(t, map[string]any{"_by": "ann", "_key": "api"}, b.startInput("outage/api"))
}

func TestUntilIsATimeOfDayHereOrADistance(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, berlin)
	for text, want := range map[string]string{
		"07:30": "2026-11-22T06:30:00Z", "23:45": "2026-11-21T22:45:00Z", "23:30": "2026-11-22T22:30:00Z",
		"8h": "2026-11-22T06:30:00Z", "2026-12-24T07:30:00Z": "2026-12-24T07:30:00Z",
	} {
		got, err := untilTime(text, at)
		require.NoError(t, err)
		require.Equal(t, want, got.Format(time.RFC3339), text)
	}
	_, err := untilTime("soon", at)
	require.ErrorContains(t, err, "is not a time")
}

func TestAPersonAtTheTerminalIsAskedUntilTheAnswerFits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	q := &questions{in: strings.NewReader("\ngrey\ngone\nmany\n12\n"), out: &out}
	answers := map[string]any{}
	fields := map[string]sops.FormField{
		"kind":  {Type: "choice", Title: "What is it", Options: []string{"slow", "gone"}, Required: true},
		"users": {Type: "int", Required: true},
	}
	require.NoError(t, q.ask(fields, missingFields(fields, answers), answers))
	require.Equal(t, map[string]any{"kind": "gone", "users": 12}, answers)
	require.Equal(t, 3, strings.Count(out.String(), "What is it (one of slow, gone): "))
	require.ErrorContains(t, q.ask(fields, []string{"kind"}, answers), "nothing was sent")
}

func TestCompletionOffersWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("outage/api@", "start", "outage")
	b.waitsFor("outage/api", "assess")
	b.eventually(func() bool {
		return strings.Contains(b.orderly("__complete", "ack", "").out, "outage/api\tP1 triage\n")
	})
	for want, args := range map[string][]string{
		"assess\tHow bad is it?\n":      {"done", "outage/api", ""},
		"respond\tfirst mitigation\n":   {"done", "outage", ""},
		"step:assess\tHow bad is it?\n": {"extend", "outage/api", ""},
		"bob\tBob\n":                    {"handover", "outage/api", ""},
		"outage\tOutage\n":              {"alert", ""},
		":4\n":                          {"approve", "outage/api", ""},
	} {
		require.Contains(t, b.orderly(append([]string{"__complete"}, args...)...).out, want, args)
	}
}

func TestRunsShowsWhoHasAnIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("outage/api@", "start", "outage")
	b.says("acknowledged by Ann", "ack", "outage/api")
	var rows []runRow
	b.eventually(func() bool {
		b.orderly("runs", "--severity", "P1", "--owner", "ann", "--service", "api", "--json").json(t, &rows)
		return len(rows) == 1
	})
	require.Equal(t, "level-1", rows[0].Level)
	require.Equal(t, []string{"api"}, rows[0].Services)
	got := b.orderly("runs").out
	require.Contains(t, got, "SEV  OWNER  TOOK")
	require.Contains(t, got, "outage/api  P1   ann")
	requireWidth(t, got, defaultWidth)
	b.orderly("runs", "--service", "database", "--json").json(t, &rows)
	require.Empty(t, rows)
}

func TestAFormIsReadFromAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("outage/api@", "start", "outage")
	b.waitsFor("outage/api", "assess")
	b.procedure(strings.Replace(outageYAML, "options: [slow, gone]", "options: [grey]", 1))
	form := b.write("form.yaml", "impact: all\nkind: slow\n")
	b.refuses(exitUsage, "no such file", "done", "outage/api", "--form-file", form+"x")
	b.refuses(exitUsage, `the form has no such field; did you mean "impact"?`, "done", "outage/api", "--form-file", form, "-f", "impct=all")
	b.says("done by Ann", "done", "outage/api", "--form-file", form)
}

func TestAStepInsideARoundIsAnsweredByItsIdWhereThatIsClear(t *testing.T) {
	t.Parallel()
	form := map[string]sops.FormField{"a": {Type: "bool"}}
	step := func(path string, fields map[string]sops.FormField) *workflows.Step {
		return &workflows.Step{ID: "tell", Path: path, Kind: "ask", State: workflows.Running, Ask: &workflows.Ask{Fields: fields}}
	}
	r := &workflows.Record{Phases: []*workflows.Phase{{Steps: []*workflows.Step{step("each[0].tell", form)}}}}
	for _, name := range []string{"tell", "each[0].tell"} {
		fields, known := formOf(r, name)
		require.True(t, known)
		require.Equal(t, form, fields)
	}
	r.Phases[0].Steps = append(r.Phases[0].Steps, step("each[1].tell", nil))
	_, known := formOf(r, "tell")
	require.False(t, known)
}
