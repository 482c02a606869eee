package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// kinds are the databases that every promise is tested on. Each gives the dsn of an empty journal.
var kinds = map[string]func(testing.TB) string{
	"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "new", "journal.db") },
	"PostgreSQL": testenv.Postgres,
}

// onBoth runs a test on an empty journal of each kind.
func onBoth(t *testing.T, test func(t *testing.T, j *Journal)) {
	t.Helper()
	for kind, dsn := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, dsn(t)))
		})
	}
}

func open(t testing.TB, dsn string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return j
}

// noon is a moment with more digits than are kept, in a zone that is not UTC.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.FixedZone("", 3600))

// kept is how the journal gives a time back.
func kept(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func aRun(n int) Run {
	return Run{
		WorkflowID: fmt.Sprintf("daily-check/%d", n), RunID: fmt.Sprintf("run-%d", n), Procedure: "daily-check",
		Key: "docs-db", State: "running", By: "ann", Started: noon.Add(time.Duration(n) * time.Minute),
		Updated: noon.Add(time.Duration(n) * time.Minute), Digest: "sha256:00", Record: json.RawMessage(`{"b": 1, "a": [2]}`),
	}
}

func TestARunComesBackAsItWasSaved(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		saved := aRun(1)
		saved.Drill = true
		require.NoError(t, j.SaveRun(t.Context(), saved))
		got, err := j.Run(t.Context(), saved.WorkflowID, saved.RunID)
		require.NoError(t, err)
		saved.Started, saved.Updated = kept(saved.Started), kept(saved.Updated)
		require.Equal(t, saved, got, "the record's very text included")

		saved.State, saved.Ended, saved.Updated = "succeeded", kept(noon.Add(time.Hour)), kept(noon.Add(time.Hour))
		require.NoError(t, j.SaveRun(t.Context(), saved))
		got, err = j.Run(t.Context(), saved.WorkflowID, "")
		require.NoError(t, err)
		require.Equal(t, saved, got)

		_, err = j.Run(t.Context(), saved.WorkflowID, "another")
		require.ErrorIs(t, err, ErrNotFound)
	})
}

func TestTextThatADatabaseRefusesIsKeptReadable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		r := aRun(1)
		r.By, r.Record = "a\x00nn\xff", json.RawMessage(`{"log": "a\u0000b"}`)
		require.NoError(t, j.SaveRun(t.Context(), r))
		got, err := j.Run(t.Context(), r.WorkflowID, r.RunID)
		require.NoError(t, err)
		require.Equal(t, "ann\uFFFD", got.By)
		require.JSONEq(t, string(r.Record), string(got.Record))
		require.NoError(t, j.AddFindings(t.Context(), []Finding{{RunID: "r", Step: "s", At: noon, Text: "x\x00\xfe"}}))
	})
}

func TestAnOlderStateNeverOverwritesANewerOne(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		var states []Run
		for n := range 20 {
			r := aRun(1)
			r.State, r.Updated = fmt.Sprintf("state-%02d", n), noon.Add(time.Duration(n)*time.Microsecond)
			states = append(states, r)
		}
		var group errgroup.Group
		for n := range states { // in an order of their own
			group.Go(func() error { return j.SaveRun(context.Background(), states[(n*7)%len(states)]) })
		}
		require.NoError(t, group.Wait())
		got, err := j.Run(t.Context(), states[0].WorkflowID, states[0].RunID)
		require.NoError(t, err)
		require.Equal(t, "state-19", got.State)
	})
}

// TestTheHigherRevisionIsTheNewerState: an attempt that hung comes last, a server's clock went back, and a program
// that counted no revisions has the last word.
func TestTheHigherRevisionIsTheNewerState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		is := func(want string) {
			t.Helper()
			got, err := j.Run(t.Context(), aRun(1).WorkflowID, aRun(1).RunID)
			require.NoError(t, err)
			require.Equal(t, want, got.State)
		}
		save := func(state string, revision int, later time.Duration, ended bool) {
			t.Helper()
			r := aRun(1)
			r.State, r.Revision, r.Updated = state, revision, r.Updated.Add(later)
			if ended {
				r.Ended = r.Updated
			}
			require.NoError(t, j.SaveRun(t.Context(), r))
		}
		save("acknowledged", 2, 0, false)
		save("open", 1, 0, false)
		is("acknowledged")
		save("open", 1, time.Hour, false)
		is("acknowledged")
		save("resolved", 3, -time.Second, false)
		is("resolved")
		save("succeeded", 4, time.Minute, true)
		save("resolved", 3, time.Hour, false)
		is("succeeded")
		save("uncounted", 0, 2*time.Hour, true)
		is("uncounted")
		save("counted", 5, 3*time.Hour, true)
		is("counted")
	})
}

