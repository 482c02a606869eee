package library_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/statuspage"
	"github.com/orderly-ops/orderly/workflows"
)

func TestIncidentResponse(t *testing.T) {
	t.Parallel()
	t.Run("IsSeenThroughWithTheStatusPage", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		var said []string
		for _, verb := range []string{"statuspage.open", "statuspage.update", "statuspage.resolve"} {
			b.answer(verb, func(with in) (any, error) {
				said = append(said, verb)
				require.Equal(t, "status", with["target"])
				return statuspage.Incident{ID: "inc1", Posted: true}, nil
			})
		}
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(3*time.Minute, "ana", "triage", in{"real": "yes", "severity": "P1", "commander": "ana", "services": "api"})
		b.done(6*time.Minute, "ana", "status", nil)
		b.done(20*time.Minute, "ana", "cause", in{"cause": "the new release", "remedy": "roll back"})
		b.at(22*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "rollback", "approve": true})
		b.done(30*time.Minute, "ana", "mitigated", in{"measure": "rolled back", "verified": "logged in"})
		b.at(50*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "the release was taken back"})
		rec := b.start("incident-response", in{"reason": "Nobody can log in", "statuspage": "status", "rollback": "app-rollback"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"statuspage.open", "statuspage.update", "statuspage.resolve"}, said)
		require.Equal(t, []string{"exec.run app-rollback"}, b.calls("exec.run"))
		require.Equal(t, began.Add(22*time.Minute), rec.Incident.Mitigated.At)
		require.Equal(t, "P1", rec.Incident.Severity)
		require.Nil(t, clock(t, rec, "phase:triage").Breached)
		require.Nil(t, clock(t, rec, "phase:communicate").Breached)
		require.Equal(t, began.Add(4*time.Hour), clock(t, rec, "resolve").Due)
		require.Contains(t, b.started[len(b.started)-1], "post-mortem/")
		require.Contains(t, b.asks["First status"], "You meet in #incident-2026-11-21.")
	})

	t.Run("EndsWhereTriageFindsThatItIsNone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(3*time.Minute, "ana", "triage", in{"real": "no"})
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "no incident: a test account"})
		rec := b.start("incident-response", in{"statuspage": "status"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["Triage"], `orderly resolve `+rec.WorkflowID)
		for _, p := range rec.Phases[1:] {
			require.Equal(t, workflows.Skipped, p.State, p.ID)
		}
		require.Equal(t, 10*time.Minute, rec.Ended.Sub(rec.Started), "it stays open until somebody says that it is over")
		require.Empty(t, b.calls("statuspage.open"))
		for _, id := range b.started {
			require.NotContains(t, id, "post-mortem", "there is nothing to learn from")
		}
	})

	t.Run("PagesTheSecondOnCallWhenNobodyGetsAnyFurther", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "triage", in{"real": "yes", "severity": "P2"})
		b.done(4*time.Minute, "ana", "status", nil)
		b.at(20*time.Minute, workflows.MessageNote, in{"by": "ana", "text": "still looking"}) // she is at work
		b.at(35*time.Minute, workflows.MessageResolve, in{"by": "dev", "resolution": "the second found it"})
		rec := b.start("incident-response", in{"reason": "Uploads fail"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.pages, "34m0s dev")
		require.Empty(t, b.calls("statuspage.open"), "there is no page")
	})

	t.Run("GoesOnWhenTheRollbackIsRejected", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "triage", in{"real": "yes"})
		b.done(4*time.Minute, "ana", "status", nil)
		b.done(10*time.Minute, "ana", "cause", in{"cause": "the release", "remedy": "roll back"})
		b.at(12*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "rollback", "approve": false, "reason": "it holds a migration"})
		b.done(20*time.Minute, "ana", "mitigated", in{"measure": "switched off", "verified": "tried"})
		b.at(25*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "feature switched off"})
		rec := b.start("incident-response", in{"rollback": "app-rollback"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Empty(t, b.calls("exec.run"))
		require.Contains(t, b.asks["It works again"], "The deployment is not taken back: rejected by Chloe: it holds a migration.")
	})

	t.Run("SaysWhatIsLeftOpenWhenItIsAborted", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "triage", in{"real": "yes", "severity": "P1"})
		b.at(6*time.Minute, workflows.MessageAbort, in{"by": "ana", "reason": "started twice"})
		rec := b.start("incident-response", in{"statuspage": "status"})
		require.Equal(t, workflows.Cancelled, rec.State, account(rec))
		require.Empty(t, b.calls("statuspage.resolve"))
		require.Contains(t, rec.Findings[len(rec.Findings)-1].Text, "inc1 on the status page is still open")
	})

	t.Run("LooksThoughNobodyAnswersForHours", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(6*time.Hour, workflows.MessageResolve, in{"by": "ana", "resolution": "found in the morning"})
		rec := b.start("incident-response", in{"severity": "P1"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.kept(), "containers-local.json")
		require.Greater(t, len(b.pages), 60)
		require.NotNil(t, clock(t, rec, "resolve").Breached)
	})
}

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	t.Run("GoesOnWhenNothingAnswers", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		for name := range b.answers {
			b.answer(name, func(in) (any, error) { return nil, errAway })
		}
		rec := b.start("diagnosis", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		var texts []string
		for _, f := range rec.Findings {
			texts = append(texts, f.Text)
		}
		require.Contains(t, texts, "docs-db can not be used: nobody answers")
		require.Contains(t, texts, "the containers of local could not be looked at: nobody answers")
		require.Equal(t, []string{"findings.txt", "manifest.txt"}, b.kept())
	})
	t.Run("KeepsTheLinesOfTheIllFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("docker.containers", containers(theContainers(ill("enterprise-docs-redis"))))
		rec := b.start("diagnosis", in{"containers": 1})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.logs enterprise-docs-redis"}, b.calls("docker.logs"))
	})
	t.Run("ListsItsEvidenceWithHashes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.start("diagnosis", in{})
		found, err := filepath.Glob(filepath.Join(b.dir, "*", "*manifest.txt"))
		require.NoError(t, err)
		if len(found) == 0 {
			found, err = filepath.Glob(filepath.Join(b.dir, "*manifest.txt"))
			require.NoError(t, err)
		}
		require.Len(t, found, 1)
		text, err := os.ReadFile(found[0])
		require.NoError(t, err)
		require.Regexp(t, `(?m)^[0-9a-f]{64}  \S+-containers-local\.json$`, string(text))
	})
}
