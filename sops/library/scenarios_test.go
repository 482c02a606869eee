package library_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// TestEveryShippedScenario rehearses the scenarios under tests/, as `orderly test` does, and wants every shipped
// procedure to have at least three: all well; nobody answers, where people are asked or paged; something fails.
func TestEveryShippedScenario(t *testing.T) {
	t.Parallel()
	sources := []sops.Source{{Name: "sops/library", FS: library.FS}}
	lib, problems := sops.LoadLibrary(sources, sops.Env{Catalogue: activities.Catalogue()})
	require.NoError(t, problems.Err())
	org, err := sops.FindOrg(sources)
	require.NoError(t, err)
	env := simulate.Env{Catalogue: activities.Catalogue(), Procedures: lib.Get, IDs: lib.IDs(), Org: org}
	files, err := simulate.List(sources)
	require.NoError(t, err)

	of, cache := map[string][]*simulate.Scenario{}, &simulate.Cache{}
	for _, f := range files {
		s, problems := f.Parse(env)
		require.NoError(t, problems.Err())
		of[s.Procedure] = append(of[s.Procedure], s)
		t.Run(s.Procedure+"/"+s.ID, func(t *testing.T) {
			t.Parallel()
			require.True(t, s.Expect != nil || len(s.Never) > 0, "%s expects nothing", s.File)
			result, err := simulate.Run(t.Context(), simulate.Options{Sources: sources, Cache: cache}, s)
			require.NoError(t, err)
			for _, m := range s.Check(result) {
				t.Errorf("%s: %s: expected %s, but it is %s\nwant %q\ngot  %q", m.Pos, m.What, m.Expected, m.Actual, m.Want, m.Got)
			}
		})
	}
	for _, id := range lib.IDs() {
		t.Run(id+" is rehearsed", func(t *testing.T) {
			t.Parallel()
			p, _ := lib.Get(id)
			require.GreaterOrEqual(t, len(of[id]), 3, "scenarios in tests/%s", id)
			require.True(t, slices.ContainsFunc(of[id], goesWell), "one in which all is well")
			require.True(t, slices.ContainsFunc(of[id], somethingFails), "one in which something fails")
			if needsPeople(p) {
				require.True(t, slices.ContainsFunc(of[id], nobodyAnswers), "one in which nobody answers")
			}
		})
	}
}

// goesWell says that nothing is scripted to fail, and nothing does.
func goesWell(s *simulate.Scenario) bool {
	return !somethingFails(s) && s.Expect != nil && s.Expect.State == "succeeded"
}

// somethingFails says that an action, another procedure, a transport or the worker fails.
func somethingFails(s *simulate.Scenario) bool {
	for _, script := range s.Actions {
		for _, a := range script.Answers {
			if a.Fails != nil || a.Hangs {
				return true
			}
		}
	}
	for _, stub := range s.Procedures {
		if stub.State == "failed" || stub.State == "cancelled" {
			return true
		}
	}
	return len(s.Transports) > 0 || len(s.Kills) > 0
}

func nobodyAnswers(s *simulate.Scenario) bool { return len(s.People) == 0 && len(s.Answers) == 0 }

// needsPeople says that a procedure asks or pages somebody.
func needsPeople(p *sops.Procedure) bool {
	if p.Incident != nil {
		return true
	}
	for s := range p.Steps() {
		if s.Kind() == sops.KindAsk || s.Kind() == sops.KindApprove {
			return true
		}
	}
	return false
}
