package report

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

func TestAnIncidentIsFoundByWhenItBegan(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	for _, day := range []int{3, 20} {
		rec := outage("emergency-response/main", november(day, 2))
		rec.Incident.Summary = rec.Started.Format(time.DateOnly)
		d.keepRecord(t, rec)
	}
	begin := november(3, 2)
	out, err := called(t, d.incident, IncidentInput{About: About{Incident: "emergency-response/main", Started: &begin}, Answers: write.Answers{Cause: "TBD", Lessons: "look twice"}})
	require.NoError(t, err)
	require.Contains(t, d.kept(t, out.Key), "# Incident report: 2026-11-03\n")
	require.Equal(t, []string{"impact on users", "impact on the business", "root cause", "action items"}, out.Unanswered, "TBD is no answer")
	require.False(t, out.Answered)
	require.Equal(t, "look twice", out.Answers.Lessons)
	newest, err := called(t, d.postMortem, IncidentInput{About: About{Incident: "emergency-response/main"}, Said: &out.Answers, Answers: write.Answers{Cause: "an old certificate"}})
	require.NoError(t, err)
	require.Contains(t, d.kept(t, newest.Key), "# Post-mortem: 2026-11-20\n")
	require.Equal(t, write.Answers{Cause: "an old certificate", Lessons: "look twice"}, newest.Answers, "what is said later counts more")
}

func TestARecordThatIsNotThereYetIsLookedForAgain(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	about := About{Incident: "emergency-response/main"}
	_, err := called(t, d.incident, IncidentInput{About: about})
	require.ErrorContains(t, err, "run emergency-response/main: no such run in the journal (yet)")
	testenv.RequireTransient(t, err)
	about.WithoutRecord = true
	out, err := called(t, d.incident, IncidentInput{About: about})
	require.NoError(t, err)
	require.Contains(t, out.Missing, "the record of the run: the journal does not have it, so there is no timeline")
	require.NotContains(t, out.Unanswered, "the record of the run: the journal does not have it, so there is no timeline", "nobody can be asked for it")
}

