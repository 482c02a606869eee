package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

func TestWhatAFormFillsInByItselfIsNobodysStatement(t *testing.T) {
	t.Parallel()
	step := &workflows.Step{Ask: &workflows.Ask{
		Done: &workflows.Deed{At: night, By: by("ana", "Ana")},
		Fields: map[string]sops.FormField{
			"a": {Type: "bool", Title: "deployed?"}, "b": {Type: "bool", Title: "sure?", Required: true}, "c": {Type: "number", Title: "how many"},
			"d": {Type: "bool", Title: "cut off?"}, "e": {Type: "choice", Title: "how", Default: "by hand"}, "f": {Type: "number", Title: "lost", Required: true}, "g": {Type: "text", Title: "besides"},
		},
		Form: map[string]any{"a": false, "b": false, "c": 0.0, "d": true, "e": "by hand", "f": 0.0, "g": ""},
	}}
	require.Equal(t, []Fact{
		fact("deployed?", "no, or not said"), fact("sure?", "no"), fact("how many", "0, or not said"), fact("cut off?", "yes"), fact("how", "by hand, or not said"), fact("lost", "0"),
	}, formOf(step))
}

func TestAGuessAtTriageIsNoRootCause(t *testing.T) {
	t.Parallel()
	rec := theNight()
	ask := rec.Phases[0].Steps[2].Ask
	ask.Fields["cause"] = sops.FormField{Type: "choice", Options: []string{"a deployment", "something else"}}
	ask.Form["cause"] = "something else"
	require.Contains(t, Incident(rec, Answers{}, made).Unanswered(), "root cause")
}

func TestAnAbortedIncidentSaysWhoGaveItUpAndWhy(t *testing.T) {
	t.Parallel()
	rec := theNight()
	rec.State, rec.Incident.State, rec.Incident.Resolved = workflows.Cancelled, workflows.IncidentAborted, nil
	rec.Aborted = &workflows.Deed{At: at(96), By: by("ana", "Ana"), Text: "started by mistake"}
	text := string(Incident(rec, Answers{}, made).Markdown())
	require.Contains(t, text, "- Status: aborted 2026-11-21 03:50:00")
	require.Contains(t, text, "- Aborted: 2026-11-21 03:50:00 by Ana, +1h36m: started by mistake")
	require.Contains(t, text, "- Resolved: never")
}

func TestRunsThatItStartedAreNamed(t *testing.T) {
	t.Parallel()
	rec := theNight()
	rec.Phases[0].Steps[0].Child = &workflows.Child{WorkflowID: "diagnosis/main-diagnosis"}
	require.Contains(t, string(Incident(rec, Answers{}, made).Markdown()), "connection refused; its own account: diagnosis/main-diagnosis |")
}

func TestLatenessIsReadable(t *testing.T) {
	t.Parallel()
	for kept, want := range map[string]string{"": "0s", "41.879861ms": "42ms", "2m0.0004s": "2m", "long": "long"} {
		require.Equal(t, want, lateness(&workflows.Clock{Lateness: kept}))
	}
}

func TestThePostMortemsOfARunAreThoseItStarted(t *testing.T) {
	t.Parallel()
	rec := theNight()
	require.Empty(t, PostMortems(rec))
	rec.Finally = append(rec.Finally,
		&workflows.Step{Kind: "start", Action: PostMortemProcedure, State: workflows.Failed},
		&workflows.Step{Kind: "start", Action: PostMortemProcedure, State: workflows.Succeeded, Child: &workflows.Child{WorkflowID: "post-mortem/main"}})
	require.Equal(t, []string{"post-mortem/main"}, PostMortems(rec))
}

func TestAnIncidentThatGoesOnOwesNoPostMortemYet(t *testing.T) {
	t.Parallel()
	rec := theNight()
	rec.State, rec.Ended, rec.Incident.State, rec.Incident.Resolved = workflows.Running, nil, workflows.IncidentOpen, nil
	m := Gather(night.AddDate(0, 0, -1), made)
	m.Take("it", rec.Procedure, raw(rec))
	incidents, _, leftOut := m.Done()
	require.Empty(t, leftOut)
	require.Len(t, incidents, 1)
	require.Equal(t, "not owed yet: it goes on", incidents[0].Report)
}

func TestAStepThatWasSkippedIsNoLineOfAReport(t *testing.T) {
	t.Parallel()
	rec := theNight()
	rec.Timeline = append(rec.Timeline,
		workflows.Event{At: at(3), Kind: "step", Text: `Cut off the rest: skipped: its condition does not hold: steps.more.status == "failed"`},
		workflows.Event{At: at(4), Kind: "step", Text: "Restart it: failed after 12s: no space left on device"})
	text := string(Incident(rec, Answers{}, made).Markdown())
	require.NotContains(t, text, "its condition does not hold")
	require.Contains(t, text, "| Restart it: failed after 12s: no space left on device |")
}

func TestASecurityReportHasWhatPeopleHaveSaidSoFar(t *testing.T) {
	t.Parallel()
	rec := theNight()
	ask := func(form map[string]any) *workflows.Step {
		return &workflows.Step{Ask: &workflows.Ask{Done: &workflows.Deed{At: at(9), By: by("ana", "Ana")}, Form: form}}
	}
	rec.Phases[0].Steps = append(rec.Phases[0].Steps,
		ask(map[string]any{"scope": "two containers", "data": "TBD", "breach": "a stolen key"}),
		ask(map[string]any{"revoked": "all keys of <b>Ben</b>"}), ask(map[string]any{"reviewed": "all roles"}), ask(map[string]any{"checked": "built anew"}))
	text := string(SecurityReport(rec, Security{Recovery: "from the image"}, Answers{}, made).Markdown())
	for _, want := range []string{
		"## Scope\n\ntwo containers\n", "## Data\n\n**missing**\n", "## Notification\n\na stolen key\n",
		"## Containment\n\nTaken away: all keys of &lt;b&gt;Ben&lt;/b&gt;\\\nPermissions: all roles\n", "## Recovery\n\nfrom the image\n",
	} {
		require.Contains(t, text, want)
	}
}
