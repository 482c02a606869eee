package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/docker"
	"github.com/orderly-ops/orderly/workflows"
)

// handled lets Ana take an emergency and see it through, beginning after a while.
func handled(b *bench, from time.Duration) {
	b.at(from, workflows.MessageAcknowledge, in{"by": "ana"})
	b.done(from+2*time.Minute, "ana", "assess", in{
		"severity": "P1", "services": "api", "users": "everybody", "user_impact": "high", "business_impact": "medium"})
	b.done(from+5*time.Minute, "ana", "mitigate", in{"measure": "restarted"})
	b.done(from+6*time.Minute, "ana", "tell", in{"estimate": "03:00"})
	b.done(from+20*time.Minute, "ana", "cause", in{"cause": "a full disk", "plan": "rotate the logs"})
	b.done(from+30*time.Minute, "ana", "fix", in{"done": "logs are rotated"})
	b.at(from+45*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "logs are rotated now"})
}

func TestEmergencyResponse(t *testing.T) {
	t.Parallel()
	t.Run("IsSeenThroughFromTheAlarmToTheReport", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		handled(b, 2*time.Minute)
		rec := b.start("emergency-response", in{"reason": "The API is down"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, []string{"0s ana"}, b.pages, "she acknowledged before anybody else was due")
		require.Equal(t, "The API is down", rec.Incident.Summary)
		require.Equal(t, "high", rec.Incident.UserImpact)
		require.Equal(t, []string{"api"}, rec.Incident.Services)
		require.Nil(t, clock(t, rec, "phase:assess").Breached, "assessed after 4 minutes")
		require.Equal(t, began.Add(15*time.Minute), clock(t, rec, "respond").Due)
		require.Equal(t, began.Add(7*time.Minute), clock(t, rec, "respond").Met.UTC())
		require.Equal(t, workflows.Succeeded, step(t, rec, "watch").State)
		require.Contains(t, b.started, "post-mortem/"+strings.ReplaceAll(rec.WorkflowID, "/", ".")+".2026-11-21T02:14:00Z")
		require.Empty(t, b.calls("docker.restart"), "nothing was ill")
		require.Equal(t, []string{
			"cache-docs-cache.json", "containers-local.json", "database-docs-db.json", "findings.txt", "host.json",
			"http-docs-api.json", "manifest.txt", "stats-local.json",
		}, b.kept())
	})

	t.Run("LooksAndKeepsWhatItSeesThoughNobodyAnswersForHours", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		var seen []string
		b.env.RegisterDelayedCallback(func() { seen = b.kept() }, time.Minute)
		handled(b, 5*time.Hour)
		rec := b.start("emergency-response", in{"reason": "The API is down"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, seen, "containers-local.json", "a minute after the start")
		require.Contains(t, seen, "manifest.txt")
		require.Equal(t, []string{"0s ana", "5m0s ben", "5m0s chloe", "5m0s ella", "10m0s ana", "10m0s gita", "10m0s ben"}, b.pages[:7])
		require.Greater(t, len(b.pages), 60, "all hands again and again")
		require.NotNil(t, clock(t, rec, "acknowledge").Breached)
		require.NotNil(t, clock(t, rec, "respond").Breached)
		require.NotNil(t, clock(t, rec, "phase:assess").Breached)
		require.Equal(t, began.Add(5*time.Hour), rec.Incident.Acknowledged.At)
	})

	t.Run("RestartsWhatIsIllAndTakesThatForTheFirstMitigation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("docker.containers", containers(theContainers(ill("enterprise-docs-api"))))
		handled(b, 40*time.Minute)
		rec := b.start("emergency-response", in{"reason": "The API is down", "services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.restart enterprise-docs-api"}, b.calls("docker.restart"))
		require.Equal(t, workflows.Succeeded, step(t, rec, "recovery[0].answers").State)
		require.Nil(t, clock(t, rec, "respond").Breached, "nobody had answered, and still it was mitigated")
		require.Less(t, rec.Incident.Mitigated.At.Sub(began), 5*time.Minute)
		require.Greater(t, len(b.pages), 5, "people are paged all the same")
		require.Contains(t, b.asks["Assess the emergency"], "API: restarted, and it works again")
		require.Contains(t, b.asks["Assess the emergency"], "- enterprise-docs-api fails its own health check")
	})

	t.Run("RestartsTheServiceThatDoesNotAnswer", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", answering(false))
		b.answer("docker.restart", func(with in) (any, error) {
			b.answer("http.check", answering(true))
			return restarting(nil)(with)
		})
		handled(b, 3*time.Minute)
		rec := b.start("emergency-response", in{"reason": "The API is down"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.restart enterprise-docs-api"}, b.calls("docker.restart"), "the database and the cache were well")
	})

	t.Run("SaysSoWhenRestartingDoesNotHelp", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("docker.containers", containers(theContainers(ill("enterprise-docs-api"), docker.Container{Name: "enterprise-docs-db", State: "exited", ExitCode: 1})))
		b.answer("http.check", answering(false))
		b.answer("docker.restart", func(with in) (any, error) {
			if with["container"] == "enterprise-docs-db" {
				return nil, errAway
			}
			return restarting(nil)(with)
		})
		handled(b, 6*time.Minute)
		rec := b.start("emergency-response", in{"reason": "All is down"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, workflows.Failed, step(t, rec, "recovery[0].answers").State)
		require.Contains(t, b.asks["Assess the emergency"], "API: restarted, which did not help")
		require.Contains(t, b.asks["Assess the emergency"], "Database: restarted, which did not help")
		require.Equal(t, began.Add(11*time.Minute), rec.Incident.Mitigated.At, "only what Ana did helped")
	})

	t.Run("RestartsNothingWhenItIsTold", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("docker.containers", containers(theContainers(ill("enterprise-docs-api"))))
		handled(b, time.Minute)
		rec := b.start("emergency-response", in{"restart": false})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Empty(t, b.calls("docker.restart"))
	})

	t.Run("RunsWhereNothingIsConfigured", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		handled(b, time.Minute)
		rec := b.start("emergency-response", in{"reason": "The building is dark"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"host.resources"}, b.called)
	})

	t.Run("EndsWhenItIsResolvedEarly", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(3*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "it was a test"})
		rec := b.start("emergency-response", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, 3*time.Minute, rec.Ended.Sub(rec.Started))
		for _, p := range rec.Phases[1:] {
			require.Equal(t, workflows.Skipped, p.State, p.ID)
		}
	})

	t.Run("TakesADeploymentBackOnlyWhenALeadAgrees", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "assess", in{"users": "all", "user_impact": "high", "business_impact": "high", "deployment": true, "isolate": true})
		b.done(3*time.Minute, "ana", "isolate", in{"what": "the new node"})
		b.at(4*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "rollback", "approve": true})
		b.at(20*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "rolled back"})
		rec := b.start("emergency-response", in{"rollback": "app-rollback"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"exec.run app-rollback"}, b.calls("exec.run"))
		require.Equal(t, began.Add(4*time.Minute), rec.Incident.Mitigated.At)
	})

	t.Run("ChangesNothingInADrill", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("docker.containers", containers(theContainers(ill("enterprise-docs-api"))))
		b.answer("docker.restart", func(with in) (any, error) {
			require.Equal(t, true, with["dry_run"])
			return docker.Restart{DryRun: true}, nil
		})
		handled(b, time.Minute)
		rec := b.start("emergency-response", in{"_drill": true})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, workflows.Skipped, step(t, rec, "recovery[0].answers").State)
	})
}
