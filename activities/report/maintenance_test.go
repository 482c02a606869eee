package report

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// sunday is what a weekly maintenance says of itself.
var sunday = MaintenanceInput{
	Title: "Weekly maintenance of docs-db", Outcome: "completed",
	Activities: []Activity{
		{What: "Docker clean-up", Status: "succeeded", Result: "3 images | 1.5 GiB"},
		{What: "Reindex", Status: "skipped", Result: "nothing to do"},
	},
	Recovered: ptr(1.5 * (1 << 30)), Pool: ptr(12.345), SlowQueries: []string{"select * from _users_: 410 ms"},
	Left:            []string{"images that nobody used were removed"},
	Upcoming:        []UpcomingWork{{What: "PostgreSQL 17", When: "December", Impact: "ten minutes away", Preparation: "a rehearsal"}},
	Recommendations: []string{"index orders(user_id)"},
}

// aWeek fills the journal.
func (d desk) aWeek(t *testing.T) {
	t.Helper()
	for day := range 4 {
		hours := 24*day + 1
		up := 100.0
		if day == 2 {
			up = 0
		}
		d.measured(t, figureUp, "docs-api", hours, up)
		d.measured(t, figureResponse, "docs-api", hours, 100+float64(day))
		d.measured(t, figureCPU, "host", hours, 10*float64(day+1))
		d.measured(t, figureMemory, "host", hours, 50)
		d.measured(t, figureDisk, "host /", hours, 60-float64(day))
		d.measured(t, figureDatabase, "docs-db", hours, 1.5)
	}
	d.measured(t, figureCPU, "host", 24*9, 99) // before the week
	incident := func(scale, severity string) []byte {
		return []byte(`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "incident": {"state": "open", "scale": "` + scale + `", "severity": "` + severity + `"}}`)
	}
	d.ran(t, journal.Run{WorkflowID: "daily-check/1", Procedure: "daily-check", State: "succeeded"}, 5)
	d.ran(t, journal.Run{WorkflowID: "daily-check/2", Procedure: "daily-check", State: "failed"}, 29)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/main", Procedure: "emergency-response", State: "succeeded", Record: incident("platform", "P1")}, 30)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/main", Procedure: "emergency-response", State: "succeeded", Record: incident("platform", "P1")}, 60)
	d.ran(t, journal.Run{WorkflowID: "incident-response/1", Procedure: "incident-response", State: "cancelled", Record: incident("incident", "P3")}, 61)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/drill", Procedure: "emergency-response", State: "succeeded", Drill: true, Record: incident("platform", "P0")}, 62)
	d.ran(t, journal.Run{WorkflowID: "monitor/all", Procedure: "monitor", State: "running"}, 3)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/burning", Procedure: "emergency-response", State: "running", Record: incident("platform", "P1")}, 2)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/old", Procedure: "emergency-response", State: "succeeded", Record: incident("platform", "P0")}, 24*8)
}

