package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// mailNight is the incident of docs/reports.md.
func mailNight() *workflows.Record {
	at := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	over := at.Add(96 * time.Minute)
	return &workflows.Record{
		Procedure: "incident-response", Title: "Incident response", WorkflowID: "incident-response/mail", RunID: "0198c2f4-0000-7000-8000-000000000001",
		Digest: "sha256:2c26b46b", State: workflows.Succeeded, Started: at, Ended: &over, Inputs: map[string]any{},
		Phases: []*workflows.Phase{{ID: "investigate", State: workflows.Succeeded, Steps: []*workflows.Step{{
			ID: "cause", Path: "cause", Title: "Find the cause", Kind: "ask", State: workflows.Succeeded,
			Ask: &workflows.Ask{Done: &workflows.Deed{At: at, By: workflows.Party{ID: "ana", Name: "Ana"}}, Form: map[string]any{"cause": "a full queue"}},
		}}}},
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Summary: "Mail is late", Scale: "incident", Severity: "P3", Level: "level-1", Services: []string{"mail-relay"}, Since: at,
			Resolved: &workflows.Deed{At: at.Add(95 * time.Minute), By: workflows.Party{ID: "ana", Name: "Ana"}, Text: "the queue is empty"},
		},
		Timeline: []workflows.Event{{At: at, Kind: "run", Text: "started"}},
	}
}

// keepRecord keeps a record as a worker does.
func (b *bench) keepRecord(rec *workflows.Record) {
	b.t.Helper()
	j, err := journal.Open(b.ctx(), filepath.Join(b.dir, "journal.db"))
	require.NoError(b.t, err)
	data, err := json.Marshal(rec)
	require.NoError(b.t, err)
	require.NoError(b.t, j.SaveRun(b.ctx(), journal.Run{
		WorkflowID: rec.WorkflowID, RunID: rec.RunID, Procedure: rec.Procedure, State: string(rec.State), Started: rec.Started, Updated: rec.Started, Record: data,
	}))
	require.NoError(b.t, j.Close())
}

// TestTheExamplesOfTheReportsPage runs the commands that stand in docs/reports.md, and loads its procedure.
func TestTheExamplesOfTheReportsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/reports.md")
	require.NoError(t, err)
	b := newBench(t).withServer()
	b.keepRecord(mailNight())
	blocks := regexp.MustCompile("(?s)    \\$ orderly (report [^\n|]+)( \\| jq [^\n]+)?\n((?:    [^\n]*\n|\n)+)").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		got := b.orderly(strings.Fields(block[1])...)
		require.Equal(t, exitOK, got.code, got.notice)
		require.Contains(t, got.notice, "4 parts missing from this report, of which people can say 4")
		out := got.out
		if block[2] != "" {
			var doc write.Document
			got.json(t, &doc)
			out = strings.Join(doc.Lacking(), "\n") + "\n"
		}
		require.Contains(t, out, strings.TrimSpace(regexp.MustCompile(`(?m)^    `).ReplaceAllString(block[3], "")))
	}
	yaml := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(string(page))
	org, err := sops.FindOrg([]sops.Source{{Name: "the library", FS: library.FS}})
	require.NoError(t, err)
	_, problems := sops.Parse("mail-outage.yaml", []byte(yaml[1]), sops.Env{Catalogue: activities.Catalogue(), Org: org})
	require.NoError(t, problems.Err())
}

func TestReport(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	night := mailNight()
	b.keepRecord(night)
	b.keepRecord(&workflows.Record{
		Procedure: "post-mortem", WorkflowID: "post-mortem/mail", RunID: "pm", Started: night.Started.Add(2 * time.Hour), State: workflows.Running,
		Inputs: map[string]any{"incident": night.WorkflowID, "started": night.Started.Format(time.RFC3339)},
		Phases: []*workflows.Phase{{ID: "report", Steps: []*workflows.Step{{
			ID: "account", Path: "reported[0].account", State: workflows.Succeeded,
			Ask: &workflows.Ask{Done: &workflows.Deed{At: night.Started}, Form: map[string]any{"users": "<b>two hundred</b>", "items": "empty it | backend-lead | 2026-12-01"}},
		}}}},
	})
	got := b.orderly("report", "incident-response/mail")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.out, "- Users: &lt;b&gt;two hundred&lt;/b&gt;\n", "what the post-mortem was told")
	require.Contains(t, got.out, "| empty it | backend-lead | 2026-12-01 | open |")
	require.Contains(t, got.out, "a full queue")
	require.Contains(t, got.notice, "2 parts missing")

	page := b.orderly("report", "incident-response/mail", "--html", "--kind", "post-mortem")
	require.True(t, strings.HasPrefix(page.out, "<!DOCTYPE html>"), page.out)
	require.Contains(t, page.out, "<h1>Post-mortem: Mail is late</h1>")
	require.Contains(t, page.out, "<dd>&lt;b&gt;two hundred&lt;/b&gt;</dd>")

	file := filepath.Join(b.dir, "it.html")
	got = b.orderly("report", "incident-response/mail", "-o", file)
	require.Empty(t, got.out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "<h1>Incident report: Mail is late</h1>")

	require.Contains(t, b.orderly("report", "post-mortem/mail").out, "# Post-mortem: Mail is late\n", "it is about the incident")
	require.Contains(t, b.orderly("report", "incident-response/mail", "--kind", "run").out, "# Report: Incident response\n")
	b.refuses(exitUsage, `there is no kind of report "short"`, "report", "incident-response/mail", "--kind", "short")
	b.refuses(exitNotFound, "has kept no maintenance report", "report", "incident-response/mail", "--kind", "maintenance")
	b.refuses(exitNotFound, "no run", "report", "nowhere/else")
}

