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
