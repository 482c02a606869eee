package simulate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWorkerDies(t *testing.T) {
	t.Parallel()
	t.Run("AndWhatFallsDueMeanwhileIsServedLate", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
at: 2026-11-25T02:14:00Z
kills: [{at: +4m, for: 3m}]
people:
  - +6m bob: acknowledge
horizon: 14m
expect:
  pages: [+0s bob] # the acknowledgement waited as well, and an acknowledgement wins
  clocks: {acknowledge: breached +7m}
`, outage)
		require.Equal(t, "1m0s", r.Deeds[0].Held)
	})
	t.Run("AndAPageGoesOutLate", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
at: 2026-11-25T02:14:00Z
kills: [{at: +4m, for: 2m30s}]
horizon: 16m
expect:
  pages: [+0s bob, +6m30s bob, +15m bob, carol] # the tier after that is counted from when this one was due
  timeline: [1m30s late]
`, outage)
		require.Equal(t, "1m30s", r.Record.Pages[1].Lateness)
		require.Equal(t, "1m30s", r.Record.Clocks[0].Lateness)
	})
	t.Run("AndAnAttemptIsLostAndMadeAgain", func(t *testing.T) {
		t.Parallel()
		r := play(t, answered+`
actions: {dump: {after: 5m}}
kills: [{at: +2m, for: 1m}]
expect: {state: succeeded}
`, release)
		// The last beat was at 1m48s (every 24 s), and 30 s of silence are too many.
		require.Equal(t, []string{"0s–2m30s no sign of life", "3m0s–8m0s"}, tries(r, "dump"))
		require.True(t, r.Attempts[0].Lost)
	})
	t.Run("AndComesBackBeforeTheSilenceIsNoticed", func(t *testing.T) {
		t.Parallel()
		r := play(t, answered+`
actions: {dump: {after: 5m}}
kills: [{at: +2m, for: 5s}]
expect: {state: succeeded}
`, release)
		require.Equal(t, []string{"0s–2m30s no sign of life", "2m35s–7m35s"}, tries(r, "dump"))
	})
	t.Run("TwiceInARow", func(t *testing.T) {
		t.Parallel()
		r := play(t, `
at: 2026-11-25T02:14:00Z
kills: [{at: +6m, for: 2m}, {at: +4m, for: 3m}]
horizon: 9m
expect: {pages: [+0s bob, +8m bob]}
`, outage)
		require.Equal(t, 3*time.Minute, r.Pages[1].At.Sub(r.At)-5*time.Minute)
	})
}
