package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	t.Run("IsDoneWhenItWasRestoredAndCompared", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		rec := b.start("backup", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{
			"postgres.backup docs-db", "postgres.verify docs-db", "backup.prune docs-db", "backup.list docs-db",
		}, b.called)
		require.NotContains(t, strings.Join(b.started, " "), "incident-response")
		require.Contains(t, b.text("backup-report-docs-db.md"), "| time to restore (RTO) | 1h | 42.5s | yes |")
	})

	for name, fault := range map[string]string{
		"DumpedAtAll": "postgres.backup", "Restored": "postgres.verify", "Listed": "backup.list",
	} {
		t.Run("CallsSomebodyWhenItCanNotBe"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			b.answer(fault, failing)
			rec := b.start("backup", in{})
			require.Equal(t, workflows.Failed, rec.State, account(rec))
			require.Contains(t, b.started, "incident-response/backup-docs-db")
		})
	}

	t.Run("CallsSomebodyWhenWhatWasRestoredIsNotTheSame", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("postgres.verify", func(in) (any, error) { return in{"key": theDump, "verified": false}, nil })
		rec := b.start("backup", in{})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Contains(t, b.started, "incident-response/backup-docs-db")
		require.Empty(t, b.calls("backup.prune"), "old backups are not removed for one that is none")
	})

	t.Run("SaysSoWhenOldOnesCanNotBeRemoved", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("backup.prune", failing)
		rec := b.start("backup", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Len(t, rec.Findings, 1)
		require.Contains(t, rec.Findings[0].Text, "nobody answers")
	})

	t.Run("SaysThatNothingIsBackedUpWhereThereIsNoDatabase", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		rec := b.start("backup", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Empty(t, b.called)
		require.Contains(t, rec.Findings[0].Text, "not checked")
	})
}

func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	looked := in{"works": true, "newest": "document 5000", "lacking": "nothing"}
	t.Run("MeasuresARestoreAndLeavesNothingBehind", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Hour, "chloe", "look", looked)
		rec := b.start("restore-drill", in{"rpo": "8760h"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"backup.verify-latest docs-db", "postgres.restore docs-db", "backup.list docs-db", "postgres.drop-copy docs-db"}, b.called)
		require.Contains(t, b.asks["Look whether the copy can be worked with"], "was restored as docs_restored in 42 s")
		require.Empty(t, b.started, "nothing has to be investigated")
		require.Empty(t, rec.Findings, "who lacked nothing has found nothing")
	})

	t.Run("HasItInvestigatedWhenTheCopyIsOfNoUse", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Hour, "chloe", "look", in{"works": false, "newest": "none", "lacking": "the password"})
		rec := b.start("restore-drill", in{"rpo": "8760h"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Len(t, b.started, 1)
		require.Contains(t, b.started[0], "investigation/")
		require.Len(t, b.calls("postgres.drop-copy"), 1)
	})

	t.Run("HasItInvestigatedWhenThePromiseIsNotKept", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Hour, "chloe", "look", looked)
		rec := b.start("restore-drill", in{"rto": "30s"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Len(t, b.started, 1)
	})

	t.Run("DropsTheCopyAlsoWhenSomethingFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("backup.list", failing)
		rec := b.start("restore-drill", in{})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Len(t, b.calls("postgres.drop-copy"), 1)
	})

	t.Run("IsChasedUntilSomebodyLooks", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(4*24*time.Hour, "chloe", "look", looked)
		rec := b.start("restore-drill", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.NotEmpty(t, b.pages)
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	// agreed lets Ben choose and Chloe agree.
	agreed := func(b *bench) {
		b.done(2*time.Minute, "ben", "choice", in{"to": "v1.2.0"})
		b.done(3*time.Minute, "ben", "go", in{"impact": "a minute away", "from": "v1.3.0"})
		b.at(4*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "agreed", "approve": true})
		b.done(20*time.Minute, "ben", "works", in{"seen": "I could log in"})
	}
	t.Run("PromotesTheReleaseThatWorked", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		agreed(b)
		rec := b.start("rollback", in{"what": "release", "_by": "ana"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"exec.run deploy-list", "exec.run deploy-promote"}, b.calls("exec.run"))
		require.Contains(t, strings.Join(b.started, " "), "investigation/", "it has to be mended for good")
		require.Equal(t, []string{"Rollback of release is done"}, b.said())
	})

	t.Run("PushesNoCommitWithoutApproval", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Minute, "ben", "go", in{"impact": "none"})
		b.at(2*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "agreed", "approve": false, "reason": "it is not the deployment"})
		rec := b.start("rollback", in{"what": "commit", "to": "abc123", "_by": "ana"})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Equal(t, []string{"exec.run deploy-list"}, b.calls("exec.run"))
	})

	t.Run("WhoeverStartedItDoesNotAgreeToIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Minute, "ben", "go", in{"impact": "none"})
		b.at(2*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "agreed", "approve": true})
		b.at(3*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "agreed", "approve": false, "reason": "no"})
		rec := b.start("rollback", in{"what": "commit", "to": "abc123", "_by": "ben"})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Equal(t, began.Add(3*time.Minute), rec.Ended.UTC())
	})

	t.Run("PutsABackupInTheDatabasesPlaceAndKeepsWhatWasThere", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		agreed(b)
		rec := b.start("rollback", in{"what": "database", "to": theBackup, "_by": "ana"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"backup.list docs-db", "postgres.backup docs-db", "postgres.restore docs-db"}, b.called[:3])
		require.Contains(t, b.text("rollback.json"), "docs_previous")
	})

	t.Run("AsksWhatNowWhenItDoesNotHelp", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		agreed(b)
		b.answer("http.check", answering(false))
		b.done(30*time.Minute, "ben", "hold:answers", in{"decision": "rollback", "reason": "the old data was not it"})
		rec := b.start("rollback", in{"what": "database", "to": theBackup, "_by": "ana"})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Equal(t, []string{"postgres.swap-back docs-db"}, b.calls("postgres.swap-back"))
	})

	t.Run("MarksAMigrationAsRolledBack", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		agreed(b)
		rec := b.start("rollback", in{"what": "migration", "to": "20261121_users", "_by": "ana"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"exec.run migration-rolled-back"}, b.calls("exec.run"))
	})
}