func TestADamagedRecordIsNamed(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.ran(t, journal.Run{WorkflowID: "emergency-response/main", Procedure: "emergency-response", State: "succeeded", Record: []byte(`{"procedure": "x", "phases": [null]}`)}, 1)
	_, err := called(t, d.incident, IncidentInput{About: About{Incident: "emergency-response/main", WithoutRecord: true}})
	require.ErrorContains(t, err, "emergency-response/main@")
	require.ErrorContains(t, err, "the record is damaged")
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestASecurityReportListsItsEvidence(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.keepRecord(t, outage("security-response/main", november(3, 2)))
	out, err := called(t, d.security, SecurityInput{About: About{Incident: "security-response/main"}, Security: write.Security{
		Scope: "one container", NotDone: []string{"the memory was not kept"}, Manifest: "m.txt", Evidence: []write.Evidence{{Key: "a.tar", SHA256: "9f86", Bytes: 3, Locked: "2027-11-22"}},
	}})
	require.NoError(t, err)
	text := d.kept(t, out.Key)
	for _, want := range []string{"| a.tar | 3 | 9f86 | 2027-11-22 |", "- the memory was not kept", "one container", "## Data\n\n**missing**\n"} {
		require.Contains(t, text, want)
	}
	require.Contains(t, out.Unanswered, "recovery, and how it was checked")
}

func TestSecretsAreTakenOutBeforeMarkupIsPutAroundThem(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	const secret = "pa_ss<word>&*1"
	cfg := &config.Config{File: "orderly.yaml", Artifacts: config.Artifacts{Dir: d.dir}}
	cfg.Targets.Redis = map[string]config.Redis{"cache": {URL: config.NewSecret(secret)}}
	d.keeper = artifact.NewKeeper(cfg)
	rec := outage("emergency-response/main", november(3, 2))
	rec.Timeline[0].Text = "tried with " + secret
	d.keepRecord(t, rec)
	out, err := called(t, d.incident, IncidentInput{About: About{Incident: "emergency-response/main"}})
	require.NoError(t, err)
	for _, key := range []string{out.Key, out.HTML, out.Model} {
		text := d.kept(t, key)
		require.Contains(t, text, "tried with")
		require.NotContains(t, text, "ss&lt;word", key)
		require.NotContains(t, text, `pa\_ss`, key)
		require.NotContains(t, text, secret, key)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	o, problems := sops.ParseOrg("org.yaml", []byte("people: {ann: {name: Ann Example, email: ann@example.org}}\nroles: {backend-lead: {title: Backend, primary: ann}}\nteams: {leads: [backend-lead]}\n"))
	require.NoError(t, problems.Err())
	a := actions{org: func() (*sops.Org, error) { return o, nil }}
	for text, want := range map[string]string{
		"renew it | backend-lead | 2026-12-01\n- own it | Ann Example | 2026-12-02\n\n* see it|leads|2026-12-03": `[]`,
		"none":                            `[]`,
		"":                                `["there is no item; write \"none\" when nothing has to be done"]`,
		"renew it":                        `["line 1, \"renew it\": it takes three parts, what | who | YYYY-MM-DD, and has 1"]`,
		"a | b | c | d":                   `["line 1, \"a | b | c | d\": it takes three parts, what | who | YYYY-MM-DD, and has 4"]`,
		"renew it | backend-lead | soon":  `["line 1, \"renew it | backend-lead | soon\": \"soon\" is no day such as 2026-12-01"]`,
		"TBD | backend-lead | 2026-12-01": `["line 1, \"TBD | backend-lead | 2026-12-01\": it does not say what is done"]`,
		"it |  | 2026-12-01":              `["line 1, \"it |  | 2026-12-01\": it does not say who does it"]`,
		"it | backend-led | 2026-12-01":   `["line 1, \"it | backend-led | 2026-12-01\": org.yaml has no role, team or person \"backend-led\"; did you mean \"backend-lead\"?"]`,
	} {
		out, err := called(t, a.items, ItemsInput{Text: text})
		require.NoError(t, err)
		got, err := json.Marshal(out.Problems)
		require.NoError(t, err)
		require.JSONEq(t, want, string(got), text)
		require.Equal(t, want == `[]`, out.OK)
	}
	out, err := called(t, a.items, ItemsInput{Text: "own it | Ann Example | 2026-12-02"})
	require.NoError(t, err)
	require.Equal(t, "ann", out.Items[0].Who)
	require.Equal(t, time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC), out.Items[0].At)
	_, err = called(t, actions{}.items, ItemsInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
}

func TestPeopleAreToldWhereAReportIs(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.keepRecord(t, outage("emergency-response/main", november(3, 2)))
	out, err := called(t, d.incident, IncidentInput{About: About{Incident: "emergency-response/main"}})
	require.NoError(t, err)
	page, err := os.ReadFile(out.Where)
	require.NoError(t, err)
	require.Contains(t, string(page), "<h1>Incident report: The API is down</h1>")
	cfg := &config.Config{Artifacts: config.Artifacts{S3: "backups", Prefix: "artifacts/"}}
	cfg.Targets.S3 = map[string]config.S3{"backups": {Bucket: "docs-backups"}}
	require.Equal(t, "s3://docs-backups/artifacts/a/b.html", artifact.NewKeeper(cfg).Where("a/b.html"))
}

func TestARunThatIsOpenIsAskedItself(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	open := outage("emergency-response/main", november(20, 2))
	open.State, open.Incident.Summary = "running", "The newest"
	d.ask = func(_ context.Context, id string) (json.RawMessage, error) {
		if id != open.WorkflowID {
			return nil, errors.New("no such run")
		}
		return json.Marshal(open)
	}
	older := outage("emergency-response/main", november(3, 2))
	d.keepRecord(t, older)
	report := func(started *time.Time) string {
		out, err := called(t, d.incident, IncidentInput{About: About{Incident: "emergency-response/main", Started: started}})
		require.NoError(t, err)
		return d.kept(t, out.Key)
	}
	require.Contains(t, report(&open.Started), "# Incident report: The newest\n")
	require.Contains(t, report(&open.Started), "The run was still going on")
	require.Contains(t, report(&older.Started), "# Incident report: The API is down\n", "the one that began then is over")
	_, err := called(t, d.incident, IncidentInput{About: About{Incident: "nowhere/else"}})
	testenv.RequireTransient(t, err)
}

func TestWhoeverIsAskedAgainOnlyAddsWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	d.keepRecord(t, outage("emergency-response/main", november(3, 2)))
	o, problems := sops.ParseOrg("org.yaml", []byte("people: {ann: {name: Ann Example, email: ann@example.org}}\n"))
	require.NoError(t, problems.Err())
	d.org = func() (*sops.Org, error) { return o, nil }
	round := func(form map[string]any) *workflows.Step {
		return &workflows.Step{ID: "account", Ask: &workflows.Ask{Done: &workflows.Deed{}, Form: form}}
	}
	asking := &workflows.Record{Procedure: "post-mortem", WorkflowID: "default-test-workflow-id", Started: november(3, 4), Phases: []*workflows.Phase{{Steps: []*workflows.Step{{
		ID: "reported", Kind: "repeat",
		Earlier: []*workflows.Step{round(map[string]any{"users": "all", "cause": "TBD", "lessons": "look once", "items": "own it | ann | 2026-12-02"})},
		Steps:   []*workflows.Step{round(map[string]any{"users": "", "cause": "a certificate", "lessons": "look twice", "items": ""})},
	}}}}}
	d.ask = func(_ context.Context, id string) (json.RawMessage, error) {
		require.Equal(t, asking.WorkflowID, id)
		return json.Marshal(asking)
	}
	items, err := called(t, d.items, ItemsInput{})
	require.NoError(t, err)
	require.Equal(t, 1, items.Count, items.Problems)
	out, err := called(t, d.postMortem, IncidentInput{
		About: About{Incident: "emergency-response/main"}, Answers: write.Answers{Cause: "a certificate", Lessons: "look twice", Items: []write.Item{items.Items[0].Item}},
	})
	require.NoError(t, err)
	require.Equal(t, "all", out.Answers.Users)
	require.Equal(t, "look twice", out.Answers.Lessons, "what is said later counts more")
	require.NotContains(t, out.Unanswered, "impact on users")
	require.Contains(t, d.kept(t, out.Key), "- Users: all\n")
}
