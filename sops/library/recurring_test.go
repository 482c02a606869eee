package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestTheCalendarOfMaintenance keeps what is done regularly, when, and who answers for it.
func TestTheCalendarOfMaintenance(t *testing.T) {
	t.Parallel()
	lib := loaded(t)
	for id, want := range map[string]struct {
		crons []string
		owner string
	}{
		"dependency-update":  {[]string{"0 9 * * 1"}, "backend-lead"},
		"backup":             {[]string{"0 2 * * *"}, "database-lead"},
		"log-rotation":       {[]string{"0 3 * * 6"}, "infrastructure"},
		"performance-review": {[]string{"0 9 1-7 * 2"}, "backend-lead"},
		"security-audit":     {[]string{"0 9 8-14 1,4,7,10 2"}, "devops-lead"},
		"restore-drill":      {[]string{"0 8 5 1,4,7,10 *"}, "database-lead"},
		"weekly-checklist":   {[]string{"30 8 * * 1", "30 8 * * 3", "0 13 * * 5", "30 8 1-7 * 4", "30 8 15-21 1,4,7,10 4"}, "maintenance-coordinator"},
	} {
		p, ok := lib.Get(id)
		require.True(t, ok, id)
		var crons []string
		for _, s := range p.Schedules {
			crons = append(crons, s.Cron)
			require.False(t, s.Paused, id)
		}
		require.Equal(t, want.crons, crons, id)
		require.Equal(t, want.owner, p.Owners[0], id)
		require.Contains(t, covered(p), "MS-1", id)
	}
	patch, _ := lib.Get("security-patch")
	require.Empty(t, patch.Schedules, "a patch does not wait for a day")
}

func TestSecurityAudit(t *testing.T) {
	t.Parallel()
	people := func(b *bench, urgent string) {
		b.done(time.Hour, "ben", "access", in{"reviewed": "all keys", "changed": "two revoked"})
		b.done(2*time.Hour, "chloe", "permissions", in{"reviewed": "all roles", "changed": "nothing", "open": "the export role"})
		b.done(3*time.Hour, "ella", "outside", in{"reviewed": "ports", "found": "an open admin page", "urgent": urgent})
	}
	t.Run("WritesDownWhatItAndPeopleFound", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		people(b, "high")
		rec := b.start("security-audit", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, found(rec), "warning images: 1 images of local are outdated")
		require.Contains(t, found(rec), "warning buckets: backups can not lock objects")
		require.Contains(t, found(rec), "warning outside: open to the outside: an open admin page")
		require.Contains(t, found(rec), "warning review: permissions: the export role")
		require.Equal(t, []string{"security-patch/audit-2026-11-21"}, b.started)
		require.Contains(t, b.kept(), "security-audit.json")
		require.Contains(t, b.kept(), "manifest.txt")
	})
	t.Run("IsChasedUntilItIsDoneAndSaysWhatCouldNotBeAudited", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("exec.run", failing)
		b.done(6*24*time.Hour, "ben", "access", in{"reviewed": "all keys", "changed": "nothing"})
		b.done(6*24*time.Hour, "chloe", "permissions", in{"reviewed": "all roles", "changed": "nothing"})
		b.done(6*24*time.Hour, "ella", "outside", in{"reviewed": "ports", "found": "nothing"})
		rec := b.start("security-audit", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.NotEmpty(t, b.pages)
		require.Contains(t, found(rec), "dependencies: not checked: nobody answers")
		require.Empty(t, b.started)
	})
}

