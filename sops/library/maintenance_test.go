package library_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// sunday is when the people of a maintenance do what they are asked.
type sunday struct{ confirm, ready, audit, updates, review time.Duration }

// awake answers everything soon.
var awake = sunday{confirm: 5 * time.Minute, ready: 6 * time.Minute, audit: 10 * time.Minute, updates: 11 * time.Minute, review: 15 * time.Minute}

// people lets Ana and Ben see a maintenance through.
func (s sunday) people(b *bench) {
	b.done(s.confirm, "ana", "available", in{"work": "the usual, and the new API"})
	b.at(s.ready, workflows.MessageDecide, in{"by": "ben", "step": "ready", "approve": true})
	b.done(s.audit, "ben", "audit", in{"findings": "nothing new", "rules": "none"})
	b.at(s.updates, workflows.MessageDecide, in{"by": "ben", "step": "go", "approve": true})
	b.done(s.review, "ana", "review", in{
		"thresholds": "none", "improvements": "cache more", "upcoming": "PostgreSQL 18", "when": "January", "impact": "ten minutes", "preparation": "a rehearsal"})
}

// touches are the actions of a maintenance that change something.
var touches = []string{"docker.snapshot", "postgres.backup", "docker.prune", "host.clean", "postgres.vacuum", "postgres.reindex", "docker.update"}

// touched are those of them that were called, in order.
func (b *bench) touched() (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.called {
		if name, _, _ := strings.Cut(c, " "); slices.Contains(touches, name) {
			out = append(out, name)
		}
	}
	return out
}

// said are the subjects of the messages that were sent.
func (b *bench) said() (out []string) {
	for _, c := range b.calls("notify.send") {
		out = append(out, strings.TrimPrefix(c, "notify.send "))
	}
	return out
}

// text is what was kept under an artifact's name.
func (b *bench) text(name string) string {
	b.t.Helper()
	var found string
	require.NoError(b.t, filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "-"+name) {
			data, err := os.ReadFile(path)
			found = string(data)
			return err
		}
		return err
	}))
	require.NotEmpty(b.t, found, "no artifact %s", name)
	return found
}

