package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

var update = flag.Bool("update", false, "write the golden reports anew")

// night is when the incident of these tests began; made is when its reports are written.
var (
	night = time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	made  = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
)

func at(minutes int) time.Time        { return night.Add(time.Duration(minutes) * time.Minute) }
func atPtr(minutes int) *time.Time    { t := at(minutes); return &t }
func ptr[T any](v T) *T               { return &v }
func raw(v any) json.RawMessage       { data, _ := json.Marshal(v); return data }
func by(id, n string) workflows.Party { return workflows.Party{ID: id, Name: n} }

// theNight is an emergency in which nobody answered for a while, one step failed, and something was undone.
func theNight() *workflows.Record {
	ana, ben := by("ana", "Ana"), by("ben", "Ben")
	asked := &workflows.Ask{
		Question: "Say how bad it is.", Of: []string{"incident.owner"}, Done: &workflows.Deed{At: at(9), By: ana},
		Fields: map[string]sops.FormField{"users": {Type: "string", Title: "Who is affected"}, "cause": {Type: "text", Title: "Why it happened"}},
		Form:   map[string]any{"users": "everybody who logs in", "cause": "the certificate of the login ran out", "deployment": false},
	}
	hash := "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	return &workflows.Record{
		Engine: "1.0.0", Procedure: "emergency-response", Title: "Emergency response", File: "emergency-response.yaml",
		Digest: "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", WorkflowID: "emergency-response/main",
		RunID: "0198c2f4-0000-7000-8000-000000000001", Key: "main", By: "alertmanager", State: workflows.Succeeded,
		Started: night, Ended: atPtr(96), Inputs: map[string]any{"reason": "The API is down"},
		Phases: []*workflows.Phase{{ID: "assess", Title: "Somebody has it", State: workflows.Succeeded, Started: atPtr(0), Ended: atPtr(9), Steps: []*workflows.Step{
			{ID: "diagnosis", Path: "diagnosis", Title: "Look at everything", Kind: "run", Action: "diagnosis", State: workflows.Failed, Started: atPtr(0), Ended: atPtr(2), Error: "pg: connection refused"},
			{ID: "restart", Path: "restart", Title: "Restart the API", Kind: "uses", Action: "docker.restart", State: workflows.Succeeded, Started: atPtr(2), Ended: atPtr(3)},
			{ID: "assess", Path: "assess", Title: "Assess the emergency", Kind: "ask", State: workflows.Succeeded, Started: atPtr(7), Ended: atPtr(9), Ask: asked},
		}}},
		Finally: []*workflows.Step{{
			ID: "evidence", Path: "evidence", Title: "List the evidence", Kind: "uses", Action: manifestAction, State: workflows.Succeeded, Started: atPtr(96), Ended: atPtr(96),
			Outputs: raw(manifest{Key: "emergency-response/main/manifest.txt", SHA256: hash, Count: 1, Artifacts: []Evidence{{Key: "emergency-response/main/logs-api.txt", SHA256: hash, Bytes: 48211}}}),
		}},
		Undo: []*workflows.Step{{ID: "undo:isolate", Path: "undo:isolate", Title: "Undo: cut off the API", Kind: "undo", Action: "docker.connect", State: workflows.Failed, Error: "no such network"}},
		Clocks: []*workflows.Clock{
			{ID: "acknowledge", Kind: "acknowledge", Title: "Somebody has it", Started: night, Due: at(5), Met: atPtr(7), Breached: atPtr(5), Lateness: "0s"},
			{ID: "respond", Kind: "respond", Title: "The first thing that helps", Started: night, Due: at(15), Met: atPtr(11)},
			{ID: "update:1", Kind: "update", Title: "Status update", Started: night, Due: at(30), Stopped: atPtr(20), Extended: []workflows.Extension{{At: at(15), By: "Ana", For: "15m", Reason: "on the phone"}}},
		},
		Incident: &workflows.Incident{
			State: workflows.IncidentResolved, Summary: "The API is down", Scale: "platform", Severity: "P1", Level: "level-2", Services: []string{"api", "web"},
			UserImpact: "high", BusinessImpact: "medium", Owner: &ana, Since: night, Acknowledged: &workflows.Deed{At: at(7), By: ana},
			Mitigated: &workflows.Deed{At: at(11), By: ana, Text: "restarted"}, Resolved: &workflows.Deed{At: at(95), By: ana, Text: "the certificate was renewed"},
			Updates:  []workflows.StatusUpdate{{At: at(18), By: "Ana", Text: "We know why and are at it."}, {At: at(60), Drafted: true, Text: "Still at it."}},
			Alerts:   []*workflows.AlertSeen{{Key: "api-down", Status: "resolved", Summary: "API does not answer", First: night, Last: at(90), Count: 12, Resolved: atPtr(92)}},
			Involved: []workflows.Party{ana, ben},
		},
		Pages: []*workflows.Page{
			{ID: "p1", Ladder: "incident", Kind: notify.Kind("page"), Policy: "level-1", Tier: 1, Due: night, At: night, Reached: true, People: []workflows.PagedPerson{
				{ID: "ben", Name: "Ben", As: "maintenance-coordinator", Outcomes: []notify.Outcome{{Transport: "slack", State: notify.Sent}, {Transport: "email", State: notify.Failed, Error: "mailbox full"}}}}},
			{ID: "p2", Ladder: "incident", Kind: notify.Kind("page"), Policy: "level-1", Tier: 2, Due: at(5), At: at(5), Reached: true, People: []workflows.PagedPerson{
				{ID: "ana", Name: "Ana", As: "backend-lead", Outcomes: []notify.Outcome{{Transport: "slack", State: notify.Sent}}}}},
		},
		Findings: []workflows.Finding{{At: at(2), Severity: "critical", Check: "certificate", Text: "it ran out today", Act: "renew it"},
			{At: at(5), Severity: "warning", Check: "clock acknowledge", Text: "Somebody has it: not done within 5m", Act: "see what holds it up"},
			{At: at(6), Severity: "warning", Check: "clock update:0", Text: "a promise that the record has left out: not done within 5m"}},
		Timeline: []workflows.Event{
			{At: night, Kind: "run", Text: "Emergency response: started"},
			{At: night, Kind: "page", Text: "paged tier 1 of level-1: Ben (slack)"},
			{At: at(2), Kind: "step", Text: "Restart the API: started"},
			{At: at(5), Kind: "clock", Text: "Somebody has it: not done within 5m"},
			{At: at(5), Kind: "finding", Text: "warning: clock acknowledge: Somebody has it: not done within 5m"},
			{At: at(7), Kind: "incident", By: "Ana", Text: "acknowledged by Ana"},
			{At: at(30), Kind: "note", By: "Ana", Text: "the log says: x509 | certificate has *expired*"},
			{At: at(95), Kind: "incident", By: "Ana", Text: "resolved by Ana: the certificate was renewed"},
		},
	}
}

