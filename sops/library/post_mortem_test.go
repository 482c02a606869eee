package library_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// theOutage is the record of the incident that post-mortems of these tests are about.
func theOutage(id string) *workflows.Record {
	at := began.Add(-2 * time.Hour)
	over := began.Add(-time.Minute)
	ana := workflows.Party{ID: "ana", Name: "Ana"}
	return &workflows.Record{
		Procedure: strings.SplitN(id, "/", 2)[0], Title: "Emergency response", WorkflowID: id, RunID: "run-1", Digest: "sha256:00",
		State: workflows.Succeeded, Started: at, Ended: &over, Inputs: in{},
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Summary: "The API is down", Scale: "platform", Severity: "P1", Services: []string{"api"},
			Since: at, Resolved: &workflows.Deed{At: over, By: ana, Text: "the certificate was renewed"},
		},
		Timeline: []workflows.Event{{At: at, Kind: "run", Text: "started"}, {At: over, Kind: "incident", Text: "resolved by Ana: the certificate was renewed"}},
	}
}

// happened keeps the record of an incident, and gives the inputs of its post-mortem.
func (b *bench) happened(id, kind string) in {
	b.t.Helper()
	rec := theOutage(id)
	data, err := json.Marshal(rec)
	require.NoError(b.t, err)
	require.NoError(b.t, b.log.SaveRun(b.t.Context(), journal.Run{
		WorkflowID: id, RunID: rec.RunID, Procedure: rec.Procedure, State: "succeeded", Started: rec.Started, Ended: *rec.Ended, Updated: *rec.Ended, Record: data,
	}))
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, 60*24*time.Hour) // a test that waits for somebody has an end
	return in{"incident": id, "started": rec.Started.Format(time.RFC3339), "kind": kind, "summary": "The API is down", "severity": "P1"}
}

// The answers of people who know.
func said(items string) in {
	return in{
		"summary": "Nobody could log in for two hours.", "users": "all of them", "business": "orders came in late",
		"cause": "the certificate had run out", "lessons": "look at the calendar", "items": items,
	}
}

var analysis = in{"figures": "12,000 requests failed", "factors": "nobody owned the certificate", "well": "paged within a minute", "improve": "renew by itself"}

