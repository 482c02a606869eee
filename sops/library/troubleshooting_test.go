package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/docker"
	"github.com/orderly-ops/orderly/workflows"
)

func TestDatabaseTroubleshooting(t *testing.T) {
	t.Parallel()
	t.Run("RestartsNothingButWhatHoldsTheConnections", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		full := true
		b.answer("postgres.pool", func(in) (any, error) { return in{"ok": !full, "saturated": full, "percent": 3, "by": []any{}}, nil })
		b.answer("docker.restart", func(with in) (any, error) { full = false; return restarting(nil)(with) })
		rec := b.start("database-troubleshooting", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.restart enterprise-docs-api"}, b.calls("docker.restart"), "the database itself goes on")
	})

	t.Run("EndsOnlyTheSessionsThatSomebodyHasSeen", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		session := in{"pid": 4711, "backend_start": "2026-11-20T23:00:00Z", "query_start": "2026-11-21T00:14:00Z"}
		b.answer("postgres.long-queries", func(in) (any, error) {
			return in{"count": 1, "terminable": []any{session}, "sessions": []any{in{"pid": 4711, "age": "2h0m0s", "state": "active", "user": "report", "query": "SELECT `a` FROM <b>"}}}, nil
		})
		var with in
		b.answer("postgres.terminate", func(got in) (any, error) { with = got; return in{"cancelled": 1}, nil })
		b.at(2*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "end", "approve": true})
		rec := b.start("database-troubleshooting", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["End these sessions?"], "- 4711, report, 2h, active: SELECT `a` FROM <b>")
		require.Equal(t, true, with["approved"])
		require.EqualValues(t, 4711, with["sessions"].([]any)[0].(in)["pid"])
	})

	t.Run("LooksAtWhatItCanWhereNothingIsConfigured", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		rec := b.start("database-troubleshooting", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"host.resources"}, b.called)
		require.Contains(t, rec.Findings[0].Text, "orderly.yaml names no database of this name")
	})
}

func TestAPITroubleshooting(t *testing.T) {
	t.Parallel()
	t.Run("SeesToTheDatabaseBeforeItRestartsAnything", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		well := false
		b.answer("http.check", func(with in) (any, error) { return answering(well)(with) })
		b.answer("postgres.ping", func(in) (any, error) {
			if well {
				return in{"database": "docs-db"}, nil
			}
			return nil, errAway
		})
		b.answer("docker.containers", containers(theContainers(docker.Container{Name: "enterprise-docs-db", State: "exited", ExitCode: 1})))
		b.answer("docker.restart", func(with in) (any, error) {
			well = with["container"] == "enterprise-docs-db"
			return restarting(nil)(with)
		})
		rec := b.start("api-troubleshooting", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"docker.restart enterprise-docs-db"}, b.calls("docker.restart"), "the API was well again by itself")
		require.NotContains(t, strings.Join(b.started, " "), "emergency-response")
	})

	t.Run("CallsPeopleWhenNothingHelped", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.answer("http.check", answering(false))
		b.answer("exec.run", func(in) (any, error) { return in{"stdout": "2026-11-21 02:01 v42\n"}, nil })
		b.at(5*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "consider", "approve": false, "reason": "v42 changed a text only"})
		rec := b.start("api-troubleshooting", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["Take the last deployment back?"], "2026-11-21 02:01 v42")
		require.Contains(t, b.started, "emergency-response/main")
		require.Equal(t, []string{"docker.restart enterprise-docs-api"}, b.calls("docker.restart"))
	})

	t.Run("RefusesAServiceThatOrgYamlDoesNotKnow", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		rec := b.start("api-troubleshooting", in{"service": "apj"})
		require.Equal(t, workflows.Failed, rec.State)
		require.Empty(t, b.calls("docker.restart"))
	})
}
