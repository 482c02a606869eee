package simulate_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
)

// month is an incident that goes on for 30 days, with a status update every 30 minutes and a policy of five
// tiers.
func month() string {
	var b strings.Builder
	b.WriteString("horizon: 32d\ninputs: {level: five}\npeople:\n  - +23m ann: acknowledge\n")
	for m := 29; m < 30*24*60; m += 30 {
		fmt.Fprintf(&b, "  - +%dm ann: update still at it\n", m)
	}
	b.WriteString("  - +30d ann: resolve it was the cable\nexpect: {state: succeeded, ends: +30d}\n")
	return b.String()
}

// TestAMonth says what comes of it; how long it takes says BenchmarkAMonth.
func TestAMonth(t *testing.T) {
	t.Parallel()
	from := sources(outage)
	s := parse(t, from, "outage", month())
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	require.NoError(t, err)
	require.Empty(t, s.Check(r))
	require.Len(t, r.Record.Incident.Updates, 1440)
}

func TestAMonthInWhichNobodyAnswers(t *testing.T) {
	t.Parallel()
	from := sources(outage)
	s := parse(t, from, "outage", "horizon: 30d\ninputs: {level: five}\nexpect: {state: running}\n")
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	require.NoError(t, err)
	require.Empty(t, s.Check(r))
	require.Len(t, r.Pages, 30*24*12+1)
}

// TestTheSameScenarioIsTheSameAHundredTimes also runs them side by side, on one processor and on many.
func TestTheSameScenarioIsTheSameAHundredTimes(t *testing.T) {
	for name, c := range map[string]struct {
		from     []sops.Source
		id, text string
	}{
		"APage":   {sources(outage), "outage", "kills: [{at: +14m, for: 2m}]\npeople: [{+33m bob: acknowledge}, {+50m bob: resolve over}]\n"},
		"ARun":    {sources(release), "release", answered + "actions: {dump: [{fails: no, times: 2}, {after: 5m}]}\n"},
		"OfOther": {sources(around, outage, quick), "around", "people: [{+33m bob: acknowledge}, {+50m bob: resolve over}]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := parse(t, c.from, c.id, c.text)
			first := once(t, c.from, s)
			for _, procs := range []int{1, 8} {
				before := runtime.GOMAXPROCS(procs)
				results := make(chan string, 50)
				for range 50 {
					go func() { results <- once(t, c.from, s) }()
				}
				for range 50 {
					requireSame(t, first, <-results)
				}
				runtime.GOMAXPROCS(before)
			}
		})
	}
}

// requireSame says where two texts begin to differ.
func requireSame(t *testing.T, a, b string) {
	t.Helper()
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			require.Equal(t, a[max(0, i-80):min(len(a), i+80)], b[max(0, i-80):min(len(b), i+80)])
		}
	}
	require.Equal(t, len(a), len(b))
}

func once(t *testing.T, from []sops.Source, s *simulate.Scenario) string {
	t.Helper()
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	if err != nil {
		return err.Error()
	}
	return text(t, r)
}

func BenchmarkAMonth(b *testing.B) { benchmark(b, sources(outage), month()) }

// BenchmarkAMonthInWhichNobodyAnswers pages 8,641 times.
func BenchmarkAMonthInWhichNobodyAnswers(b *testing.B) {
	benchmark(b, sources(outage), "horizon: 30d\ninputs: {level: five}\n")
}

// BenchmarkTiersOfFiveSeconds pages 28,801 times in 40 hours.
func BenchmarkTiersOfFiveSeconds(b *testing.B) {
	hasty := strings.Replace(org, "  five:", "  hasty: {tiers: [{page: [ann], wait: 5s}, {page: [bob], wait: 5s}]}\n  five:", 1)
	from := []sops.Source{{Name: "folder", FS: fstest.MapFS{"org.yaml": {Data: []byte(hasty)}, "outage.yaml": {Data: []byte(outage)}}}}
	benchmark(b, from, "horizon: 40h\ninputs: {level: hasty}\n")
}

func benchmark(b *testing.B, from []sops.Source, scenario string) {
	b.Helper()
	s, problems := simulate.Parse("tests/outage/month.yaml", []byte(scenario), simulate.Env{})
	require.NoError(b, problems.Err())
	for b.Loop() {
		_, err := simulate.Run(b.Context(), simulate.Options{Sources: from}, s)
		require.NoError(b, err)
	}
}
