package library_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/http"
	"github.com/orderly-ops/orderly/workflows"
)

// slow answers in that many milliseconds until something is done about it.
func slow(b *bench, mean float64) answerer {
	return func(with in) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return http.CheckOutput{Target: with["target"].(string), OK: true, Reachable: true, Samples: 10, Succeeded: 10, Mean: mean, Max: mean,
			Statuses: []http.StatusCount{}, Failures: []http.Failure{}}, nil
	}
}

func TestPerformanceResponse(t *testing.T) {
	t.Parallel()
	t.Run("ShowsWhoeverTakesItWhereTheTimeGoes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", slow(b, 6100))
		b.answer("postgres.pool", func(in) (any, error) {
			return in{"ok": false, "why": []any{"91 % of the connections are in use"}, "percent": 91}, nil
		})
		b.at(3*time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.at(9*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "seen enough"})
		rec := b.start("performance-response", in{"reason": "docs-api takes 6100 ms to answer"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		asked := b.asks["What helps now?"]
		require.Contains(t, asked, "- answers: docs-api takes 6.1 s to answer, the slowest 6.1 s")
		require.Contains(t, asked, "- connections: 91 % of the connections are in use")
		require.NotContains(t, asked, "org.yaml this is", "it is at the level that its rules say")
		require.Equal(t, began.Add(15*time.Minute), clock(t, rec, "respond").Due)
		require.Equal(t, []string{"analysis.json", "manifest.txt"}, b.kept())
		require.NotContains(t, b.started, "monitor/all", "answers were not good again: that is not to be watched for a day")
	})

	t.Run("TakesNothingForAnImprovementThatIsStillSlow", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", slow(b, 2500))
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "measures", in{"restart": true})
		b.at(50*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "the provider"})
		rec := b.start("performance-response", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.restart enterprise-docs-api"}, b.calls("docker.restart"))
		require.Equal(t, workflows.Failed, step(t, rec, "improvement").State)
		require.NotNil(t, clock(t, rec, "respond").Breached, "2.5 s is not below 2 s")
		require.Contains(t, b.asks["Load, and what others do to us"], "Answers are still slow")
	})

	t.Run("ClearsTheCacheInADrillOnlyForShow", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		var with in
		b.answer("redis.flush", func(got in) (any, error) { with = got; return in{"dry_run": true}, nil })
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(2*time.Minute, "ana", "measures", in{"cache": true})
		b.at(3*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "agreed", "approve": true})
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "rehearsed"})
		rec := b.start("performance-response", in{"_drill": true})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, in{"target": "docs-cache", "confirm": "docs-cache", "dry_run": true}, with)
		require.Contains(t, b.asks["Clear the cache?"], "Ana wants to clear docs-cache")
	})
}

func TestHighErrorRate(t *testing.T) {
	t.Parallel()
	// failing answers so many of fifty requests with an error.
	failing := func(failed int) answerer {
		return func(with in) (any, error) {
			return http.CheckOutput{Target: with["target"].(string), OK: failed == 0, Reachable: true, Samples: 50, Succeeded: 50 - failed, Failed: failed,
				Reason: "status 500", Mean: 12, Statuses: []http.StatusCount{}, Failures: []http.Failure{}}, nil
		}
	}
	t.Run("ShowsCauseSymptomAndRemedyTogether", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", failing(6))
		b.answer("postgres.pool", func(in) (any, error) {
			return in{"ok": false, "why": []any{"97 % of the connections are in use"}, "percent": 97}, nil
		})
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "dev"})
		b.at(20*time.Minute, workflows.MessageResolve, in{"by": "dev", "resolution": "seen enough"})
		rec := b.start("high-error-rate", in{"severity": "P3"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		asked := b.asks["What is it?"]
		require.Contains(t, asked, "12 % of the answers of its health path were errors: status 500.")
		require.Contains(t, asked, "- database connections: SEEN, 97 % of the connections are in use. Restart what holds them.")
		require.Contains(t, asked, "- a service outside: none is watched.")
		require.Equal(t, began.Add(30*time.Minute), clock(t, rec, "respond").Due)
	})

	t.Run("CountsWhatUsersSeeAsWell", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", failing(0))
		users := "7.5"
		b.answer("http.request", func(with in) (any, error) {
			require.Equal(t, "docs-api", with["target"])
			require.Contains(t, with["query"].(in)["query"], "http_requests_total")
			return in{"sent": true, "status": 200, "json": in{"data": in{"result": []any{in{"value": []any{1763691600, users}}}}}}, nil
		})
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "dev"})
		b.done(2*time.Minute, "dev", "triage", in{"cause": "something else"})
		b.done(3*time.Minute, "dev", "measure", in{"measure": "limited who may ask"})
		b.env.RegisterDelayedCallback(func() { users = "0.1" }, 11*time.Minute)
		b.at(25*time.Minute, workflows.MessageResolve, in{"by": "dev", "resolution": "limited"})
		rec := b.start("high-error-rate", in{"metrics": "docs-api", "severity": "P3"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["What is it?"], "7.5 % of what users asked for ended in an error.")
		require.Less(t, rec.Incident.Mitigated.At.Sub(began), 13*time.Minute)
		require.Greater(t, rec.Incident.Mitigated.At.Sub(began), 11*time.Minute, "the health path was well all the time, users were not")
	})
}
