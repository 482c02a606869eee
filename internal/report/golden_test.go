package report

import (
	"testing"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

func TestGoldenReports(t *testing.T) {
	t.Parallel()
	t.Run("AnIncidentOfWhichOnlyTheRecordIsThere", func(t *testing.T) {
		t.Parallel()
		golden(t, "incident-draft", Incident(theNight(), Answers{}, made))
	})
	t.Run("AnIncident", func(t *testing.T) {
		t.Parallel()
		golden(t, "incident", Incident(theNight(), whole(), made))
	})
	t.Run("APostMortem", func(t *testing.T) {
		t.Parallel()
		golden(t, "post-mortem", PostMortem(theNight(), whole(), made))
	})
	t.Run("ASecurityIncident", func(t *testing.T) {
		t.Parallel()
		golden(t, "security", SecurityReport(theNight(), Security{
			Scope: "one container", Containment: "cut off at 02:25", Recovery: "a new one from the image", Breach: "no personal data were reached",
			NotDone: []string{"the memory was not kept: there was no room"},
		}, whole(), made))
	})
	t.Run("ARunThatIsNone", func(t *testing.T) {
		t.Parallel()
		rec := theNight()
		rec.Incident, rec.Drill, rec.State = nil, true, workflows.Failed
		rec.Failure = &workflows.Failure{Phase: "assess", Step: "restart", Message: "no such container"}
		rec.Rollback = &workflows.Rollback{State: workflows.Failed, Why: *rec.Failure, Started: at(3), Ended: atPtr(4)}
		golden(t, "run", OfRun(rec, made))
	})
	t.Run("AMaintenance", func(t *testing.T) {
		t.Parallel()
		golden(t, "maintenance", (&Maintenance{
			Run: &Run{WorkflowID: "weekly-maintenance/docs-db", RunID: "r1"}, Title: "Weekly maintenance of docs-db", Outcome: "completed", From: made.AddDate(0, 0, -7), To: made,
			Uptime: []Uptime{{"docs-api", 99.4, 168}}, Responses: []Level{{"docs-api", 112.3, 900, 98, 168}}, CPU: []Level{{"web-1", 22, 91, 18, 168}}, Memory: []Level{{"web-1", 60, 71, 66, 168}},
			Disks: []Growth{{"web-1 /", 61, 3.5, true, 7}}, Databases: []Level{{"docs-db", 1.4, 12, 1.2, 168}}, Incidents: Incidents{Total: 1, BySeverity: []SeverityCount{{"platform", "P1", 1}}},
			Runs: []RunCount{{"daily-check", 7, 0}}, Activities: []Activity{{"Docker clean-up", "succeeded", "1.5 GiB recovered"}, {"Reindex", "skipped", ""}},
			Recovered: ptr(1.5 * (1 << 30)), Pool: ptr(12.0), Upcoming: []UpcomingWork{{What: "PostgreSQL 17", When: "December"}}, Recommendations: []string{"index orders(user_id)"},
		}).Document())
	})
	t.Run("Backups", func(t *testing.T) {
		t.Parallel()
		golden(t, "backup", (&Backups{
			Database: "docs-db", Made: made, RTO: time.Hour, RPO: 26 * time.Hour, All: []Backup{
				{Key: "database/docs-db/2026-11-22", At: made.Add(-7 * time.Hour), Bytes: 3 << 30, Verified: true, RestoreSeconds: 312},
				{Key: "database/docs-db/2026-11-21", At: made.Add(-31 * time.Hour), Bytes: 3 << 30, Verified: true, RestoreSeconds: 300},
				{Key: "database/docs-db/2026-11-20", At: made.Add(-55 * time.Hour), Bytes: 2 << 30},
			},
		}).Document())
	})
	t.Run("AMonth", func(t *testing.T) {
		t.Parallel()
		golden(t, "monthly", theMonth(&Review{
			Incidents: "two of three were certificates", Process: "the runbook for mail is new", Tools: "the alarm is unmuted", Training: "a drill in December",
			Decisions: "Renewal is a job of its own.", Invited: ptr(8.0), Present: ptr(7.0), Satisfaction: ptr(4.6), SatisfactionFrom: "38 answers",
		}).Document())
	})
	t.Run("AMonthBeforeItsMeeting", func(t *testing.T) {
		t.Parallel()
		golden(t, "monthly-draft", theMonth(nil).Document())
	})
}

func theMonth(r *Review) *Monthly {
	return &Monthly{
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Made: time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC),
		Incidents: []IncidentOf{
			{WorkflowID: "emergency-response/main", Summary: "The API is down", Scale: "platform", Severity: "P1", Services: []string{"api"}, Owner: "Ana", Began: night, Ended: at(95), Breached: []string{"acknowledge"}, Report: "post-mortem/x/final.md"},
			{WorkflowID: "incident-response/mail", Summary: "Mail is late", Scale: "incident", Severity: "P3", Began: at(9000)},
		},
		Figures: []Figure{
			{Title: "Mean time to acknowledge", Text: "7m", Target: "< 5m", Met: ptr(false), Of: "1 acknowledgement"},
			{Title: "SLA compliance", Text: "100 %", Target: "> 99.5 %", Met: ptr(true), Of: "9 promises"},
			{Title: "Participation in reviews", Target: "> 90 %", Of: "0 reviews"},
		},
		Pictures:   []Picture{{Title: "Acknowledged and resolved", Desc: "In week 47 it took 7 minutes.", SVG: []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><title>x</title></svg>`)}},
		Procedures: []Freshness{{ID: "rollback", Owners: []string{"devops-lead"}, State: "stale", Stale: true, Reviewed: "2026-07-01", LastRun: "2026-11-02, succeeded"}, {ID: "backup", State: "fresh", Reviewed: "2026-11-22"}},
		Items:      []OpenItem{{Item: Item{What: "Renew certificates by a job", Who: "backend-lead", Due: "2026-12-01"}, Incident: "emergency-response/main"}},
		LeftOut:    []string{"incident-response/x@1: the record is damaged: it has holes"},
		Review:     r,
	}
}