// TestTheEndIsNewerThanWhatWentOn: an older worker has carried the run on, and the count of its states began anew.
func TestTheEndIsNewerThanWhatWentOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		open, end := aRun(1), aRun(1)
		open.State, open.Revision, open.Ended = "running", 7, time.Time{}
		end.State, end.Revision, end.Updated = "succeeded", 1, open.Updated.Add(time.Hour)
		end.Ended = end.Updated
		require.NoError(t, j.SaveRun(t.Context(), open))
		require.NoError(t, j.SaveRun(t.Context(), end))
		got, err := j.Run(t.Context(), open.WorkflowID, open.RunID)
		require.NoError(t, err)
		require.Equal(t, "succeeded", got.State)
	})
}

func TestARunThatEndedDoesNotGoOnAtTheSameMoment(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		running, ended := aRun(1), aRun(1)
		ended.State, ended.Ended = "failed", ended.Updated
		for _, r := range []Run{running, ended, running, ended} {
			require.NoError(t, j.SaveRun(t.Context(), r))
		}
		got, err := j.Run(t.Context(), ended.WorkflowID, ended.RunID)
		require.NoError(t, err)
		require.Equal(t, "failed", got.State)
		require.Equal(t, kept(ended.Ended), got.Ended)
	})
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		for n := range 6 {
			r := aRun(n)
			r.Drill = n == 4
			if n%2 == 1 {
				r.Procedure, r.Key, r.State = "backup", "other", "succeeded"
			}
			require.NoError(t, j.SaveRun(t.Context(), r))
		}
		for name, tc := range map[string]struct {
			filter RunFilter
			want   []string
		}{
			"all":          {RunFilter{}, []string{"run-5", "run-4", "run-3", "run-2", "run-1", "run-0"}},
			"limited":      {RunFilter{Limit: 2}, []string{"run-5", "run-4"}},
			"by procedure": {RunFilter{Procedure: "backup"}, []string{"run-5", "run-3", "run-1"}},
			"by key":       {RunFilter{Key: "docs-db"}, []string{"run-4", "run-2", "run-0"}},
			"by state":     {RunFilter{State: "running"}, []string{"run-4", "run-2", "run-0"}},
			"no drills":    {RunFilter{State: "running", NoDrills: true}, []string{"run-2", "run-0"}},
			"by time":      {RunFilter{From: noon.Add(time.Minute), To: noon.Add(3 * time.Minute)}, []string{"run-2", "run-1"}},
		} {
			runs, err := j.Runs(t.Context(), tc.filter)
			require.NoError(t, err)
			var ids []string
			for _, r := range runs {
				ids = append(ids, r.RunID)
				require.Empty(t, r.Record, "records are large and only read when asked for")
			}
			require.Equal(t, tc.want, ids, name)
		}
		runs, err := j.Runs(t.Context(), RunFilter{Records: true, Limit: 1})
		require.NoError(t, err)
		require.JSONEq(t, `{"b": 1, "a": [2]}`, string(runs[0].Record))
	})
}

func TestARunThatCanNotBeRightIsRefused(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for name, spoil := range map[string]func(*Run){
		"needs workflow_id": func(r *Run) { r.WorkflowID = "" },
		"needs the times":   func(r *Run) { r.Updated = time.Time{} },
		"is not JSON":       func(r *Run) { r.Record = json.RawMessage(`{`) },
	} {
		r := aRun(1)
		spoil(&r)
		require.ErrorContains(t, j.SaveRun(t.Context(), r), name)
	}
}

func TestAFigureIsKeptOncePerStep(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		figure := Measurement{WorkflowID: "w", RunID: "r", Step: "s", Name: "memory", Subject: "web", Value: 1.5, Unit: "%", At: noon}
		again, other := figure, figure
		again.Value, other.Subject = 99, "db"
		for range 2 {
			require.NoError(t, j.Measure(t.Context(), []Measurement{figure, other}))
			require.NoError(t, j.Measure(t.Context(), []Measurement{again}))
		}
		points, err := j.Trend(t.Context(), "memory", "web", time.Time{}, time.Time{})
		require.NoError(t, err)
		require.Equal(t, []Point{{At: kept(noon), Value: 1.5, Unit: "%"}}, points)
		subjects, err := j.Subjects(t.Context(), "memory", time.Time{}, time.Time{})
		require.NoError(t, err)
		require.Equal(t, []string{"db", "web"}, subjects)
		require.NoError(t, j.Measure(t.Context(), nil))
	})
}

