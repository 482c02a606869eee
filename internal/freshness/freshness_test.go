package freshness_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/freshness"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

// library holds procedures with these lines in their heads.
func library(t *testing.T, heads map[string]string) *sops.Library {
	t.Helper()
	files := fstest.MapFS{}
	for id, head := range heads {
		files[id+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"sop: %s\ntitle: T\nowners: [ana]\n%sphases:\n  - {id: a, title: A, steps: [{id: w, wait: 1s}]}\n", id, head)}
	}
	lib, problems := sops.LoadLibrary([]sops.Source{{Name: "test", FS: files}}, sops.Env{})
	require.Empty(t, problems)
	return lib
}

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestProceduresAreSortedByWhatHasToBeSeenTo(t *testing.T) {
	t.Parallel()
	list, err := freshness.List(t.Context(), library(t, map[string]string{
		"a-fresh":    "reviewed: 2026-11-01\nfreshness: 90d\n",
		"b-old":      "reviewed: 2026-01-01\nfreshness: 90d\n",
		"c-older":    "reviewed: 2025-01-01\nfreshness: 90d\n",
		"d-never":    "freshness: 90d\n",
		"e-always":   "reviewed: 2020-01-01\n",
		"f-today":    "reviewed: 2026-11-15\nfreshness: 7d\n",
		"g-last":     "reviewed: 2026-11-16\nfreshness: 7d\n",
		"h-tomorrow": "reviewed: 2026-11-23\nfreshness: 90d\n", // it is there already, further east
		"i-slip":     "reviewed: 2062-11-16\nfreshness: 7d\n",
	}), nil, now)
	require.NoError(t, err)
	var got []string
	for _, p := range list {
		until := "-"
		if p.Until != nil {
			until = *p.Until
		}
		got = append(got, fmt.Sprint(p.ID, " ", p.State, " ", until))
		require.Equal(t, p.State == freshness.Stale || p.State == freshness.NeverReviewed, p.State.NeedsReview())
		require.Equal(t, []string{"ana"}, p.Owners)
	}
	require.Equal(t, []string{
		"d-never never reviewed -", "i-slip never reviewed -", "c-older stale 2025-04-01", "b-old stale 2026-04-01", "f-today stale 2026-11-22",
		"g-last fresh 2026-11-23", "a-fresh fresh 2027-01-30", "h-tomorrow fresh 2027-02-21", "e-always no limit -",
	}, got)
}

func TestTheLastRunAndTheLastDrillComeFromTheJournal(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	for n, r := range []journal.Run{
		{Procedure: "a", State: "failed"}, {Procedure: "a", State: "running"}, {Procedure: "a", State: "succeeded", Drill: true}, {Procedure: "b"},
	} {
		r.WorkflowID, r.RunID, r.Started, r.Updated, r.Record = fmt.Sprint("w", n), "r", now.Add(time.Duration(n)*time.Hour), now, []byte("{}")
		if r.State != "running" {
			r.Ended = r.Started.Add(time.Minute)
		}
		require.NoError(t, j.SaveRun(t.Context(), r))
	}
	list, err := freshness.List(t.Context(), library(t, map[string]string{"a": "", "c": ""}), j, now)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, &freshness.Run{WorkflowID: "w1", RunID: "r", State: "running", Started: now.Add(time.Hour)}, list[0].LastRun)
	require.Equal(t, "w2", list[0].LastDrill.WorkflowID)
	require.Equal(t, now.Add(2*time.Hour+time.Minute), *list[0].LastDrill.Ended)
	require.Nil(t, list[1].LastRun)
	require.NoError(t, j.Close())
	_, err = freshness.List(t.Context(), library(t, map[string]string{"a": ""}), j, now)
	require.Error(t, err)
}
