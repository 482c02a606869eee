package facts_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/facts"
	"github.com/orderly-ops/orderly/workflows"
)

var began = time.Date(2026, 11, 22, 2, 14, 0, 0, time.FixedZone("", 3600))

// of makes the facts of a record of the engine, so that a field renamed there fails here.
func of(t *testing.T, rec *workflows.Record) facts.Facts {
	t.Helper()
	data, err := json.Marshal(rec)
	require.NoError(t, err)
	found, err := facts.Of(data)
	require.NoError(t, err)
	return found
}

func TestTheFactsOfARecordOfTheEngine(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	met, due, late := at(4), at(10), at(12)
	rec := &workflows.Record{
		Procedure: "emergency-response", Started: began, Ended: &late, State: workflows.Succeeded,
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Scale: "platform", Severity: "P0", Level: "level-3", Services: []string{"db", "api", "db"},
			Owner:        &workflows.Party{ID: "ana", Name: "Ana"},
			Acknowledged: &workflows.Deed{At: met, By: workflows.Party{ID: "ben"}}, Resolved: &workflows.Deed{At: late},
			Alerts: []*workflows.AlertSeen{{Key: "b"}, {Key: "a"}, {Key: "b"}},
		},
		Clocks: []*workflows.Clock{
			{Kind: "acknowledge", Due: due, Met: &met}, {Kind: "resolve", Due: due, Met: &late, Breached: &due},
			{Kind: "update", Due: due, Stopped: &late}, {Kind: "update", Due: due}, {Kind: "within", Due: due, Breached: &due},
		},
		LeftOut: workflows.LeftOut{Promises: []workflows.PastPromises{
			{Kind: "update", Kept: true, Hour: began.Truncate(time.Hour), N: 3}, {Kind: "update", Hour: late.Add(time.Hour).Truncate(time.Hour), N: 1},
			{Kind: "within", Kept: true, Hour: late, N: 7},
		}},
		Ladders: []*workflows.Ladder{{ID: "incident"}},
		Pages:   []*workflows.Page{{Kind: "notice"}, {Ladder: "step:x", Policy: "follow-up"}, {Ladder: "incident", Policy: "level-2"}, {Ladder: "incident", Policy: "level-3"}},
	}
	require.Equal(t, facts.Facts{
		Incident: &facts.Incident{
			State: "resolved", Scale: "platform", Severity: "P0", Services: []string{"api", "db"}, Opened: began.UTC(),
			Acknowledged: &facts.Deed{At: met.UTC(), By: "ben"}, Over: new(late.UTC()), Owner: "ana",
			FirstLevel: "level-2", Level: "level-3", Alerts: []string{"a", "b"},
		},
		Promises: []facts.Promise{
			{Kind: "acknowledge", Kept: true, At: met.UTC()}, {Kind: "resolve", At: due.UTC()},
			{Kind: "update", Kept: true, At: began.UTC(), N: 3}, {Kind: "update", At: late.Add(time.Hour).Truncate(time.Hour).UTC(), N: 1},
		},
	}, of(t, rec))
}

func TestARunThatNoFigureIsMadeOfHasNoFacts(t *testing.T) {
	t.Parallel()
	require.Zero(t, of(t, &workflows.Record{Procedure: "daily-check", Started: began, Clocks: []*workflows.Clock{{Kind: "within", Due: began, Breached: &began}}}))
}

func TestWhatIsAskedForInFormsIsFoundWhereverItStands(t *testing.T) {
	t.Parallel()
	done := &workflows.Deed{At: began}
	ask := func(form map[string]any) *workflows.Step {
		return &workflows.Step{Kind: "ask", Ask: &workflows.Ask{Done: done, Form: form}}
	}
	skipped := ask(map[string]any{"satisfaction": 1})
	skipped.Ask.Skipped = true
	rec := &workflows.Record{Procedure: "quarterly-talk", Started: began, Phases: []*workflows.Phase{{Steps: []*workflows.Step{
		skipped, ask(map[string]any{"present": 4}), ask(map[string]any{"satisfaction": "very"}), ask(map[string]any{"satisfaction": 0, "invited": 0, "present": 0}),
		{Kind: "each", Items: []*workflows.Item{{Steps: []*workflows.Step{ask(map[string]any{"satisfaction": 4.25})}}}},
	}}}, Finally: []*workflows.Step{{Kind: "parallel", Steps: []*workflows.Step{ask(map[string]any{"invited": 9, "present": 3})}}}}
	require.Equal(t, []facts.Review{
		{At: began.UTC(), Satisfaction: new(4.25)}, {At: began.UTC(), Invited: 9, Present: 3},
	}, of(t, rec).Reviews)
}

func TestADamagedRecordSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		``:                                    "it can't be read",
		`{"procedure": "x", "t`:               "it can't be read",
		`[]`:                                  "it can't be read",
		`{"procedure": "x"}`:                  "when that was started",
		`{"started": "2026-11-22T02:14:00Z"}`: "of which procedure",
		`{"procedure": "x", "started": "yesterday"}`:                                                                                                                              "it can't be read",
		`{"procedure": "x", "started": "0826-11-22T02:14:00Z"}`:                                                                                                                   "it was started in the year 826",
		`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "ended": "2026-11-21T02:14:00Z"}`:                                                                                  "it ended at 2026-11-21T02:14:00Z, before its start at 2026-11-22T02:14:00Z",
		`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "incident": {}}`:                                                                                                   "its incident has no state",
		`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "incident": {"state": "resolved"}}`:                                                                                "does not say when",
		`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "incident": {"state": "open", "acknowledged": {"at": "2926-11-22T02:14:00Z"}}}`:                                    "it was acknowledged in the year 2926",
		`{"procedure": "x", "started": "2026-11-22T02:14:00Z", "phases": [{"steps": [{"ask": {"done": {"at": "2026-11-22T02:14:00Z"}, "form": {"invited": 2, "present": 3}}}]}]}`: "3 of 2 invited",
	} {
		_, err := facts.Of([]byte(record))
		require.ErrorContains(t, err, want, record)
	}
}
