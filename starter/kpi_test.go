package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/freshness"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/kpi"
)

// withIncidents gives the world a journal with resolved incidents: one a day, the last an hour ago.
func (b *bench) withIncidents(n int) *bench {
	b.t.Helper()
	for i := range n {
		started := now().Add(-time.Hour - time.Duration(i)*24*time.Hour)
		at := func(minutes int) time.Time { return started.Add(time.Duration(minutes) * time.Minute) }
		record, err := json.Marshal(map[string]any{
			"procedure": "emergency-response", "started": started, "ended": at(20),
			"incident": map[string]any{
				"state": "resolved", "severity": "P1", "level": "level-3", "services": []string{"api"}, "owner": map[string]string{"id": "ana"},
				"acknowledged": map[string]any{"at": at(2), "by": map[string]string{"id": "ana"}}, "resolved": map[string]any{"at": at(20)},
			},
			"clocks": []map[string]any{{"id": "acknowledge", "kind": "acknowledge", "due": at(5), "met": at(2)}},
			"pages":  []map[string]any{{"ladder": "incident", "policy": "level-2"}},
		})
		require.NoError(b.t, err)
		b.keep(journal.Run{WorkflowID: fmt.Sprint("emergency-response/", i), Procedure: "emergency-response", State: "succeeded", Started: started, Ended: at(20), Record: record})
	}
	return b
}

func (b *bench) keep(r journal.Run) {
	b.t.Helper()
	j, err := journal.Open(b.ctx(), filepath.Join(b.dir, "journal.db"))
	require.NoError(b.t, err)
	r.RunID, r.Updated = "run-of-"+r.WorkflowID, r.Started
	require.NoError(b.t, j.SaveRun(b.ctx(), r))
	require.NoError(b.t, j.Close())
}

func TestKPI(t *testing.T) {
	t.Parallel()
	b := newBench(t).withIncidents(3)
	b.keep(journal.Run{WorkflowID: "emergency-response/bad", Procedure: "emergency-response", State: "running", Started: now(), Record: []byte(`{}`)})
	got := b.orderly("kpi")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.out, ": 3 incidents opened, 3 resolved.\nThe journal begins at ")
	require.Contains(t, got.out, `FIGURE                      VALUE    TARGET    MET    MADE OF
Mean time to acknowledge    2m       < 5m      ✓ yes  3 acknowledgements
Mean time to resolve        20m      < 30m     ✓ yes  3 resolutions
Mean time between failures  16h      > 72h     ✗ no   3 incidents opened
Incidents that came back    66.66 %  < 5 %     ✗ no   3 incidents opened
Escalation accuracy         0 %      > 95 %    ✗ no   3 incidents resolved
SLA compliance              100 %    > 99.5 %  ✓ yes  3 promises
Documentation complete      no data  100 %     –      0 post-mortems
Participation in reviews    no data  > 90 %    –      0 reviews
Customer satisfaction       no data  > 4.5     –      0 scores
`)
	require.Contains(t, got.notice, "left out: emergency-response/bad (run run-of-emergency-response/bad): it does not say of which procedure it is")
	requireWidth(t, got.out, defaultWidth)

	got = b.orderly("kpi", "--by", "service")
	require.Contains(t, got.out, "SERVICE  NEW  MTTA  MTTR  MTBF  BACK  LEVEL  SLA    DOCS\napi      3    2m✓   20m✓  16h✗  66%✗  0%✗    100%✓  –\n")
	require.Contains(t, b.orderly("kpi", "--by", "person").out, "PERSON  NEW  MTTA  MTTR  MTBF  BACK  LEVEL  SLA    DOCS\nana     3    2m✓   20m✓  –     66%✗  0%✗    100%✓  –\n")
	require.Contains(t, b.orderly("kpi", "--procedure", "other", "--by", "week").out, "0 incidents opened")

	var set kpi.Set
	b.orderly("kpi", "--since", "36h", "--json").json(t, &set)
	require.Equal(t, 2, set.Figure(kpi.MTTR).N)
	require.Len(t, set.LeftOut, 1)
	require.True(t, strings.HasPrefix(b.orderly("kpi", "--csv", "--by", "procedure").out, "by,group,figure,value,unit,records,target,met,since,until\n,,mtta,120,s,3,"))
	require.Contains(t, b.orderly("kpi", "--prometheus").out, "orderly_kpi_mtta_seconds 120\n")
}

func TestKPISaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.refuses(exitNotFound, "there is no journal at", "kpi")
	b.withIncidents(1)
	for want, args := range map[string][]string{
		"--by month: it is procedure": {"--by", "month"},
		"--since soon: write a day":   {"--since", "soon"},
		"the period is empty":         {"--until", "2020-01-01"},
		"there is no such zone":       {"--time-zone", "Berlin"},
		"one format at a time":        {"--json", "--csv"},
		"none of the others can be":   {"--prometheus", "--csv"},
		"can't be by week":            {"--prometheus", "--by", "week"},
	} {
		b.refuses(exitUsage, want, append([]string{"kpi"}, args...)...)
	}
}

func TestKPIOfDaysOfAZone(t *testing.T) {
	t.Parallel()
	o, err := kpiRequest{since: "2026-11-01", until: "2026-11-08", zone: "Europe/Berlin"}.options(now())
	require.NoError(t, err)
	require.Equal(t, "2026-10-31T23:00:00Z", o.Since.UTC().Format(time.RFC3339))
	require.Equal(t, 7*24*time.Hour, o.Until.Sub(o.Since))
}

func TestKPITakesTimesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for since, want := range map[string]string{
		"2026-11-01": "2026-10-31T23:00:00Z", "2026-11": "2026-10-31T23:00:00Z", "2026-11-01 08:00": "2026-11-01T07:00:00Z",
		"2026-11-01 08:00:30": "2026-11-01T07:00:30Z", "2026-11-01T08:00": "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z": "2026-11-01T08:00:00Z",
		"36h": "2026-11-21T00:00:00Z", "-36h": "2026-11-21T00:00:00Z", "2w": "2026-11-08T12:00:00Z",
	} {
		o, err := kpiRequest{since: since, zone: "Europe/Berlin"}.options(at)
		require.NoError(t, err, since)
		require.Equal(t, want, o.Since.UTC().Format(time.RFC3339), since)
	}
	for _, since := range []string{"", "soon", "2026-13", "2026-11-31", "25:00", "--36h", "-", "1e9d", "2026-11-22 13:00"} {
		_, err := kpiRequest{since: since, zone: "UTC"}.options(at)
		require.Error(t, err, since)
	}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	head := func(id, more string) string {
		return "sop: " + id + "\ntitle: T\nowners: [ana, devops-lead]\n" + more + "phases:\n  - {id: a, title: A, steps: [{id: w, wait: 1s}]}\n"
	}
	b := newBench(t)
	b.write("sops/old.yaml", head("old", "reviewed: 2025-01-01\nfreshness: 30d\n"))
	b.write("sops/young.yaml", head("young", "reviewed: "+now().Format(time.DateOnly)+"\nfreshness: 90d\n"))
	b.write("sops/never.yaml", head("never", ""))
	b.write("sops/broken.yaml", "sop: broken\n")
	got := b.orderly("library")
	require.Equal(t, exitOK, got.code)
	require.Contains(t, got.notice, "last runs are not known: there is no journal at ")
	require.Contains(t, got.notice, "broken.yaml; `orderly validate` names them")

	b.keep(journal.Run{WorkflowID: "old/1", Procedure: "old", State: "failed", Started: now().Add(-50 * time.Hour), Record: []byte("{}")})
	b.keep(journal.Run{WorkflowID: "old/2", Procedure: "old", State: "succeeded", Drill: true, Started: now().Add(-4 * time.Hour), Record: []byte("{}")})
	got = b.orderly("library")
	require.Equal(t, `PROCEDURE  FRESH UNTIL   LAST RUN  DRILL  OWNERS
never      ✗ never       –         –      ana devops-lead
old        ✗ 2025-01-31  ✗ 2d      4h     ana devops-lead
young      `+now().AddDate(0, 0, 90).Format(time.DateOnly)+`    –         –      ana devops-lead
`, got.out)
	require.NotContains(t, b.orderly("library", "--stale").out, "young")
	var list []freshness.Procedure
	b.orderly("library", "--json").json(t, &list)
	require.Len(t, list, 3)
	require.Equal(t, "old/2", list[1].LastDrill.WorkflowID)
	b.write("sops/never.yaml", head("never", "reviewed: 2026-01-01\n"))
	b.write("sops/old.yaml", head("old", "reviewed: 2026-01-01\n"))
	got = b.orderly("library", "--stale")
	require.Contains(t, got.notice, "3 procedures, none of which needs a review")
	require.Empty(t, got.out)
}
