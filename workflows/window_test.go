package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

const serviced = `
sop: siren
title: Siren
inputs: {level: {type: string, default: level-1}, services: {type: list, default: [api]}}
incident: {level: "${{ inputs.level }}", services: "${{ inputs.services }}"}
phases: [{id: a, steps: [{id: fix, uses: test.do}]}]
`

// underMaintenance is a bench with an open window for the API that ends in 2 h. It gives what the maintenance
// run was told.
func underMaintenance(t *testing.T) (*bench, *[]string) {
	t.Helper()
	b, told := setup(t, serviced), &[]string{}
	b.windows = []workflows.Window{{WorkflowID: "weekly/docs", RunID: "run", Services: []string{"api", "db"}, Until: began.Add(2 * time.Hour)}}
	b.env.OnSignalExternalWorkflow(mock.Anything, "weekly/docs", "run", "alert", mock.Anything).Return(
		func(_, _, _, _ string, payload any) error {
			*told = append(*told, payload.(workflows.Alert).Status)
			return nil
		})
	b.after(horizon, b.env.CancelWorkflow)
	return b, told
}

func TestAnIncidentOfAServiceUnderMaintenance(t *testing.T) {
	t.Parallel()
	resolve := func(b *bench, at time.Duration) {
		b.signal(at, "resolve", in{"by": "bob", "resolution": "it is well again"})
	}
	t.Run("PagesNobodyBeforeTheMaintenanceHasEnded", func(t *testing.T) {
		t.Parallel()
		b, told := underMaintenance(t)
		b.window = func() workflows.WindowState {
			return workflows.WindowState{Open: b.env.Now().Before(began.Add(40*time.Minute + time.Second))}
		}
		resolve(b, 43*time.Minute)
		rec := b.start("Siren")
		require.Equal(t, []string{"41m0s ann"}, b.people.sequence())
		require.Equal(t, []string{"firing", "resolved"}, *told)
		require.Equal(t, []string{"fix"}, b.calls)
		require.Equal(t, 41*time.Minute, clockOf(t, rec, "acknowledge").Started.Sub(began).Round(time.Second))
		require.Equal(t, "the maintenance has ended", rec.Incident.HeldBack.Why)
	})
	t.Run("PagesWhenTheTimeOfTheMaintenanceIsOverThoughItGoesOn", func(t *testing.T) {
		t.Parallel()
		b, _ := underMaintenance(t)
		resolve(b, 123*time.Minute)
		b.start("Siren")
		require.Equal(t, []string{"2h0m0s ann"}, b.people.sequence())
	})
	t.Run("WaitsLongerWhenTheMaintenanceIsGivenMoreTime", func(t *testing.T) {
		t.Parallel()
		b, _ := underMaintenance(t)
		b.window = func() workflows.WindowState {
			return workflows.WindowState{Open: true, Until: began.Add(3 * time.Hour)}
		}
		resolve(b, 181*time.Minute)
		b.start("Siren")
		require.Equal(t, []string{"3h0m0s ann"}, b.people.sequence())
	})
	t.Run("NeedsNobodyWhenItsAlertsAreOverByThen", func(t *testing.T) {
		t.Parallel()
		b, _ := underMaintenance(t)
		b.signal(time.Second, "alert", in{"key": "k", "status": "firing", "summary": "down"})
		b.signal(50*time.Minute, "alert", in{"key": "k", "status": "resolved"})
		rec := b.start("Siren")
		require.NoError(t, b.env.GetWorkflowError())
		require.Empty(t, b.people.sequence())
		require.Empty(t, b.calls, "nothing is done about what is over")
		require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
	})
	for name, c := range map[string]struct {
		message string
		payload in
	}{
		"IsPagedWhenSomebodyEscalatesIt":    {"escalate", in{"by": "ann", "reason": "it is not the maintenance"}},
		"IsPagedWhenItTurnsOutToBeAnOutage": {"severity", in{"by": "ann", "severity": "P0", "reason": "all is down"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := underMaintenance(t)
			b.signal(10*time.Minute, c.message, c.payload)
			resolve(b, 11*time.Minute)
			b.start("Siren")
			require.Len(t, b.people.sequence(), 1)
			require.True(t, strings.HasPrefix(b.people.sequence()[0], "10m0s "), b.people.sequence())
		})
	}
	t.Run("IsNotPagedForWhenSomebodyTakesItOn", func(t *testing.T) {
		t.Parallel()
		b, _ := underMaintenance(t)
		b.signal(10*time.Minute, "acknowledge", in{"by": "ann"})
		resolve(b, 20*time.Minute)
		rec := b.start("Siren")
		require.Empty(t, b.people.sequence())
		require.Equal(t, []string{"fix"}, b.calls)
		require.Equal(t, "ann", rec.Incident.Owner.ID)
	})
	for name, input := range map[string]in{
		"OfTheHighestLevelIsPagedAtOnce":       {"level": "level-3"},
		"WithAnotherServiceToIsPagedAtOnce":    {"services": []string{"api", "mail"}},
		"OfNoServiceAnybodyNamedIsPagedAtOnce": {"services": []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, told := underMaintenance(t)
			b.rules = rules()
			b.rules.Services["mail"] = b.rules.Services["db"]
			resolve(b, time.Minute)
			b.start("Siren", input)
			require.Equal(t, "0s", strings.Fields(b.people.sequence()[0])[0])
			require.Empty(t, *told)
		})
	}
	t.Run("IsPagedAtOnceWhenTheMaintenanceCanNotBeTold", func(t *testing.T) {
		t.Parallel()
		b := setup(t, serviced)
		b.windows = []workflows.Window{{WorkflowID: "weekly/docs", RunID: "run", Services: []string{"api"}, Until: began.Add(time.Hour)}}
		b.env.OnSignalExternalWorkflow(mock.Anything, "weekly/docs", "run", "alert", mock.Anything).Return(errors.New("it has ended"))
		resolve(b, time.Minute)
		b.start("Siren")
		require.Equal(t, []string{"0s ann"}, b.people.sequence())
	})
}