func TestAMaintenanceReportSaysWhatTheWeekWasLike(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.aWeek(t)
	out, err := called(t, d.maintenance, sunday)
	require.NoError(t, err)
	require.Equal(t, []Uptime{{Subject: "docs-api", Percent: 75, Looks: 4}}, out.Uptime)
	require.Equal(t, []Level{{Subject: "docs-api", Mean: 101.5, Peak: 103, Last: 100, Points: 4}}, out.Responses)
	require.Equal(t, []Level{{Subject: "host", Mean: 25, Peak: 40, Last: 10, Points: 4}}, out.CPU, "what was before the week does not count")
	require.Equal(t, []Growth{{Subject: "host /", Now: 60, Change: 3, Grown: true, Points: 4}}, out.Disks)
	require.Equal(t, Incidents{Total: 4, Open: 1, BySeverity: []SeverityCount{{Scale: "incident", Severity: "P3", Count: 1}, {Scale: "platform", Severity: "P1", Count: 3}}}, out.Incidents,
		"no drill, nothing older")
	require.Equal(t, []RunCount{{Procedure: "daily-check", Succeeded: 1, Failed: 1}, {Procedure: "emergency-response", Succeeded: 2, Failed: 0}, {Procedure: "incident-response", Succeeded: 0, Failed: 1}}, out.Runs)
	require.Equal(t, []int{1, 1}, []int{out.Done, out.NotDone})
	require.Empty(t, out.Missing)
	require.True(t, out.Complete)
	require.Equal(t, "Maintenance completed: 1 of 2 activities done, 1.5 GiB recovered, 4 incidents in 7 days, 1 still open.", out.Summary)

	text := d.kept(t, out.Key)
	for _, line := range []string{
		"# Weekly maintenance of docs-db\n",
		"- Outcome: completed\n",
		"| docs-api | 75 % of 4 looks | 101.5 ms |\n",
		"Incidents that began in this time: 4, 1 of them still open.\n",
		"- platform P1: 3\n",
		`| Docker clean-up | succeeded | 3 images \| 1.5 GiB |` + "\n",
		"- images that nobody used were removed\n",
		"| processor | host | 25 % | 40 % | 10 % |\n",
		"| database, simple query | docs-db | 1.5 ms | 1.5 ms | 1.5 ms |\n",
		"| host / | 60 % | +3 points |\n",
		"- Disk space recovered: 1.5 GiB\n- Connections of the database in use: 12.35 %\n",
		`- select \* from \_users\_: 410 ms` + "\n",
		"| PostgreSQL 17 | December | ten minutes away | a rehearsal |\n",
		"- index orders(user\\_id)\n",
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "**missing**")
	require.NotContains(t, text, "Missing")
}

func TestWhatIsNotKnownIsMarkedAndNeverMadeUp(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.measured(t, figureDisk, "host /", 1, 61)
	out, err := called(t, d.maintenance, MaintenanceInput{
		Outcome: "rolled back", Reason: "the new image <b>did not</b> become healthy",
		Upcoming: []UpcomingWork{{What: "Certificates"}},
		Undone:   []Undone{{Step: "dump", Title: "The database", State: "left", Why: "not wanted"}, {Step: "update", Title: "Update api", State: "undone"}},
	})
	require.NoError(t, err)
	require.False(t, out.Complete)
	require.Equal(t, []string{
		"uptime: no health check kept whether a service works (figure service_up)",
		"response times: none were measured (figure api_mean)",
		"activities: the run lists none",
		"processor: not measured (figure cpu_percent)",
		"memory: not measured (figure memory_percent)",
		"query times: not measured (figure database_latency)",
		"growth of host /: there is only one value in the period",
		"disk space recovered: the run did not measure it",
		"connection pool: the run did not measure it",
		"upcoming work, Certificates: when it is done", "upcoming work, Certificates: its impact",
		"upcoming work, Certificates: how it is prepared",
	}, out.Missing)
	require.Equal(t, "Maintenance rolled back: 0 of 0 activities done, 0 incidents in 7 days. 12 parts are missing from the report.", out.Summary)
	text := d.kept(t, out.Key)
	require.Contains(t, text, "- Why: the new image &lt;b&gt;did not&lt;/b&gt; become healthy\n")
	require.Contains(t, text, "## Services\n\n**missing**\n")
	require.Contains(t, text, "Put back, the last first:\n\n- Update api: undone\n- The database: left, not wanted\n")
	require.Contains(t, text, "| processor |  | **missing** | **missing** | **missing** |\n")
	require.Contains(t, text, "| host / | 61 % | **missing** |\n")
	require.Contains(t, text, "- Disk space recovered: **missing**\n- Connections of the database in use: **missing**\n")
	require.Contains(t, text, "| Certificates | **missing** | **missing** | **missing** |\n")
	require.Contains(t, text, "## Missing from this report\n\n- uptime")
	require.Len(t, out.Unanswered, 3, "what was not measured nobody can say afterwards")
	require.Contains(t, d.kept(t, out.HTML), "<dt>Why</dt><dd>the new image &lt;b&gt;did not&lt;/b&gt; become healthy</dd>")
	require.Contains(t, d.kept(t, out.Model), `"kind": "maintenance"`)
}

func TestAMaintenanceReportThatCanNotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	for name, in := range map[string]MaintenanceInput{
		"outcome is empty":             {},
		"period: 13w is more than 90d": {Outcome: "done", Period: sops.Duration(91 * 24 * time.Hour)},
	} {
		_, err := called(t, d.maintenance, in)
		require.ErrorContains(t, err, name)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
	_, err := called(t, actions{}.maintenance, sunday)
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	_, err = d.maintenance(t.Context(), sunday)
	require.ErrorContains(t, err, "as an activity")
}