// whole is what people have said in the end.
func whole() Answers {
	return Answers{
		Summary: "Nobody could log in for an hour and a half.\n\nThe login's certificate had run out; the API answered 502.",
		Users:   "all who logged in: about 1,200", Business: "orders came in late", Figures: "12,034 requests failed", Cause: "The certificate was renewed by hand, and nobody owned that.",
		Factors: "The alarm for certificates was muted.", Well: "The restart helped for twenty minutes.", Improve: "Renew by itself.", Lessons: "What nobody owns breaks at night.",
		Items: []Item{{What: "Renew certificates by a job", Who: "backend-lead", Due: "2026-12-01"}, {What: "Unmute the alarm", Who: "ben", Due: "2026-11-23", Status: ItemDone, Note: "done on Monday"}},
	}
}

// golden compares a document in both forms with what is kept.
func golden(t *testing.T, name string, d *Document) {
	t.Helper()
	page, err := d.HTML()
	require.NoError(t, err)
	for ending, got := range map[string][]byte{".md": d.Markdown(), ".html": page} {
		file := filepath.Join("testdata", name+ending)
		if *update {
			require.NoError(t, os.WriteFile(file, got, 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err, "run the test with -update")
		require.Equal(t, string(want), string(got), file)
	}
}

// fill puts a text into every text that a value can hold, and makes one of everything that can be there. Depth
// bounds steps within steps.
func fill(v reflect.Value, text string, depth int) {
	if !v.CanSet() {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(night))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(raw(map[string]any{"key": text, "sha256": text, "count": 2, "artifacts": []Evidence{{Key: text, SHA256: text, Locked: text}}})))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), text, depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, depth)
		}
	case reflect.Slice:
		if depth > 1 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), text, depth-1)
		}
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		fill(one, text, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), one)
	case reflect.Interface:
		v.Set(reflect.ValueOf(text))
	}
}

// filled is a record with a text in every place.
func filled(text string) *workflows.Record {
	var rec workflows.Record
	fill(reflect.ValueOf(&rec).Elem(), text, 7)
	for _, s := range []*workflows.Step{rec.Phases[0].Steps[0], rec.Finally[0]} {
		s.State, s.Action, s.Ask.Skipped = workflows.Succeeded, manifestAction, false
	}
	rec.State, rec.Incident.Reopened = workflows.Failed, nil
	return &rec
}