func TestFiguresAreSummedUpByDay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		var figures []Measurement
		for hour := range 72 {
			figures = append(figures, Measurement{
				RunID: fmt.Sprint("r", hour), Step: "s", Name: "cpu", Subject: "host", Value: float64(hour),
				At: midnight.Add(time.Duration(hour) * time.Hour).In(time.FixedZone("", -5*3600)),
			})
		}
		require.NoError(t, j.Measure(t.Context(), figures))
		days, err := j.Days(t.Context(), "cpu", "host", midnight.Add(24*time.Hour), time.Time{})
		require.NoError(t, err)
		require.Equal(t, []Day{
			{Day: "2026-11-21", Mean: 35.5, Min: 24, Max: 47, Points: 24},
			{Day: "2026-11-22", Mean: 59.5, Min: 48, Max: 71, Points: 24},
		}, days)
		points, err := j.Trend(t.Context(), "cpu", "host", midnight.Add(time.Hour), midnight.Add(3*time.Hour))
		require.NoError(t, err)
		require.Equal(t, []Point{{At: midnight.Add(time.Hour), Value: 1}, {At: midnight.Add(2 * time.Hour), Value: 2}}, points)
	})
}

func TestManyFiguresAreKeptAllOrNone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		figures := make([]Measurement, 3*rowsAtOnce+1)
		for i := range figures {
			figures[i] = Measurement{RunID: "r", Step: "s", Name: "n", Subject: fmt.Sprint(i), Value: 1, At: noon}
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, j.Measure(cancelled, figures), context.Canceled)
		subjects, err := j.Subjects(t.Context(), "n", time.Time{}, time.Time{})
		require.NoError(t, err)
		require.Empty(t, subjects)
		require.NoError(t, j.Measure(t.Context(), figures))
		subjects, err = j.Subjects(t.Context(), "n", time.Time{}, time.Time{})
		require.NoError(t, err)
		require.Len(t, subjects, len(figures))

		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			require.ErrorContains(t, j.Measure(t.Context(), []Measurement{{RunID: "r", Step: "s", Name: "n", Value: bad, At: noon}}), "not a number")
		}
	})
}

func TestFindingsAreKeptOnceAndListedNewestFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		require.NoError(t, j.SaveRun(t.Context(), aRun(1)))
		w := aRun(1).WorkflowID
		first := []Finding{
			{WorkflowID: w, RunID: "run-1", Step: "s", N: 0, At: kept(noon), Severity: "critical", Check: "api", Text: "down", Act: "restart it"},
			{WorkflowID: w, RunID: "run-1", Step: "s", N: 1, At: kept(noon), Severity: "info", Check: "disk", Text: "fine"},
		}
		later := []Finding{{WorkflowID: "other", RunID: "run-2", Step: "s", At: kept(noon.Add(time.Hour)), Severity: "info", Check: "cpu", Text: "high"}}
		for range 2 {
			require.NoError(t, j.AddFindings(t.Context(), first))
			require.NoError(t, j.AddFindings(t.Context(), later))
		}
		for name, tc := range map[string]struct {
			filter FindingFilter
			want   []Finding
		}{
			"all":          {FindingFilter{}, []Finding{later[0], first[0], first[1]}},
			"by procedure": {FindingFilter{Procedure: "daily-check"}, first},
			"by workflow":  {FindingFilter{WorkflowID: "other"}, later},
			"by run":       {FindingFilter{RunID: "run-1", Limit: 1}, first[:1]},
			"by severity":  {FindingFilter{Severity: "info"}, []Finding{later[0], first[1]}},
			"by time":      {FindingFilter{From: noon, To: noon.Add(time.Minute)}, first},
		} {
			got, err := j.Findings(t.Context(), tc.filter)
			require.NoError(t, err)
			require.Equal(t, tc.want, got, name)
		}
		require.ErrorContains(t, j.AddFindings(t.Context(), []Finding{{Text: "x"}}), "needs run, step and time")
	})
}

func TestSeveralWorkersMayUseOneJournalAtOnce(t *testing.T) {
	t.Parallel()
	const workers, each = 6, 25
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			group, ctx := errgroup.WithContext(t.Context())
			for worker := range workers {
				group.Go(func() error { return work(ctx, dsn, worker, each) })
			}
			require.NoError(t, group.Wait())
			runs, err := open(t, dsn).Runs(t.Context(), RunFilter{Limit: 2 * workers * each})
			require.NoError(t, err)
			require.Len(t, runs, workers*each)
		})
	}
}