func TestAReportThatWasKeptIsPrintedAsItWas(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	doc := (&write.Backups{Database: "docs-db", Made: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}).Document()
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	b.write("data/artifacts/backup/docs-db/report.json", string(text))
	rec := mailNight()
	rec.Procedure, rec.WorkflowID, rec.Incident = "backup", "backup/docs-db", nil
	rec.Finally = []*workflows.Step{{ID: "report", Path: "report", Action: "report.backup", State: workflows.Succeeded, Outputs: json.RawMessage(`{"model": "backup/docs-db/report.json"}`)}}
	b.keepRecord(rec)
	require.Contains(t, b.orderly("report", "backup/docs-db").out, "# Backups of docs-db\n")
	require.Contains(t, b.orderly("report", "backup/docs-db", "--kind", "run").out, "# Report: Incident response\n")

	require.NoError(t, os.RemoveAll(filepath.Join(b.dir, "data")))
	got := b.orderly("report", "backup/docs-db")
	require.Contains(t, got.out, "# Report: Incident response\n")
	require.Contains(t, got.notice, "the report that the run has kept can't be read")
}

func TestAReportOfARunThatGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/open")
	b.eventually(func() bool { return b.orderly("report", "check/open").code == exitOK })
	require.Contains(t, b.orderly("report", "check/open").out, "The run was still going on")
}

// selfReportYAML is an incident whose run reports on itself.
const selfReportYAML = `sop: self-report
title: It reports on itself
owners: [lead]
key: it
incident: {severity: P1, services: [api], summary: The API is down}
phases:
  - id: one
    steps:
      - {id: mended, title: Mend it, ask: Mend it., of: lead, form: {cause: {type: text, required: true}}}
      - {id: over, title: It is over, wait: {for: resolved}}
finally:
  - {id: report, uses: report.incident}
`

// TestARunReportsOnItself has a real server and worker: the journal learns of a run only when that is over.
func TestARunReportsOnItself(t *testing.T) {
	t.Parallel()
	b := newBench(t).withHouse()
	b.procedure(selfReportYAML).work()
	require.Equal(t, exitOK, b.orderly("start", "self-report").code)
	b.waitsFor("self-report/it", "mended")
	require.Contains(t, b.orderly("report", "self-report/it").out, "# Incident report: The API is down\n", "while it goes on")
	b.says("", "done", "self-report/it", "mended", "--by", "bob", "-f", "cause=the pool was full")
	b.says("", "resolve", "self-report/it", "it is larger now", "--by", "bob")
	b.eventually(func() bool { return b.record("self-report/it").State == workflows.Succeeded })
	got := b.orderly("report", "self-report/it", "--json")
	var doc write.Document
	got.json(t, &doc)
	require.Equal(t, write.KindIncident, doc.Kind)
	require.Equal(t, []string{"impact on users", "impact on the business", "lessons", "action items"}, doc.Unanswered())
	text := string(doc.Markdown())
	require.Contains(t, text, "the pool was full")
	require.Contains(t, text, "it is larger now")
	require.Contains(t, text, "resolved by Bob")
}

func TestTheJournalAnswersWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.refuses(exitUnreachable, "is Temporal running at 127.0.0.1:1?", "report", "incident-response/mail")
	night := mailNight()
	b.keepRecord(night)
	for _, arg := range []string{"incident-response/mail", "incident-response/mail@" + night.RunID, "incident-response", "incident-response/ma"} {
		got := b.orderly("report", arg)
		require.Equal(t, exitOK, got.code, got.notice)
		require.Contains(t, got.out, "# Incident report: Mail is late\n")
		require.Contains(t, got.notice, "is Temporal running at 127.0.0.1:1?")
		require.Contains(t, got.notice, "this is the journal's record (")
	}
	require.Contains(t, b.orderly("timeline", "incident-response").out, "started")
	require.Contains(t, b.orderly("show", "incident-response").out, "Incident response")
	b.refuses(exitUnreachable, "is Temporal running", "report", "nowhere/else")

	open := mailNight()
	open.WorkflowID, open.RunID, open.State, open.Ended, open.Incident.Resolved = "incident-response/main", "r2", workflows.Running, nil, nil
	open.Started = open.Started.Add(-time.Hour)
	b.keepRecord(open)
	b.refuses(exitUsage, "fits several runs; say which:\n  incident-response/main\n  incident-response/mail", "report", "incident-response/m")
	got := b.orderly("report", "incident-response")
	require.Contains(t, got.out, "- ID: incident-response/main\n", "one that is open comes first")
	require.Contains(t, got.notice, "this is the journal's record as of 2026-11-21 02:14:00Z; what happened since is not in it")

	open.WorkflowID, open.Procedure = "incident-response/hole", ""
	b.keepRecord(open)
	b.refuses(exitUnreachable, "the record is damaged", "report", "incident-response/hole")
}
