package journal

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/facts"
)

// anIncident is a run whose record has an incident.
func anIncident(n int, state string) Run {
	r := aRun(n)
	r.Record = json.RawMessage(`{"procedure": "x", "started": "2026-11-21T11:00:00Z", "incident": {"state": "` + state + `", "severity": "P1"}}`)
	return r
}

func accounts(t *testing.T, j *Journal, f AccountFilter) map[string]Account {
	t.Helper()
	all, err := j.Accounts(t.Context(), f)
	require.NoError(t, err)
	out := map[string]Account{}
	for _, a := range all {
		out[a.Run.WorkflowID] = a
	}
	require.Len(t, out, len(all))
	return out
}

// count is how many rows a table has.
func count(t *testing.T, j *Journal, table string) (n int) {
	t.Helper()
	require.NoError(t, j.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

func TestFactsAreKeptBesideTheRecord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		open, over := anIncident(1, "open"), anIncident(1, "aborted")
		over.Updated = over.Updated.Add(time.Minute)
		require.NoError(t, j.SaveRun(t.Context(), open))
		require.Equal(t, "open", accounts(t, j, AccountFilter{})["daily-check/1"].Facts.Incident.State)
		require.NoError(t, j.SaveRun(t.Context(), over))
		require.NoError(t, j.SaveRun(t.Context(), open), "an older state changes nothing")
		got := accounts(t, j, AccountFilter{})["daily-check/1"]
		require.NoError(t, got.Damaged)
		require.Equal(t, "aborted", got.Facts.Incident.State)
		require.Nil(t, got.Run.Record)
		require.Equal(t, kept(over.Updated), got.Run.Updated)
		require.Equal(t, 1, count(t, j, "orderly_facts"))
	})
}

func TestFactsThatAreNotKeptAreMadeFromTheRecord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		for n := range 30 {
			require.NoError(t, j.SaveRun(t.Context(), anIncident(n, "open")))
		}
		for _, older := range []string{
			"DELETE FROM orderly_facts", // no program that knew of facts wrote it
			"UPDATE orderly_facts SET version = 0, facts = '{}'",
			"UPDATE orderly_facts SET updated = '2026-01-01T00:00:00.000000Z', facts = '{}'", // an older program went on
			"UPDATE orderly_facts SET facts = 'nonsense'",
		} {
			_, err := j.write.ExecContext(t.Context(), older)
			require.NoError(t, err)
			for range 2 {
				all := accounts(t, j, AccountFilter{})
				require.Len(t, all, 30, older)
				for _, a := range all {
					require.NoError(t, a.Damaged)
					require.Equal(t, "P1", a.Facts.Incident.Severity, older)
				}
			}
			require.Equal(t, 30, count(t, j, "orderly_facts"))
		}
	})
}

func TestFactsAreCaughtUpWithAfterAChangeOfVersion(t *testing.T) {
	t.Parallel()
	const many = keptAtOnce + 20
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for n := range many {
		require.NoError(t, j.SaveRun(t.Context(), anIncident(n, "open")))
	}
	_, err := j.write.ExecContext(t.Context(), "UPDATE orderly_facts SET version = 0")
	require.NoError(t, err)
	known := func() (n int) {
		require.NoError(t, j.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM orderly_facts WHERE version = $1", facts.Version).Scan(&n))
		return n
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, j.CatchUp(impatient))
	require.Zero(t, known())
	require.NoError(t, j.CatchUp(t.Context()))
	require.Equal(t, many, known())
	require.Len(t, accounts(t, j, AccountFilter{}), many)
}

func TestADamagedRecordIsNamedAndTheOthersAreRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		bad := anIncident(2, "open")
		bad.Record = json.RawMessage(`{"procedure": "x"}`)
		require.NoError(t, j.SaveRun(t.Context(), anIncident(1, "open")))
		require.NoError(t, j.SaveRun(t.Context(), bad))
		all := accounts(t, j, AccountFilter{})
		require.NoError(t, all["daily-check/1"].Damaged)
		require.ErrorContains(t, all["daily-check/2"].Damaged, "when that was started")
		require.Equal(t, facts.Facts{}, all["daily-check/2"].Facts)
	})
}

func TestAccountsAreThoseOfRunsThatWentOnInAPeriod(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		drill, over := anIncident(1, "open"), anIncident(2, "aborted")
		drill.Drill, over.Ended = true, over.Started.Add(time.Minute)
		for _, r := range []Run{drill, over, anIncident(3, "open"), anIncident(60, "open")} {
			require.NoError(t, j.SaveRun(t.Context(), r))
		}
		got := accounts(t, j, AccountFilter{From: noon.Add(10 * time.Minute), To: noon.Add(time.Hour)})
		require.Len(t, got, 1)
		require.Contains(t, got, "daily-check/3", "it was going on already")
		require.Len(t, accounts(t, j, AccountFilter{}), 3)
		first, err := j.FirstStart(t.Context())
		require.NoError(t, err)
		require.Equal(t, kept(drill.Started), first)
	})
}

func TestEachRunGivesAllOfThemInOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		first, err := j.FirstStart(t.Context())
		require.NoError(t, err)
		require.Zero(t, first)
		for n := range 150 {
			require.NoError(t, j.SaveRun(t.Context(), aRun(149-n)))
		}
		var seen []string
		require.NoError(t, j.EachRun(t.Context(), RunFilter{Records: true}, func(r Run) error {
			require.True(t, json.Valid(r.Record))
			seen = append(seen, r.RunID)
			return nil
		}))
		require.Len(t, seen, 150)
		require.Equal(t, []string{"run-0", "run-1"}, seen[:2])
		require.ErrorIs(t, j.EachRun(t.Context(), RunFilter{}, func(Run) error { return ErrNotFound }), ErrNotFound)
		n := 0
		require.NoError(t, j.EachRun(t.Context(), RunFilter{Limit: 3, Drills: true}, func(Run) error { n++; return nil }))
		require.Zero(t, n)
	})
}