func TestWeeklyMaintenance(t *testing.T) {
	t.Parallel()
	t.Run("IsSeenThroughFromTheChecklistToTheReport", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, touches, b.touched(), "each once, in this order")
		require.Equal(t, []string{"docker.update enterprise-docs-api"}, b.calls("docker.update"))
		require.Empty(t, b.calls("docker.restore"))
		require.Empty(t, b.pages)
		require.Equal(t, []string{
			"Maintenance of docs-db and its platform begins soon", "Maintenance of docs-db is complete",
		}, b.said())
		for _, c := range rec.Clocks {
			require.Nil(t, c.Breached, c.ID)
		}
		require.Contains(t, b.asks["Are you there for the next two hours, and what will be done?"], "The platform is well.")
		require.Contains(t, b.asks["Install these updates?"], "- enterprise-docs-api (enterprise-docs/api:1.0): "+newImage)
		require.Subset(t, b.kept(), []string{"plan.json", "metrics-before.json", "configuration.json", "maintenance-report.md"})
		report := b.text("maintenance-report.md")
		for _, line := range []string{
			"- Outcome: completed\n", "| Docker clean-up | succeeded | 1 MiB recovered |",
			"| Approved updates | succeeded | enterprise-docs-api |", "- Disk space recovered: 2 MiB\n- Connections of the database in use: 12.5 %\n",
			"- select 1: 1.5 ms, 7 times", "| PostgreSQL 18 | January | ten minutes | a rehearsal |",
			"- comments.author has no index: CREATE INDEX ON comments (author)", "| docs-api | 100 % of",
		} {
			require.Contains(t, report, line)
		}
	})

	for name, mishap := range map[string]func(*bench){
		"NobodyAnswers": func(*bench) {},
		"NobodyConfirms": func(b *bench) {
			b.at(6*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "ready", "approve": true})
		},
		"TheConfirmationIsSkipped": func(b *bench) {
			b.at(5*time.Minute, workflows.MessageComplete, in{"by": "ana", "step": "available", "skip": true, "reason": "no time"})
			b.at(6*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "ready", "approve": true})
		},
		"TheWayBackIsNotReady": func(b *bench) {
			b.done(5*time.Minute, "ana", "available", in{"work": "the usual"})
			b.at(6*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "ready", "approve": false, "reason": "the bucket is full"})
		},
		"ThereIsNoGoodBackup": func(b *bench) {
			awake.people(b)
			b.answer("backup.verify-latest", failing)
		},
		"NobodyCouldBeTold": func(b *bench) {
			awake.people(b)
			b.answer("notify.send", failing)
		},
		"SomebodyAbortsDuringTheChecklist": func(b *bench) {
			b.at(time.Minute, workflows.MessageAbort, in{"by": "ana", "reason": "an incident"})
		},
	} {
		t.Run("IsPostponedAndNothingIsTouchedWhen"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			mishap(b)
			rec := b.start("weekly-maintenance", in{})
			require.NotEqual(t, workflows.Succeeded, rec.State, account(rec))
			require.Empty(t, b.touched())
			require.LessOrEqual(t, rec.Ended.Sub(rec.Started), 21*time.Minute)
			require.NotContains(t, strings.Join(b.started, " "), "investigation")
			require.Contains(t, b.text("maintenance-report.md"), "- Outcome: postponed, nothing was touched\n")
			require.Equal(t, "Maintenance of docs-db is postponed", b.said()[len(b.said())-1])
		})
	}

	// What fails, what was done before, and what is put back.
	for name, tc := range map[string]struct {
		touched []string
		back    int
	}{
		"docker.snapshot":        {touches[:1], 0},
		"postgres.backup":        {touches[:2], 1},
		"docker.prune":           {touches[:3], 1},
		"postgres.vacuum":        {touches[:5], 1},
		"postgres.index-advice":  {touches[:5], 1},
		"postgres.reindex":       {touches[:6], 1},
		"postgres.verify":        {touches[:6], 1},
		"docker.images-outdated": {touches[:6], 1},
		"docker.update":          {touches, 2},
	} {
		t.Run("PutsBackWhatItChangedWhenItCanNotDo"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			awake.people(b)
			b.answer(name, failing)
			b.at(14*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "undo:dump", "approve": false, "reason": "nothing is lost"})
			rec := b.start("weekly-maintenance", in{})
			require.Equal(t, workflows.Failed, rec.State, account(rec))
			require.Equal(t, tc.touched, slices.Compact(b.touched()), "it stops at once")
			require.Len(t, b.calls("docker.restore"), tc.back, account(rec))
			require.Empty(t, b.calls("postgres.restore"), "nobody has agreed to that")
			require.Contains(t, strings.Join(b.started, " "), "investigation/")
			require.Contains(t, b.text("rollback.json"), "nobody answers")
			require.Contains(t, b.text("maintenance-report.md"), "- Outcome: rolled back")
			require.Equal(t, "Maintenance of docs-db was rolled back", b.said()[1])
		})
	}

	t.Run("GoesBackToTheBackupOnlyWhenSomebodyAgrees", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		b.answer("postgres.vacuum", failing)
		b.at(14*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "undo:dump", "approve": true})
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Equal(t, []string{"postgres.restore docs-db"}, b.calls("postgres.restore"))
		require.Equal(t, workflows.Succeeded, rec.Rollback.State)
		require.Contains(t, b.text("maintenance-report.md"), "- The database: undone\n- Containers, networks, volumes and their images: undone\n")
	})

	t.Run("CallsPeopleUntilSomebodyDecidesAboutTheBackup", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		b.answer("postgres.vacuum", failing)
		b.at(5*time.Hour, workflows.MessageDecide, in{"by": "ben", "step": "undo:dump", "approve": true})
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Greater(t, len(b.pages), 10)
		require.Len(t, b.calls("postgres.restore"), 1)
	})

	t.Run("InstallsNothingThatNobodyApproved", func(t *testing.T) {
		t.Parallel()
		for name, decide := range map[string]func(*bench){
			"Rejected": func(b *bench) {
				b.at(11*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "go", "approve": false, "reason": "not tonight"})
			},
			"Ignored": func(*bench) {},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, true)
				s := awake
				s.updates, s.review = 10*time.Hour, 35*time.Minute
				s.people(b)
				decide(b)
				rec := b.start("weekly-maintenance", in{})
				require.Equal(t, workflows.Succeeded, rec.State, account(rec))
				require.Empty(t, b.calls("docker.update"))
				require.Contains(t, b.text("maintenance-report.md"), "- update enterprise-docs/api:1.0")
			})
		}
	})

	t.Run("IsRolledBackWhenThePlatformIsWorseThanBefore", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		b.answer("docker.update", func(with in) (any, error) {
			b.answer("http.check", answering(false))
			return in{"container": with["container"], "updated": true}, nil
		})
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		require.Equal(t, "validation", rec.Failure.Phase)
		require.Len(t, b.calls("docker.restore"), 2)
	})

	t.Run("IsNotRolledBackForWhatWasWrongBefore", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		b.answer("http.check", answering(false))
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["Are you there for the next two hours, and what will be done?"], "The platform is not well.")
	})

	t.Run("StopsAndPutsBackWhenSomebodyAborts", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		s := awake
		s.audit, s.updates = 10*time.Hour, 10*time.Hour
		s.people(b)
		b.at(9*time.Minute, workflows.MessageAbort, in{"by": "ben", "reason": "customers complain"})
		rec := b.start("weekly-maintenance", in{})
		require.Equal(t, workflows.Cancelled, rec.State, account(rec))
		require.Len(t, b.calls("docker.restore"), 1)
		require.Empty(t, b.calls("postgres.restore"))
		require.Contains(t, b.text("rollback.json"), "customers complain")
		require.Contains(t, strings.Join(b.started, " "), "investigation/")
	})

	t.Run("ChangesNothingInADrill", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		awake.people(b)
		for _, name := range []string{"docker.prune", "docker.update", "postgres.vacuum", "postgres.reindex", "host.clean"} {
			well := b.answers[name]
			b.answer(name, func(with in) (any, error) {
				require.Equal(t, true, with["dry_run"], name)
				return well(with)
			})
		}
		rec := b.start("weekly-maintenance", in{"_drill": true})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
	})
}

func failing(in) (any, error) { return nil, errAway }
