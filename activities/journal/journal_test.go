package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	store "github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/testenv"
)

func setup(t *testing.T) (actions, *store.Journal) {
	t.Helper()
	j, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return actions{journal: j}, j
}

// attempt calls an action as an activity of a step, the same at each call.
func attempt[In, Out any](t *testing.T, fn func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "it"})
	var out Out
	value, err := env.ExecuteActivity("it", in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

func TestMeasureKeepsEachFigureOnceHoweverOftenItIsTried(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	in := MeasureInput{Figures: []Figure{
		{Name: "cpu", Subject: "web", Value: 1.5, Unit: "%"}, {Name: "cpu", Subject: "db", Value: 2}, {Name: "mem", Subject: "web", Value: 3},
	}}
	for range 2 {
		out, err := attempt(t, a.measure, in)
		require.NoError(t, err)
		require.Equal(t, 3, out.Kept)
	}
	points, err := j.Trend(t.Context(), "cpu", "web", time.Time{}, time.Time{})
	require.NoError(t, err)
	require.Len(t, points, 1)
	require.InDelta(t, 1.5, points[0].Value, 0)
	require.WithinDuration(t, time.Now(), points[0].At, time.Minute)

	out, err := attempt(t, a.measure, MeasureInput{})
	require.NoError(t, err)
	require.Zero(t, out.Kept)
}

func TestMeasureNamesTheFigureThatIsWrong(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	for want, figures := range map[string][]Figure{
		"figures[1].name is empty":                {{Name: "a"}, {}},
		`figures[1]: cpu of "web" is given twice`: {{Name: "cpu", Subject: "web"}, {Name: "cpu", Subject: "web"}},
	} {
		_, err := attempt(t, a.measure, MeasureInput{Figures: figures})
		require.ErrorContains(t, err, want)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}

func TestWithoutAJournalTheActionsSaySo(t *testing.T) {
	t.Parallel()
	for _, def := range Actions(nil) {
		require.NotNil(t, def.Input)
		require.NotNil(t, def.Output)
	}
	_, err := attempt(t, actions{}.measure, MeasureInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	_, err = attempt(t, actions{}.trend, TrendInput{Name: "cpu"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "journal.dsn")
}

// keep writes values that were measured so many hours ago.
func keep(t *testing.T, j *store.Journal, name, subject, unit string, values map[float64]float64) {
	t.Helper()
	var rows []store.Measurement
	for hours, value := range values {
		rows = append(rows, store.Measurement{
			RunID: fmt.Sprint("run", hours), Step: "s", Name: name, Subject: subject, Value: value, Unit: unit,
			At: time.Now().Add(-time.Duration(hours * float64(time.Hour))),
		})
	}
	require.NoError(t, j.Measure(t.Context(), rows))
}

func TestTrendTellsHowAFigureMoved(t *testing.T) {
	t.Parallel()
	limit := func(v float64) *float64 { return &v }
	for name, tc := range map[string]struct {
		values    map[float64]float64 // hours ago → value
		days      int
		limit     *float64
		direction string
		slope     float64
		toLimit   float64 // 0: never
		text      string
	}{
		"rising towards a limit": {
			map[float64]float64{96: 50, 72: 55, 48: 60, 24: 65, 0: 70}, 7, limit(90), "rising", 5, 4,
			"disk of web: rising over 7 days, 50 % to 70 %, +5 % a day; at this pace it reaches 90 % in 4 days",
		},
		"falling away from a limit": {
			map[float64]float64{48: 70, 24: 60, 0: 50}, 7, limit(90), "falling", -10, 0,
			"disk of web: falling over 7 days, 70 % to 50 %, -10 % a day",
		},
		"falling towards a limit": {
			map[float64]float64{48: 70, 24: 60, 0: 50}, 7, limit(10), "falling", -10, 4,
			"disk of web: falling over 7 days, 70 % to 50 %, -10 % a day; at this pace it reaches 10 % in 4 days",
		},
		"past the limit and rising": {
			map[float64]float64{48: 91, 24: 95, 0: 99}, 7, limit(90), "rising", 4, 0,
			"disk of web: rising over 7 days, 91 % to 99 %, +4 % a day",
		},
		"steady": {
			map[float64]float64{48: 50, 24: 50.5, 0: 50.2}, 7, limit(90), "steady", 0.1, 0,
			"disk of web: steady over 7 days, 50 % to 50.2 %",
		},
		"scattered more than it moves": {
			map[float64]float64{96: 10, 72: 60, 48: 12, 24: 58, 0: 20}, 7, limit(90), "steady", 1.8, 0,
			"disk of web: steady over 7 days, 10 % to 20 %",
		},
		"always the same": {
			map[float64]float64{48: 0, 24: 0, 0: 0}, 7, nil, "steady", 0, 0, "disk of web: steady over 7 days, 0 % to 0 %",
		},
		"two values": {
			map[float64]float64{24: 10, 0: 90}, 7, limit(95), "unknown", 0, 0,
			"disk of web: not enough data, 2 values in 7 days, last 90 %",
		},
		"many values within minutes": {
			map[float64]float64{0.3: 1, 0.2: 2, 0.1: 3, 0: 4}, 7, limit(95), "unknown", 0, 0,
			"disk of web: not enough data, 4 values in 7 days, last 4 %",
		},
		"values within hours of one day": {
			map[float64]float64{6: 10, 4: 20, 2: 30, 0: 40}, 1, nil, "rising", 120, 0,
			"disk of web: rising over 1 day, 10 % to 40 %, +120 % a day",
		},
		"older values only": {
			map[float64]float64{200: 10, 190: 20, 180: 30}, 7, nil, "unknown", 0, 0,
			"disk of web: not enough data, no value in 7 days",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, j := setup(t)
			keep(t, j, "disk", "web", "%", tc.values)
			out, err := attempt(t, a.trend, TrendInput{Name: "disk", Subject: "web", Days: tc.days, Limit: tc.limit})
			require.NoError(t, err)
			require.Equal(t, tc.direction, out.Direction)
			require.Equal(t, tc.direction != "unknown", out.Enough)
			require.InDelta(t, tc.slope, out.Slope, 0.01)
			require.Equal(t, tc.toLimit > 0, out.ReachesLimit)
			require.InDelta(t, tc.toLimit, out.DaysToLimit, 0.01)
			require.Equal(t, tc.text, out.Text)
		})
	}
}

func TestTrendSumsUpTheValues(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	keep(t, j, "mem", "", "bytes", map[float64]float64{72: 1 << 30, 48: 4 << 30, 24: 3 << 30})
	out, err := attempt(t, a.trend, TrendInput{Name: "mem"})
	require.NoError(t, err)
	const gib = 1 << 30
	require.Equal(t, 7, out.Days, "the default")
	require.Equal(t, 3, out.Points)
	require.Equal(t, []float64{1 * gib, 3 * gib, 1 * gib, 4 * gib}, []float64{out.First, out.Last, out.Min, out.Max})
	require.InDelta(t, 8*gib/3.0, out.Mean, 1)
	require.InDelta(t, 2*gib, out.Change, 0)
	require.InDelta(t, 200, out.Percent, 0)
	require.Equal(t, "mem: rising over 7 days, 1 GiB to 3 GiB, +1 GiB a day", out.Text)
	require.Len(t, out.Daily, 3)
	require.Equal(t, 1, out.Daily[0].Points)

	none, err := attempt(t, a.trend, TrendInput{Name: "nothing"})
	require.NoError(t, err)
	require.Empty(t, none.Daily)
	require.Equal(t, Trend{Name: "nothing", Days: 7, Direction: "unknown", Text: "nothing: not enough data, no value in 7 days"}, none.Trend)
}

func TestTrendsLookAtEverySubject(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	keep(t, j, "cpu", "web", "%", map[float64]float64{48: 1, 24: 2, 0: 3})
	keep(t, j, "cpu", "db", "%", map[float64]float64{48: 3, 24: 2, 0: 1})
	all, err := attempt(t, a.trends, TrendsInput{Name: "cpu"})
	require.NoError(t, err)
	require.Zero(t, all.LeftOut)
	require.Equal(t, []string{"db falling", "web rising"}, []string{
		all.Trends[0].Subject + " " + all.Trends[0].Direction, all.Trends[1].Subject + " " + all.Trends[1].Direction,
	})
	named, err := attempt(t, a.trends, TrendsInput{Name: "cpu", Subjects: []string{"web", "new"}, Days: 3})
	require.NoError(t, err)
	require.Equal(t, []string{"web rising", "new unknown"}, []string{
		named.Trends[0].Subject + " " + named.Trends[0].Direction, named.Trends[1].Subject + " " + named.Trends[1].Direction,
	})
	many := make([]string, maxSubjects+2)
	bounded, err := attempt(t, a.trends, TrendsInput{Name: "cpu", Subjects: many})
	require.NoError(t, err)
	require.Len(t, bounded.Trends, maxSubjects)
	require.Equal(t, 2, bounded.LeftOut)
}

func TestTrendRefusesWhatItCanNotAnswer(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	for want, in := range map[string]TrendInput{
		"name is empty": {}, "days is -1": {Name: "x", Days: -1}, "days is 4000": {Name: "x", Days: 4000},
	} {
		_, err := attempt(t, a.trend, in)
		require.ErrorContains(t, err, want)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{"0": 0, "12300": 12300, "1230": 1230.4, "12.3": 12.345, "0.00123": 0.0012345, "-4.5": -4.5, "100": 99.96} {
		require.Equal(t, want, number(v, ""))
	}
	require.Equal(t, "5 ms", number(5, "ms"))
	require.Equal(t, "1.5 MiB", number(1.5*(1<<20), "bytes"))
	require.Equal(t, "-3 GiB", number(-3*(1<<30), "bytes"))
	require.Equal(t, "12 B", number(12, "bytes"))
}