func TestPostMortem(t *testing.T) {
	t.Parallel()
	t.Run("WritesTheReportOfAnEmergencyAndSeesItsItemsThrough", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		inputs := b.happened("emergency-response/main", "emergency")
		b.done(time.Hour, "ben", "monitoring", in{"rules": "alert 30 days before a certificate ends"})
		b.done(2*time.Hour, "chloe", "prevention", in{"measures": "renew by itself"})
		b.done(3*time.Hour, "ana", "reported[0].account", said("renew by itself | backend-lead | 2026-12-01\nown the certificates | ana | 2026-12-03"))
		b.done(5*time.Hour, "ana", "written[0].analysis", analysis)
		b.done(10*24*time.Hour+8*time.Hour, "chloe", "followed[0].settled[0].done", in{"status": "later", "note": "in January", "until": "2026-12-10T09:00:00Z"})
		b.done(14*24*time.Hour, "ana", "followed[1].settled[0].done", in{"status": "dropped", "note": "the platform team owns them"})
		b.done(20*24*time.Hour, "chloe", "followed[0].settled[1].done", in{"status": "done", "note": "runs since Monday"})
		rec := b.start("post-mortem", inputs)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Nil(t, clock(t, rec, "step:work").Breached)
		require.Equal(t, began.Add(24*time.Hour), clock(t, rec, "step:work").Due)
		require.Nil(t, clock(t, rec, "phase:analysis").Breached)
		require.Equal(t, began.Add(48*time.Hour), clock(t, rec, "phase:analysis").Due, "the report's day is part of it")
		require.Contains(t, b.asks["Complete the incident report"], "orderly report emergency-response/main")
		require.Equal(t, time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), step(t, rec, "followed[0].due").Ended.UTC())

		report := b.report(rec, "reported[0].report")
		for _, want := range []string{
			"# Incident report: The API is down", "- Severity: P1 (platform)", "- Users: all of them", "the certificate had run out",
			"the certificate was renewed", "| renew by itself | backend-lead | 2026-12-01 | open |  |",
		} {
			require.Contains(t, report, want)
		}
		require.NotContains(t, report, "**missing**")
		final := b.report(rec, "final")
		require.Contains(t, final, "nobody owned the certificate")
		require.Contains(t, final, "Monitoring since then: alert 30 days before a certificate ends")
		require.Contains(t, final, "| renew by itself | backend-lead | 2026-12-01 | done | runs since Monday |")
		require.Contains(t, final, "| own the certificates | ana | 2026-12-03 | dropped | the platform team owns them |")
		require.NotContains(t, final, "**missing**")
		require.Equal(t, map[string]any{"complete": true}, outputs(t, rec, "final", "complete"))
	})

	t.Run("OwesNothingButThePostMortemAfterOtherIncidents", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		inputs := b.happened("incident-response/main", "incident")
		all := said("none")
		for k, v := range analysis {
			all[k] = v
		}
		b.done(30*time.Hour, "ana", "written[0].analysis", all)
		rec := b.start("post-mortem", inputs)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, workflows.Skipped, step(t, rec, "work").State)
		require.Equal(t, began.Add(48*time.Hour), clock(t, rec, "phase:analysis").Due)
		require.Nil(t, clock(t, rec, "phase:analysis").Breached)
		require.Empty(t, b.pages)
		require.Contains(t, b.report(rec, "written[0].complete"), "It was said that nothing has to be done.")
	})

	t.Run("IsAskedAgainWhileAPartIsMissingOrALineCanNotBeTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		inputs := b.happened("incident-response/main", "incident")
		first := said("renew it | nobody-we-know | 2026-12-01\nsoon")
		first["users"] = "TBD"
		for k, v := range analysis {
			first[k] = v
		}
		second := in{"users": "all of them", "items": "none"}
		var told string
		b.answer("notify.send", func(with in) (any, error) {
			if subject, _ := with["subject"].(string); strings.Contains(subject, "is not complete") {
				told, _ = with["text"].(string)
			}
			return in{"reached": 1}, nil
		})
		b.done(time.Hour, "ana", "written[0].analysis", first)
		b.done(2*time.Hour, "ana", "written[1].analysis", second)
		rec := b.start("post-mortem", inputs)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, 2, step(t, rec, "written").Count)
		require.Contains(t, told, "Missing: impact on users")
		require.Contains(t, told, `org.yaml has no role, team or person "nobody-we-know"`)
		require.Contains(t, told, `line 2, "soon": it takes three parts`)
		complete := b.report(rec, "written[1].complete")
		require.NotContains(t, complete, "**missing**", "what was said in the first round is kept")
		require.Contains(t, complete, "12,000 requests failed")
	})

	t.Run("StaysOpenWhenSomebodySkipsItAndIsChased", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		inputs := b.happened("incident-response/main", "incident")
		all := said("none")
		for k, v := range analysis {
			all[k] = v
		}
		b.at(time.Hour, workflows.MessageComplete, in{"by": "ana", "step": "written[0].analysis", "skip": true, "reason": "no time"})
		b.done(50*time.Hour, "ana", "written[1].analysis", all)
		rec := b.start("post-mortem", inputs)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.NotNil(t, clock(t, rec, "phase:analysis").Breached)
		require.NotEmpty(t, b.pages)
		require.Contains(t, b.pages[0], "37h0m0s", "36 hours after it was asked for again")
	})

	t.Run("IsWrittenByHandWhenTheJournalHasNoRecord", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		all := said("none")
		for k, v := range analysis {
			all[k] = v
		}
		all["services"], all["resolution"] = "mail-relay", "the provider mended it"
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, 60*24*time.Hour)
		b.done(time.Hour, "ana", "written[0].analysis", all)
		rec := b.start("post-mortem", in{"incident": "somewhere/else", "kind": "incident", "severity": "P2", "summary": "Mail was late"})
		require.Equal(t, workflows.Failed, step(t, rec, "draft").State)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, map[string]any{"complete": false, "answered": true}, outputs(t, rec, "written[0].complete", "complete", "answered"))
		require.Contains(t, b.report(rec, "written[0].complete"), "- the record of the run: the journal does not have it, so there is no timeline\n")
	})
}

// report is the Markdown that a step has kept.
func (b *bench) report(rec *workflows.Record, path string) string {
	b.t.Helper()
	key, _ := outputs(b.t, rec, path, "key")["key"].(string)
	text, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(key)))
	require.NoError(b.t, err)
	return string(text)
}

// outputs are some of a step's outputs.
func outputs(t *testing.T, rec *workflows.Record, path string, names ...string) map[string]any {
	t.Helper()
	var all map[string]any
	require.NoError(t, json.Unmarshal(step(t, rec, path).Outputs, &all))
	out := map[string]any{}
	for _, n := range names {
		out[n] = all[n]
	}
	return out
}