func TestPerformanceReview(t *testing.T) {
	t.Parallel()
	said := in{"last": "done", "measures": "Chloe adds an index until Friday", "thresholds": "none"}
	t.Run("TellsHowItMovedAndWhatBecomesOfIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("postgres.statistics", func(in) (any, error) {
			return in{"size": 1, "cache_hit_percent": 80.0, "statements": in{"available": true, "top": []any{in{"query": "select 1", "calls": 7, "mean_ms": 900.0}}}}, nil
		})
		b.done(time.Hour, "chloe", "review", said)
		rec := b.start("performance-review", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["What becomes of it?"], "- 900.0 ms, 7 times: select 1")
		require.Contains(t, found(rec), "only 80 % is read from its cache")
		require.Contains(t, b.kept(), "performance-review.json")
		require.Empty(t, b.touched())
	})
	t.Run("MeasuresAgainWhenThatWasPromised", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		again := began.Add(14 * 24 * time.Hour)
		b.done(time.Hour, "chloe", "review", in{"last": "done", "measures": "an index", "thresholds": "none", "again": again.Format(time.RFC3339)})
		b.done(15*24*time.Hour, "chloe", "helped", in{"outcome": "twice as fast"})
		rec := b.start("performance-review", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, began.Add(15*24*time.Hour), rec.Ended.UTC())
	})
	t.Run("IsMadeThoughTheDatabaseIsAway", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("postgres.statistics", failing)
		b.answer("postgres.index-advice", failing)
		b.done(4*24*time.Hour, "chloe", "review", said)
		rec := b.start("performance-review", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, found(rec), "it could not be looked at: nobody answers")
		require.NotEmpty(t, b.pages, "chased")
	})
}

func TestWeeklyChecklist(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		list    string
		prepare func(*bench)
		found   string
		started string
	}{
		"MondayAsksForUpdatesAndAdvisories": {"monday", func(b *bench) {
			b.done(time.Hour, "chloe", "updates", in{"merged": "three", "advisories": "none"})
		}, "", ""},
		"MondayStartsAPatchForAHole": {"monday", func(b *bench) {
			b.answer("exec.run", func(in) (any, error) {
				return in{"started": true, "exit_code": 1, "stdout": `{"auditReportVersion": 2, "critical": 2}`}, nil
			})
			b.done(time.Hour, "chloe", "updates", in{"merged": "three", "advisories": "one"})
		}, "critical dependencies: dependencies have known holes", "security-patch/audit-deps-audit"},
		"WednesdayAsksNobody": {"wednesday", func(*bench) {}, "", ""},
		"WednesdayCallsSomebodyWhenThereIsNoBackup": {"wednesday", func(b *bench) {
			b.answer("backup.verify-latest", failing)
		}, "critical backups: nobody answers", "incident-response/backup-docs-db"},
		"FridaySaysWhatIsNotInOrder": {"friday", func(b *bench) {
			b.done(time.Hour, "chloe", "weekend", in{"dashboard": "nothing odd", "page": false, "written": false, "open": "the new node"})
		}, "warning status page: the status page does not say what is true\nwarning written down: not everything that went wrong this week is written down", ""},
		"MonthlyAsksFour": {"monthly", func(b *bench) {
			b.done(time.Hour, "chloe", "dependencies", in{"result": "fine"})
			b.done(time.Hour, "ben", "runbooks", in{"changed": "nothing"})
			b.done(time.Hour, "chloe", "speed", in{"result": "the same"})
			b.done(time.Hour, "hugo", "cost", in{"result": "100"})
		}, "", ""},
		"QuarterlyStartsWhatWasNotMade": {"quarterly", func(b *bench) {
			b.done(time.Hour, "ana", "done", in{"audit": false, "drill": false})
			b.done(time.Hour, "chloe", "documentation", in{"changed": "nothing"})
			b.done(time.Hour, "ben", "procedures", in{"reviewed": "all"})
		}, "warning audit and drill: the security audit had not been made this quarter and was started\nwarning audit and drill: the restore drill had not been made this quarter and was started", "security-audit/all restore-drill/docs-db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			tc.prepare(b)
			rec := b.start("weekly-checklist", in{"list": tc.list})
			require.Equal(t, workflows.Succeeded, rec.State, account(rec))
			require.Equal(t, tc.found, found(rec))
			require.Equal(t, tc.started, strings.Join(b.started, " "))
			require.Contains(t, b.kept(), "checklist-"+tc.list+".json")
			require.Subset(t, []string{"exec.run", "notify.send"}, b.touched())
		})
	}
}
