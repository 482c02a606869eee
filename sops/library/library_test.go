package library_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// loaded is the shipped library, checked as a worker checks it that has nothing configured.
func loaded(t *testing.T) *sops.Library {
	t.Helper()
	lib, problems := sops.LoadLibrary([]sops.Source{{Name: "the shipped library", FS: library.FS}}, sops.Env{
		Catalogue: activities.Catalogue(), Targets: (&config.Config{}).TargetNames(),
	})
	require.NoError(t, problems.Err())
	return lib
}

func TestTheLibraryHasNoProblem(t *testing.T) {
	t.Parallel()
	lib := loaded(t)
	for _, id := range append(shipped, "monitor") {
		_, ok := lib.Get(id)
		require.True(t, ok, id)
	}
}

// covered are the rows that a procedure says it carries out, anywhere in it.
func covered(p *sops.Procedure) []string {
	rows := slices.Clone(p.Covers)
	for i := range p.Phases {
		rows = append(rows, p.Phases[i].Covers...)
	}
	for s := range p.Steps() {
		rows = append(rows, s.Covers...)
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

func TestProceduresCoverTheirRows(t *testing.T) {
	t.Parallel()
	lib := loaded(t)
	rows := map[string][]string{
		"emergency-response":     {"ER-1", "ER-2", "ER-3", "ER-4", "ER-5", "SV-1", "SV-2", "TL-3", "ES-1", "ES-2", "ES-3", "CD-2"},
		"incident-response":      {"IR-1", "IR-2", "IR-3", "IR-4", "IR-5", "IR-6", "SV-3", "CH-3", "RT-1"},
		"post-mortem":            {"ER-5", "IR-6", "PM-1", "RP-1"},
		"monthly-review":         {"MR-1", "MR-2"},
		"weekly-maintenance":     {"WM-1", "WM-2", "WM-3", "WM-4", "WM-5", "WM-6", "WM-7", "WM-8", "WM-9", "RP-2", "TL-2"},
		"backup":                 {"BK-1", "BK-2", "RB-2", "TL-4", "MS-1"},
		"restore-drill":          {"BK-2", "MS-1"},
		"rollback":               {"RO-1", "RO-2", "RO-3", "TL-3"},
		"log-rotation":           {"MS-1", "RB-2"},
		"preventive-maintenance": {"TL-2", "MS-1"},
	}
	for id, want := range rows {
		p, _ := lib.Get(id)
		require.Subset(t, covered(p), want, id)
	}
}

// TestTheDailyCheckStartsTheEmergencyResponse keeps the inputs of both together.
func TestTheDailyCheckStartsTheEmergencyResponse(t *testing.T) {
	t.Parallel()
	p, _ := loaded(t).Get("emergency-response")
	inputs, err := p.CheckInputs(map[string]any{"reason": "containers: web fails its own health check"})
	require.NoError(t, err)
	key, err := p.RunKey(inputs, began)
	require.NoError(t, err)
	require.Equal(t, "main", key)
}

// TestWhatIsScheduledStartsWhenItIsWritten keeps the times of the written procedures.
func TestWhatIsScheduledStartsWhenItIsWritten(t *testing.T) {
	t.Parallel()
	lib := loaded(t)
	for id, crons := range map[string][]string{
		"weekly-maintenance":     {"0 2 * * 0"},
		"backup":                 {"0 2 * * *"},
		"restore-drill":          {"0 8 5 1,4,7,10 *"},
		"log-rotation":           {"0 3 * * 6"},
		"monthly-review":         {"0 8 1-7 * 1"},
		"preventive-maintenance": {"0 6 * * *", "0 7 1 * *"},
	} {
		p, _ := lib.Get(id)
		require.Len(t, p.Schedules, len(crons), id)
		for i, cron := range crons {
			require.Equal(t, cron, p.Schedules[i].Cron, id)
			require.Equal(t, "UTC", p.Schedules[i].TimeZone, id)
		}
	}
}

// TestTheBudgetsOfAMaintenance keeps the times that each part may take.
func TestTheBudgetsOfAMaintenance(t *testing.T) {
	t.Parallel()
	p, _ := loaded(t).Get("weekly-maintenance")
	require.Equal(t, "2h", p.Within.String())
	budgets := map[string]string{}
	for _, phase := range p.Phases {
		if phase.Within > 0 {
			budgets[phase.ID] = phase.Within.String()
		}
	}
	require.Equal(t, map[string]string{
		"snapshot": "15m", "clean-up": "30m", "database": "45m", "updates": "30m", "performance": "15m", "validation": "15m",
	}, budgets)
}
