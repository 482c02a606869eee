package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPromisesThatMakeWayAreCountedByTheHourThenByTheDay(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 1, 0, 10, 0, 0, time.UTC)
	var l LeftOut
	const all = 40 * 48 // 40 days, each half hour
	for n := range all {
		at := began.Add(time.Duration(n) * 30 * time.Minute)
		c := &Clock{Kind: clockUpdate, Due: at.Add(time.Second), Met: &at}
		if n%4 == 3 {
			c.Breached = &c.Due
		}
		l.addPast(c)
	}
	stopped := time.Now()
	l.addPast(&Clock{Kind: clockResolve, Due: began, Stopped: &stopped})
	require.Equal(t, all+1, l.Clocks)
	require.LessOrEqual(t, len(l.Promises), maxPast)
	byDay := map[string]map[bool]int{}
	for _, p := range l.Promises {
		day := p.Hour.Format(time.DateOnly)
		if byDay[day] == nil {
			byDay[day] = map[bool]int{}
		}
		byDay[day][p.Kept] += p.N
	}
	require.Len(t, byDay, 40)
	for day, got := range byDay {
		require.Equal(t, map[bool]int{true: 36, false: 12}, got, day)
	}
}

func TestTheOldestPromisesAreJoinedWhenEvenTheDaysAreTooMany(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var l LeftOut
	for n := range 2 * maxPast {
		at := began.AddDate(0, 0, n)
		l.addPast(&Clock{Kind: clockUpdate, Met: &at})
	}
	require.Len(t, l.Promises, maxPast)
	total := 0
	for _, p := range l.Promises {
		total += p.N
	}
	require.Equal(t, 2*maxPast, total)
}

// TestAMonthOfUpdatesLosesNoPromise: 1440 status updates, the last third of which nobody wrote in time.
func TestAMonthOfUpdatesLosesNoPromise(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 1, 0, 10, 0, 0, time.UTC)
	met := began.Add(time.Minute)
	rec := &Record{Started: began}
	rec.addClock(&Clock{ID: clockAcknowledge, Kind: clockAcknowledge, Due: began.Add(time.Hour), Met: &met})
	rec.addClock(&Clock{ID: clockResolve, Kind: clockResolve, Due: began.Add(time.Hour), Breached: &met})
	for n := range 1440 {
		at := began.Add(time.Duration(n) * 30 * time.Minute)
		c := &Clock{ID: "update", Kind: clockUpdate, Due: at.Add(30 * time.Minute)}
		rec.addClock(c)
		if c.Met = &at; n >= 960 {
			c.Met, c.Breached, c.Stopped = nil, &c.Due, &c.Due
		}
	}
	require.Len(t, rec.Clocks, maxClocks)
	require.Equal(t, 442, rec.LeftOut.Clocks)
	require.Equal(t, []string{clockAcknowledge, clockResolve}, []string{rec.Clocks[0].ID, rec.Clocks[1].ID}, "there is one of each")
	count := map[bool]int{}
	for _, c := range rec.Clocks[2:] {
		count[c.Breached == nil]++
	}
	for _, p := range rec.LeftOut.Promises {
		require.Equal(t, clockUpdate, p.Kind)
		count[p.Kept] += p.N
	}
	require.Equal(t, map[bool]int{true: 960, false: 480}, count)
}
