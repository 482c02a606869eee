package simulate_test

import (
	"testing"
	"time"

	"github.com/orderly-ops/orderly/internal/simulate"
)

// FuzzPlay looks for a scenario that is taken and then crashes or can't be simulated.
func FuzzPlay(f *testing.F) {
	for _, seed := range []string{
		answered,
		"procedure: outage\npeople: [+3m eve: acknowledge, +7m bob: acknowledge, +12m bob: {complete: {step: respond}}, +40m bob: resolve it]\nexpect: {state: succeeded, pages: [+0s bob, +5m bob], clocks: {respond: met +12m}}\n",
		"procedure: outage\nhorizon: 29m\ninputs: {level: five}\nkills: [{at: +5m, for: 2m}]\ntransports: {slack: {down: {from: +0s, until: +10m}}}\nunreachable: [bob]\nwindows: [{services: [api], until: +20m}]\nexpect: {told: [alerts, board], incident: {state: open}, timeline: [paged]}\nnever: [{page: eve}, {breach: respond}]\n",
		"actions: {dump: [{fails: x, times: 2}, {hangs: true}], restart: {outputs: {health: ill}}}\nanswers: {default: {after: 2m, approve: false}, 'undo:dump': {choice: retry}}\nby: ann\ndrill: true\nexpect: {undone: [dump], left: [], not_run: [go], steps: {dump: {state: failed, error: x, outputs: {key: a}}}, findings: []}\n",
		"people: [+3m alert: {key: k, status: firing, summary: s}, +4m ann: handover bob, +5m ann: severity P0 because x, +6m ann: {extend: {clock: run, for: 5m, reason: x}}, +7m ann: abort x]\nprocedure: outage\nexpect: {ends: <= +7m}\n",
	} {
		f.Add([]byte(seed))
	}
	from := sources(release, outage)
	env := envOf(f, from)
	var cache simulate.Cache
	f.Fuzz(func(t *testing.T, src []byte) {
		s, _ := simulate.Parse("tests/release/x.yaml", src, env)
		if s == nil || s.Horizon > 6*time.Hour || len(s.People) > 50 {
			return
		}
		if s.Horizon == 0 {
			s.Horizon = time.Hour
		}
		r, err := simulate.Run(t.Context(), simulate.Options{Sources: from, Cache: &cache}, s)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		s.Check(r)
	})
}