func TestAMaintenanceWindow(t *testing.T) {
	t.Parallel()
	const weekly = `
sop: weekly
title: Weekly
within: 2h
maintenance: {services: [api, db]}
phases: [{id: a, steps: [{id: work, wait: 1h}]}]
`
	t.Run("KeepsWhatIsHeldBackBecauseOfIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t, weekly)
		b.rules = rules()
		b.signal(time.Minute, "alert", in{"key": "siren/api", "status": "firing", "summary": "the API is down"})
		b.signal(2*time.Minute, "alert", in{"key": "siren/api", "status": "resolved"})
		rec := b.start("Weekly")
		require.Len(t, rec.Window.Alerts, 1)
		require.Equal(t, "resolved", rec.Window.Alerts[0].Status)
		require.Contains(t, rec.Findings[0].Text, "held back until this has ended: the API is down")
		require.Contains(t, rec.Findings[0].Act, "orderly escalate siren/api")
		require.Equal(t, began.Add(2*time.Hour), rec.Window.Until)
	})
	t.Run("IsLongerWhenTheRunIsGivenMoreTime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, weekly)
		b.rules = rules()
		b.signal(time.Minute, "extend", in{"by": "ann", "clock": "run", "for": "1h", "reason": "the disk is slow"})
		rec := b.start("Weekly")
		require.Equal(t, began.Add(3*time.Hour), rec.Window.Until)
	})
	t.Run("IsNoneInADrill", func(t *testing.T) {
		t.Parallel()
		b := setup(t, weekly)
		rec := b.start("Weekly", in{"_drill": true})
		require.Nil(t, rec.Window)
	})
	t.Run("SaysWhichServiceNobodyKnows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(weekly, "[api, db]", "[apo, db]", 1))
		b.rules = rules()
		rec := b.start("Weekly")
		require.Equal(t, []string{"db"}, rec.Window.Services)
		require.Contains(t, rec.Findings[0].Text, `no service "apo"`)
	})
}
