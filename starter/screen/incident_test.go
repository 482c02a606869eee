package screen_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// night is an incident in the middle of things.
func night() *workflows.Record {
	ann, ben := workflows.Party{ID: "ann", Name: "Ann"}, workflows.Party{ID: "ben", Name: "Ben"}
	page := func(policy string, tier, repeat, s int, people ...workflows.PagedPerson) *workflows.Page {
		return &workflows.Page{Ladder: "incident", Policy: policy, Tier: tier, Repeat: repeat, Due: *at(s), At: *at(s), People: people, Reached: len(people) > 0}
	}
	paged := func(p workflows.Party, outcomes ...notify.Outcome) workflows.PagedPerson {
		return workflows.PagedPerson{ID: p.ID, Name: p.Name, Outcomes: outcomes}
	}
	slack, mail := notify.Outcome{Transport: "slack", State: notify.Sent}, notify.Outcome{
		Transport: "email", State: notify.Failed, Error: "connect to smtp.example.org:587: connection refused",
	}
	empty := page("level-2", 2, 0, 600)
	empty.Nobody = []string{"frontend-lead: its rotation has not begun"}
	late := page("level-2", 1, 1, 900, paged(ben, notify.Outcome{Transport: "webhook", State: notify.Sending}))
	late.At = *at(912)
	return &workflows.Record{
		Title: "Emergency response", WorkflowID: "emergency-response/api", State: workflows.Running, Started: start,
		Incident: &workflows.Incident{
			State: workflows.IncidentAcknowledged, Severity: "P1", Level: "level-2", Owner: &ann, Services: []string{"api", "database"},
			Summary: "The API answers 503 to everybody, and the queue of orders has been growing since four in the morning",
			Lease:   at(2000), UserImpact: "nobody can log in", Acknowledged: &workflows.Deed{At: *at(307), By: ann},
			Room:    &workflows.Room{ID: "C1", Name: "incident-2026-11-21"},
			Updates: []workflows.StatusUpdate{{At: *at(400), By: "Ann", Text: "We are on it."}, {At: *at(500), Drafted: true, Text: "Open for 8m, severity P1; Ann is working on it."}},
			Alerts: []*workflows.AlertSeen{
				{Key: "disk", Status: workflows.AlertResolved, Summary: "Disk is full", First: *at(10), Last: *at(30), Count: 1},
				{Key: "503", Status: workflows.AlertFiring, Summary: "API answers 503", First: *at(0), Last: *at(20), Count: 3},
			},
		},
		Ladders: []*workflows.Ladder{
			{ID: "incident", Policy: "level-2", Tier: 1, Due: *at(1200), Stopped: at(307), By: "Ann"},
			{ID: "step:restart", Cause: "Restart the API: nobody has answered", Policy: "level-2", Due: *at(1000)},
		},
		Pages: []*workflows.Page{
			page("level-1", 1, 0, 0, paged(ann, slack, mail)), page("level-2", 1, 0, 300, paged(ben)), empty, late,
		},
		Phases: []*workflows.Phase{{ID: "a", Title: "Respond", State: workflows.Running, Steps: []*workflows.Step{
			{ID: "restart", Path: "restart", Title: "Restart the API", Kind: "approve", State: workflows.Running, Ask: &workflows.Ask{
				Of: []string{"devops-lead", "backend-lead"}, Quorum: 2, Decisions: []workflows.Decision{{By: ben, Approve: true}},
			}},
			{ID: "tell", Path: "each[0].tell", Title: "Tell support", Kind: "ask", State: workflows.Running, Ask: &workflows.Ask{Question: "Tell support:\n- what is wrong, and for whom\n- when there will be more to say, which is in half an hour or when it is over", Of: []string{"support-lead"}, Also: []workflows.Party{ann}}},
			{ID: "done", Path: "done", Kind: "ask", State: workflows.Running, Ask: &workflows.Ask{Done: &workflows.Deed{By: ann}}},
		}}},
		Clocks: []*workflows.Clock{
			{ID: "acknowledge", Kind: "acknowledge", Title: "acknowledgement", Started: start, Due: *at(300), Breached: at(300), Met: at(307)},
			{ID: "resolve", Kind: "resolve", Title: "resolution", Started: start, Due: *at(14400)},
			{ID: "step:restart", Kind: "within", Title: "Restart the API", Started: *at(400), Due: *at(1000)},
			{ID: "respond", Kind: "respond", Title: "first mitigation", Started: start, Due: *at(900)},
		},
	}
}

func TestAnIncidentOnEightyColumns(t *testing.T) {
	t.Parallel()
	r, now := night(), *at(950)
	var lines []string
	for _, part := range [][]string{
		screen.Incident(r, screen.Painter{}, 80), screen.Asks{Width: 80, Now: now, Questions: true}.Lines(r),
		screen.Clocks(screen.ByDue(r.Clocks), screen.Painter{}, 80, now),
		screen.Paging(r, screen.Painter{}, 80, now), screen.Pages(r, false, screen.Painter{}, 80),
		screen.Updates(r, 1, 80), screen.Alerts(r, 80),
	} {
		lines = append(append(lines, part...), "")
	}
	for _, l := range lines {
		require.LessOrEqual(t, screen.Cells(l), 80, l)
	}
	golden(t, "incident", lines)
	require.Len(t, screen.Pages(r, true, screen.Painter{}, 80), 9)
}

func TestHowAnIncidentStandsIsSaidInWords(t *testing.T) {
	t.Parallel()
	ann := workflows.Party{ID: "ann", Name: "Ann"}
	for want, inc := range map[string]*workflows.Incident{
		"open · level-1 · nobody has it":                                             {State: workflows.IncidentOpen, Level: "level-1"},
		"P0 · resolved · level-1 · Ann":                                              {State: workflows.IncidentResolved, Severity: "P0", Level: "level-1", Owner: &ann},
		"mitigated · level-1 · Ann has it until 06:00:10Z, then Ann":                 {State: workflows.IncidentMitigated, Level: "level-1", Owner: &ann, Returns: &workflows.Return{To: ann, Until: *at(10)}},
		"acknowledged · level-1 · Ann has it, silent: paging begins again 06:00:10Z": {State: workflows.IncidentAcknowledged, Level: "level-1", Owner: &ann, Checked: at(5), Lease: at(10)},
	} {
		require.Equal(t, want, screen.Incident(&workflows.Record{Incident: inc}, screen.Painter{}, 100)[0])
	}
	require.Empty(t, screen.Incident(&workflows.Record{}, screen.Painter{}, 80))
}

func TestACommandCanBePastedIntoAShell(t *testing.T) {
	t.Parallel()
	require.Equal(t, "orderly ack emergency-response/api", screen.Command("orderly", "ack", "emergency-response/api"))
	require.Equal(t, `orderly ack 'a/b; rm -rf $HOME' 'it'\''s'`, screen.Command("orderly", "ack", "a/b; rm -rf $HOME", "it's"))
}
