package sops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

func TestTheFirstRuleThatHoldsClassifies(t *testing.T) {
	t.Parallel()
	o := house(t)
	c := o.Classify(nil, map[string]float64{"services_down": 2, "api_seconds": 4})
	require.Equal(t, "outage", c.Rule)
	require.Equal(t, "level-2", c.Level)
	require.Equal(t, "P0", c.Severity)
	require.Equal(t, []string{"api", "web"}, c.Services)
	require.Equal(t, []string{"rule outage holds: facts.services_down > 1 || facts.breach > 0"}, c.Reasons)

	c = o.Classify([]sops.Finding{{Severity: "critical", Check: "api health"}}, map[string]float64{"services_down": 0, "breach": 0})
	require.Equal(t, "slow", c.Rule, "what is known decides, though no api_seconds was measured")
}

func TestAFactThatIsNotThereDecidesNothing(t *testing.T) {
	t.Parallel()
	c := house(t).Classify(nil, nil)
	require.Empty(t, c.Rule)
	require.Equal(t, "level-1", c.Level, "the default")
	require.Equal(t, []string{
		`rule outage could not be decided: there is no fact "services_down"`,
		`rule slow could not be decided: there is no fact "api_seconds"`,
		"no rule of the classification holds",
	}, c.Reasons)
}

// The thresholds of the shipped org are those of ES-1 to ES-3.
func TestTheShippedOrgClassifiesByTheWrittenThresholds(t *testing.T) {
	t.Parallel()
	o, err := sops.FindOrg([]sops.Source{{Name: "library", FS: library.FS}})
	require.NoError(t, err)
	all := func(changed map[string]float64) map[string]float64 {
		facts := map[string]float64{
			"api_seconds": 0.2, "memory_percent": 40, "services_down": 0, "databases_down": 0,
			"critical_containers_down": 0, "containers_down": 0, "data_damaged": 0, "breach": 0, "degraded": 0,
		}
		for name, n := range changed {
			facts[name] = n
		}
		return facts
	}
	for level, changes := range map[string][]map[string]float64{
		"level-1": {{"api_seconds": 3.1}, {"memory_percent": 75.5}, {"containers_down": 1}, {"degraded": 1}},
		"level-2": {{"api_seconds": 10.1}, {"memory_percent": 86}, {"databases_down": 1}, {"critical_containers_down": 1}, {"services_down": 1}},
		"level-3": {{"services_down": 2}, {"data_damaged": 1}, {"breach": 1}, {"services_down": 1, "databases_down": 1}},
	} {
		for _, changed := range changes {
			c := o.Classify(nil, all(changed))
			require.NotEmpty(t, c.Rule, changed)
			require.Equal(t, level, c.Level, changed)
		}
	}
	require.Empty(t, o.Classify(nil, all(nil)).Rule)
	require.Empty(t, o.Classify(nil, all(map[string]float64{"api_seconds": 3, "memory_percent": 75})).Rule)
}
