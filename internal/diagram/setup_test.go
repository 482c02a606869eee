package diagram_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// hostile are texts that mean something to Mermaid, to XML or to a terminal.
var hostile = []string{
	`"]; A --> B`, `end`, `subgraph x`, `%% a comment`, `%%{init: {"theme": "dark"}}%%`, `a;b#35;c`, `title: x`, `section y`,
	"two\nlines", `<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `&amp; &#60; "quoted" 'single'`, "`**bold**`",
	`style x:#fff;`, `classDef x fill:#fff;`, `click n1 "javascript:alert(1)"`, `{{a}} [b] (c) |d|`, "\x1b[31mred\x1b[0m\x00",
	"\u202Eevil\u202C", `]]>`, `<!-- -->`, "---\ntitle: y\n---", `:done, t1, 2026-01-01, 1d`, `\`, `日本語の手順 🚒`, `direction TB`, `fa:fa-bomb`, `$$x$$`, `a\nb`,
	`1. one`, `- one`, `*a* _b_ ~c~`, `[x](javascript:alert(1))`, `https://example.org a@example.org`, `ﬂ°°35¶ß`, "\xff\xfe", "", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
}

// parse reads a procedure that has to be valid.
func parse(t *testing.T, src string) *sops.Procedure {
	t.Helper()
	p, problems := sops.Parse("test.yaml", []byte(src), sops.Env{Catalogue: activities.Catalogue()})
	require.NoError(t, problems.Err())
	return p
}

// shipped are the procedures of the library.
func shipped(t *testing.T) []*sops.Procedure {
	t.Helper()
	lib, _ := sops.LoadLibrary([]sops.Source{{Name: "library", FS: library.FS}}, sops.Env{Catalogue: activities.Catalogue()})
	var out []*sops.Procedure
	for _, id := range lib.IDs() {
		p, _ := lib.Get(id)
		out = append(out, p)
	}
	require.NotEmpty(t, out)
	return out
}

var start = time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)

// at is a moment so long after the start.
func at(d string) *time.Time {
	length, err := time.ParseDuration(d)
	if err != nil {
		panic(err)
	}
	t := start.Add(length)
	return &t
}

func paged(id, name string, states ...notify.State) workflows.PagedPerson {
	p := workflows.PagedPerson{ID: id, Name: name}
	for i, s := range states {
		p.Outcomes = append(p.Outcomes, notify.Outcome{Transport: []string{"slack", "email"}[i], State: s})
	}
	return p
}

func page(policy string, tier int, when string, people ...workflows.PagedPerson) *workflows.Page {
	return &workflows.Page{Ladder: "incident", Kind: notify.KindPage, Policy: policy, Tier: tier, Due: *at(when), At: *at(when), People: people, Reached: true}
}

func step(id, title string, state workflows.State, from, to string) *workflows.Step {
	s := &workflows.Step{ID: id, Path: id, Title: title, Kind: "uses", State: state, Started: at(from)}
	if to != "" {
		s.Ended = at(to)
	}
	return s
}

// night is an incident that was answered late, mended, and undone in part.
func night() *workflows.Record {
	ana := workflows.Party{ID: "ana", Name: "Ana"}
	watch := step("watch", "Watch until it is well", workflows.Succeeded, "21m", "36m")
	watch.Steps = []*workflows.Step{step("answer", "It answers", workflows.Succeeded, "35m", "36m")}
	restart := step("restart", "Restart it", workflows.Failed, "4s", "12s")
	restart.Error = "connection refused"
	return &workflows.Record{
		Procedure: "emergency-response", Title: "Emergency response", WorkflowID: "emergency-response/api", State: workflows.Failed,
		Started: start, Ended: at("41m"), By: "alertmanager",
		Phases: []*workflows.Phase{
			{ID: "assess", Title: "Somebody has it", State: workflows.Succeeded, Started: at("0s"), Ended: at("21m"), Steps: []*workflows.Step{
				step("look", "What there is", workflows.Succeeded, "0s", "1s"), step("acknowledged", "Somebody has it", workflows.Succeeded, "1s", "16m"),
				restart, step("assess", "Assess the emergency", workflows.Succeeded, "16m", "21m"),
				{ID: "no", Path: "no", Title: "Not needed", State: workflows.Skipped},
			}},
			{ID: "mend", Title: "Mend it", State: workflows.Failed, Started: at("21m"), Ended: at("36m"), Steps: []*workflows.Step{watch}},
			{ID: "later", Title: "Later", State: workflows.Pending},
		},
		Finally: []*workflows.Step{step("report", "Write the report", workflows.Succeeded, "40m", "41m")},
		Clocks: []*workflows.Clock{
			{ID: "acknowledge", Kind: "acknowledge", Title: "Emergency response", Started: start, Due: *at("5m"), Breached: at("5m"), Met: at("16m")},
			{ID: "respond", Kind: "respond", Title: "Emergency response", Started: start, Due: *at("30m"), Met: at("21m")},
			{ID: "step:assess", Kind: "within", Title: "Assess the emergency", Started: *at("16m"), Due: *at("21m30s"), Stopped: at("21m")},
		},
		Pages: []*workflows.Page{
			page("level-1", 1, "0s", paged("ana", "Ana", notify.Sent, notify.Failed)),
			page("level-1", 2, "5m", paged("ben", "Ben", notify.Failed, notify.Failed), paged("chloe", "Chloe", notify.Sent)),
			page("level-2", 1, "15m", paged("ana", "Ana", notify.Sent), paged("hugo", "Hugo")),
		},
		Timeline: []workflows.Event{
			{At: start, Kind: "run", By: "alertmanager", Text: "started by alertmanager"},
			{At: *at("16m"), Kind: "message", By: "Ana", Text: "acknowledged by Ana"},
			{At: *at("20m"), Kind: "note", By: "Dora", Text: "I am on my way"},
		},
		Undo:     []*workflows.Step{step("undo:change", "Undo: Change it", workflows.Succeeded, "38m", "39m"), step("undo:move", "Undo: Move it", workflows.Failed, "37m", "38m")},
		Rollback: &workflows.Rollback{State: workflows.Failed, Started: *at("36m"), Ended: at("40m")},
		Incident: &workflows.Incident{State: workflows.IncidentAcknowledged, Severity: "P1", Level: "level-2", Owner: &ana, Summary: "The API answers 503"},
		Failure:  &workflows.Failure{Phase: "mend", Step: "restart", Message: "connection refused"},
	}
}

// month is a run of a month in which nobody ever answered.
func month() *workflows.Record {
	rec := night()
	rec.Pages, rec.Ended = nil, at("720h")
	for i := range 8640 {
		rec.Pages = append(rec.Pages, page("level-3", 1, fmt.Sprintf("%dm", 5*i), paged("ana", "Ana", notify.Sent), paged(fmt.Sprintf("p%d", i%200), "Somebody", notify.Sent)))
	}
	for i := range 1440 {
		rec.Clocks = append(rec.Clocks, &workflows.Clock{ID: fmt.Sprintf("update:%d", i), Started: *at(fmt.Sprintf("%dm", 30*i)), Due: *at(fmt.Sprintf("%dm", 30*i+30)), Breached: at(fmt.Sprintf("%dm", 30*i+30))})
	}
	return rec
}
