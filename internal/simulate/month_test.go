package simulate_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
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

func TestAMonthTakesLessThanASecondAndIsTheSameEveryTime(t *testing.T) {
	from := sources(outage)
	s := parse(t, from, "outage", month())
	began := time.Now()
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	require.NoError(t, err)
	took := time.Since(began)
	t.Logf("%s, continued %d times, %d lines, %d pages", took, r.Record.Continued, len(r.Record.Timeline)+r.Record.LeftOut.Events, len(r.Pages))
	require.Empty(t, s.Check(r))
	require.Equal(t, 1440, len(r.Record.Incident.Updates))
	_ = runtime.GOMAXPROCS
}