func TestLogRotation(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	rec := b.start("log-rotation", in{})
	require.Equal(t, workflows.Succeeded, rec.State, account(rec))
	require.Equal(t, []string{"host.clean", "host.clean", "host.resources"}, b.called)
	require.Equal(t, "1 MiB of 2 files", rec.Findings[0].Text)

	b = setup(t, true)
	b.answer("host.clean", failing)
	rec = b.start("log-rotation", in{})
	require.Equal(t, workflows.Failed, rec.State)
}

func TestPreventiveMaintenance(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(*bench)
		inputs  in
		found   string
		called  string
	}{
		"FindsNothingOnAGoodDay": {func(*bench) {}, in{}, "", ""},
		"CallsSomebodyWhenThereIsNoGoodBackup": {func(b *bench) { b.answer("backup.verify-latest", failing) }, in{},
			"critical backup: nobody answers", "incident-response/backup-docs-db"},
		"SaysWhatCouldNotBeLookedAt": {func(b *bench) { b.answer("postgres.pool", failing) }, in{},
			"warning database: its connections could not be looked at: nobody answers", ""},
		"SaysWhatAMonthHasComeTo": {func(*bench) {}, in{"scope": "monthly"},
			"warning images: enterprise-docs/api:1.0 is outdated, used by enterprise-docs-api; info indexes: one index twice, one missing; info Docker: 1 MiB are kept for nothing", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			tc.prepare(b)
			prune := b.answers["docker.prune"]
			b.answer("docker.prune", func(with in) (any, error) {
				require.Equal(t, true, with["dry_run"], "it changes nothing")
				return prune(with)
			})
			rec := b.start("preventive-maintenance", tc.inputs)
			require.Equal(t, workflows.Succeeded, rec.State, account(rec))
			var found []string
			for _, f := range rec.Findings {
				found = append(found, f.Severity+" "+f.Check+": "+f.Text)
			}
			require.Equal(t, tc.found, strings.Join(found, "; "))
			require.Equal(t, tc.called, strings.Join(b.started, " "))
			require.Subset(t, []string{"docker.prune"}, b.touched())
		})
	}
}

func TestInvestigation(t *testing.T) {
	t.Parallel()
	about := in{"run": "weekly-maintenance/docs-db", "reason": "no space left", "where": "clean-up/prune"}
	t.Run("IsSeenThrough", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(time.Hour, "ben", "cause", in{"cause": "an old image", "sooner": "a trend"})
		b.done(2*time.Hour, "ana", "measures", in{"measures": "Ben enlarges the disk until Friday"})
		rec := b.start("investigation", about)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["Why did it happen?"], "weekly-maintenance/docs-db did not go as it should, in clean-up/prune: no space left")
		require.Contains(t, b.text("investigation.json"), "Ben enlarges the disk")
		require.Contains(t, b.kept(), "containers-local.json", "the evidence was kept at once")
		require.Empty(t, b.pages)
	})
	t.Run("IsChasedUntilItIsDone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.done(4*24*time.Hour, "ben", "cause", in{"cause": "an old image", "sooner": "a trend"})
		b.done(5*24*time.Hour, "ana", "measures", in{"measures": "Ben enlarges the disk until Friday"})
		rec := b.start("investigation", about)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.NotEmpty(t, b.pages)
		require.NotNil(t, clock(t, rec, "step:cause").Breached)
	})
}