func TestAMaintenanceReportCountsAllRunsAndOnlyWhatWasAnIncident(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	const often = 1200 // a check every eight minutes
	for n := range often {
		d.ran(t, journal.Run{WorkflowID: "monitor/all", Procedure: "monitor", State: "succeeded"}, 1+n/8)
	}
	const whole = `{"procedure": "x", "started": "2026-11-22T02:14:00Z", "incident": {"state": "open", "severity": "P1"`
	d.ran(t, journal.Run{WorkflowID: "x/real", Procedure: "x", State: "succeeded", Record: []byte(whole + `}}`)}, 160)
	d.ran(t, journal.Run{WorkflowID: "x/held", Procedure: "x", State: "succeeded", Record: []byte(whole + `, "held_back": {}}}`)}, 161)
	d.ran(t, journal.Run{WorkflowID: "x/none", Procedure: "x", State: "succeeded", Record: []byte(whole +
		`}, "phases": [{"steps": [{"ask": {"done": {"at": "2026-11-22T02:15:00Z"}, "form": {"real": "no"}}}]}]}`)}, 162)
	out, err := called(t, d.maintenance, sunday)
	require.NoError(t, err)
	require.Equal(t, []RunCount{{Procedure: "monitor", Succeeded: often}, {Procedure: "x", Succeeded: 3}}, out.Runs)
	require.Equal(t, 1, out.Incidents.Total)
}

func TestADamagedRecordIsNamedAndLeftOutOfAMaintenanceReport(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.ran(t, journal.Run{WorkflowID: "daily-check/1", Procedure: "daily-check", State: "succeeded", Record: []byte(`[1]`)}, 5)
	d.ran(t, journal.Run{WorkflowID: "daily-check/2", Procedure: "daily-check", State: "succeeded"}, 6)
	out, err := called(t, d.maintenance, sunday)
	require.NoError(t, err)
	require.Equal(t, []RunCount{{Procedure: "daily-check", Succeeded: 2, Failed: 0}}, out.Runs, "that it ran is known without the record")
	require.Len(t, out.LeftOut, 1)
	require.Contains(t, out.LeftOut[0], "daily-check/1")
	require.Contains(t, d.kept(t, out.Key), "daily-check/1")
}

func TestTheReportOfADrillSaysSo(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	asking := &workflows.Record{Procedure: "weekly-maintenance", WorkflowID: "default-test-workflow-id", Started: time.Now(), Drill: true}
	d.ask = func(context.Context, string) (json.RawMessage, error) { return json.Marshal(asking) }
	out, err := called(t, d.maintenance, sunday)
	require.NoError(t, err)
	require.Contains(t, d.kept(t, out.Key), "**This was a drill.**")
	asking.Drill = false
	out, err = called(t, d.maintenance, sunday)
	require.NoError(t, err)
	require.NotContains(t, d.kept(t, out.Key), "a drill")
}

func TestWhatAMaintenanceReportMarksAsMissingIsAskedFor(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.measured(t, figureUp, "docs-api", 30, 100)
	d.measured(t, figureUp, "docs-web", 30, 0)
	d.measured(t, figureResponse, "docs-api", 30, 100)
	d.measured(t, figureDisk, "host /", 30, 60)
	d.measured(t, figureDisk, "host /", 5, 61)
	d.measured(t, figureDisk, "host /new", 5, 1)
	in := sunday
	in.Upcoming = []UpcomingWork{{What: "PostgreSQL 17", Impact: "ten minutes away", Preparation: "a rehearsal"}}
	out, err := called(t, d.maintenance, in)
	require.NoError(t, err)
	for _, want := range []string{
		"response time of docs-web: it was not measured (figure api_mean)", "growth of host /new: there is only one value in the period", "upcoming work, PostgreSQL 17: when it is done",
	} {
		require.Contains(t, out.Missing, want)
	}
	require.Equal(t, strings.Count(d.kept(t, out.Key), "**missing**"), len(out.Missing)+6, "three resources have three cells each")
}
