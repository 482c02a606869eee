package library_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

func theOrg(t *testing.T) *sops.Org {
	t.Helper()
	org, err := sops.FindOrg([]sops.Source{{Name: "the shipped library", FS: library.FS}})
	require.NoError(t, err)
	return org
}

// TestThePromisesAreThoseThatAreWritten keeps the times of the written procedures: severities, levels, duties.
func TestThePromisesAreThoseThatAreWritten(t *testing.T) {
	t.Parallel()
	org := theOrg(t)
	t.Run("Severities", func(t *testing.T) {
		t.Parallel()
		for scale, want := range map[string][]string{
			"platform": {"P0 2m/", "P1 30m/", "P2 2h/", "P3 next-business-day/"},
			"incident": {"P1 15m/4h", "P2 30m/8h", "P3 4h/1d", "P4 next-business-day/2w"},
			"patch":    {"critical 30m/4h", "high 2h/1d", "medium /1w", "low /30d"},
		} {
			var got []string
			for _, s := range org.Severities[scale] {
				got = append(got, s.ID+" "+span(s.Respond)+"/"+span(s.Resolve))
			}
			require.Equal(t, want, got, scale)
		}
	})
	t.Run("Levels", func(t *testing.T) {
		t.Parallel()
		for id, want := range map[string]string{
			"level-1":  "acknowledge 5m, respond 15m, updates 30m: maintenance-coordinator 5m, service.owner 10m; then level-2",
			"level-2":  "acknowledge 5m, respond 5m, updates 30m: maintenance-coordinator+service.owner 5m, leads 5m; then level-3",
			"level-3":  "acknowledge 2m, respond 2m, updates 15m: maintenance-coordinator+all-hands+service.owner 2m, all-hands+security-team 5m; then ",
			"security": "acknowledge 2m, respond 2m, updates 15m: leads+maintenance-coordinator 2m, security-team+all-hands 2m; then ",
		} {
			p := org.Policies[id]
			var tiers []string
			for _, tier := range p.Tiers {
				tiers = append(tiers, strings.Join(tier.Page, "+")+" "+tier.Wait.String())
			}
			require.Equal(t, want, "acknowledge "+p.Acknowledge.String()+", respond "+p.Respond.String()+", updates "+p.Updates.String()+": "+
				strings.Join(tiers, ", ")+"; then "+p.Next, id)
		}
	})
	t.Run("AnOutageIsToldEverywhere", func(t *testing.T) {
		t.Parallel()
		level3 := org.Policies["level-3"]
		told := slices.Clone(level3.Channels)
		for _, group := range level3.Stakeholders {
			told = append(told, org.Stakeholders[group]...)
		}
		for channel := range org.Channels {
			require.Contains(t, told, channel)
		}
	})
	t.Run("Directory", func(t *testing.T) {
		t.Parallel()
		for id, want := range map[string]string{
			"maintenance-coordinator": "5m devops-lead", "infrastructure": "5m maintenance-coordinator", "backend-lead": "10m backend-developer",
			"frontend-lead": "10m ui-designer", "database-lead": "15m data-engineer", "security-partner": "2m ",
		} {
			require.Equal(t, want, org.Roles[id].Respond.String()+" "+org.Roles[id].Backup, id)
		}
	})
}

func span(s sops.Span) string {
	if s.IsZero() {
		return ""
	}
	return s.String()
}

// TestWhatIsFoundIsGradedAsItIsWritten keeps the thresholds of the three levels.
func TestWhatIsFoundIsGradedAsItIsWritten(t *testing.T) {
	t.Parallel()
	org := theOrg(t)
	for _, c := range []struct {
		facts    map[string]float64
		level    string
		severity string
	}{
		{map[string]float64{"api_seconds": 3}, "level-1", ""},
		{map[string]float64{"api_seconds": 3.1}, "level-1", "P2"},
		{map[string]float64{"api_seconds": 10.1}, "level-2", "P1"},
		{map[string]float64{"memory_percent": 76}, "level-1", "P2"},
		{map[string]float64{"memory_percent": 86}, "level-2", "P1"},
		{map[string]float64{"containers_down": 1}, "level-1", "P2"},
		{map[string]float64{"critical_containers_down": 1}, "level-2", "P1"},
		{map[string]float64{"databases_down": 1}, "level-2", "P1"},
		{map[string]float64{"services_down": 1, "databases_down": 1}, "level-3", "P0"},
		{map[string]float64{"services_down": 2}, "level-3", "P0"},
		{map[string]float64{"data_damaged": 1}, "level-3", "P0"},
		{map[string]float64{"breach": 1}, "level-3", "P0"},
	} {
		got := org.Classify(nil, c.facts)
		require.Equal(t, c.level, got.Level, "%v", c.facts)
		require.Equal(t, c.severity, got.Severity, "%v", c.facts)
	}
}

// TestThresholdsOfTheDailyCheck keeps what is healthy, and what can't wait.
func TestThresholdsOfTheDailyCheck(t *testing.T) {
	t.Parallel()
	p, _ := loaded(t).Get("daily-check")
	for input, want := range map[string]int{"api_slow": 2000, "api_critical": 5000, "memory_critical": 90, "disk_critical": 95} {
		require.EqualValues(t, want, p.Inputs[input].Default, input)
	}
	require.Equal(t, "15m", p.Within.String())
}