// work opens the journal, as the others do at the same time, and writes and reads.
func work(ctx context.Context, dsn string, worker, each int) error {
	j, err := Open(ctx, dsn)
	if err != nil {
		return err
	}
	for n := range each {
		if err := j.SaveRun(ctx, aRun(worker*each+n)); err != nil {
			return err
		}
		if _, err := j.Runs(ctx, RunFilter{Limit: 5}); err != nil {
			return err
		}
	}
	return j.Close()
}

func TestTheJournalOutlivesItsProgram(t *testing.T) {
	t.Parallel()
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			j, err := Open(t.Context(), dsn)
			require.NoError(t, err)
			require.NoError(t, j.Ping(t.Context()))
			require.NoError(t, j.SaveRun(t.Context(), aRun(1)))
			require.NoError(t, j.Close())
			require.Error(t, j.Ping(t.Context()))
			_, err = open(t, dsn).Run(t.Context(), aRun(1).WorkflowID, "")
			require.NoError(t, err)
		})
	}
}

func TestAJournalOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			j := open(t, dsn)
			_, err := j.write.ExecContext(t.Context(), "INSERT INTO "+migrationsTable+" (version_id, is_applied) VALUES (999, TRUE)")
			require.NoError(t, err)
			_, err = Open(t.Context(), dsn)
			require.ErrorContains(t, err, "tables are at version 999")
			require.ErrorContains(t, err, "newer version of orderly")
		})
	}
}

func TestTheColumnsKeepTheirNames(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		for table, want := range map[string][]string{
			"orderly_runs":         {"workflow_id", "run_id", "procedure", "key", "state", "drill", "started_by", "started", "ended", "updated", "digest", "record", "revision"},
			"orderly_measurements": {"workflow_id", "run_id", "step", "name", "subject", "value", "unit", "measured"},
			"orderly_findings":     {"workflow_id", "run_id", "step", "n", "found", "severity", "checked", "text", "act"},
		} {
			require.Equal(t, want, columnsOf(t, j, table))
		}
	})
}

func columnsOf(t *testing.T, j *Journal, table string) []string {
	t.Helper()
	rows, err := j.read.QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	require.NoError(t, rows.Err())
	columns, err := rows.Columns()
	require.NoError(t, err)
	return columns
}

func TestTheSQLiteFileIsPrivateAndItsFolderIsMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "with space?#%41", "journal.db")
	require.NoError(t, open(t, path).SaveRun(t.Context(), aRun(1)))
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
	var mode, synchronous string
	j := open(t, path)
	require.NoError(t, j.write.QueryRow("PRAGMA journal_mode").Scan(&mode))
	require.NoError(t, j.write.QueryRow("PRAGMA synchronous").Scan(&synchronous))
	require.Equal(t, "wal", mode)
	require.Equal(t, "1", synchronous, "normal")
}

func TestWhatCanNotBeOpenedIsSaidWithoutThePassword(t *testing.T) {
	t.Parallel()
	const password = "hunter2-secret"
	good, err := url.Parse(testenv.Postgres(t))
	require.NoError(t, err)
	wrong := *good
	wrong.User = url.UserPassword(good.User.Username(), password)
	elsewhere := wrong
	elsewhere.Host = "127.0.0.1:1"
	for name, dsn := range map[string]string{
		"wrong password":   wrong.String(),
		"nobody listens":   elsewhere.String(),
		"bad port":         "postgres://u:" + password + "@h:port/x",
		"bad escape":       "postgres://u:" + password + "%zz@h/x",
		"bad sslmode":      "postgres://u:" + password + "@h/x?sslmode=perhaps",
		"password as text": "host=db password=" + password,
		"another kind":     "mysql://u:" + password + "@h/x",
		"a URL of SQLite":  "file:x?" + password,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), dsn)
			require.ErrorContains(t, err, "journal")
			testenv.AssertNoSecret(t, password, err)
		})
	}
	for _, dsn := range []string{"", ":memory:"} {
		_, err := Open(t.Context(), dsn)
		require.ErrorContains(t, err, "path")
	}
	_, err = Open(t.Context(), "/dev/null/x/journal.db")
	require.ErrorContains(t, err, "/dev/null")
}

func TestScrubbedErrorsStillMatchTheirCause(t *testing.T) {
	t.Parallel()
	j := &Journal{password: "hunter2"}
	err := j.failed("x", fmt.Errorf("hunter2 was wrong: %w", context.DeadlineExceeded))
	require.EqualError(t, err, "journal (): x: … was wrong: context deadline exceeded")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	testenv.AssertNoSecret(t, "hunter2", err)
}
