package library_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/activities/docker"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/workflows"
)

// vault sets up a platform that can be cut off, with a bucket that can lock what is put there.
func vault(t *testing.T) *bench {
	t.Helper()
	b := setupOn(t, config.Targets{
		Docker:   map[string]config.Docker{"local": {}},
		HTTP:     map[string]config.Endpoint{"docs-api": {}},
		Postgres: map[string]config.Postgres{"docs-db": {}},
		Redis:    map[string]config.Redis{"docs-cache": {}},
		S3:       map[string]config.S3{"backups": {}, "vault": {}},
	})
	b.answer("s3.check", func(with in) (any, error) {
		lock := "off"
		if with["target"] == "vault" {
			lock = "enabled"
		}
		return in{"target": with["target"], "object_lock": lock}, nil
	})
	b.answer("s3.put", func(with in) (any, error) { return in{"key": with["key"], "stored": true, "lock": with["lock"]}, nil })
	b.answer("docker.isolate", func(with in) (any, error) {
		return docker.Isolate{Container: with["container"].(string), Networks: []string{"docs"}, Paused: true, Changed: true}, nil
	})
	b.answer("docker.rejoin", func(with in) (any, error) { return in{"container": with["container"], "changed": true}, nil })
	b.answer("docker.export", func(with in) (any, error) {
		name := with["container"].(string)
		return docker.Export{Container: name, Files: []artifact.Saved{{Key: name + ".tar", SHA256: "s"}, {Key: name + ".log", SHA256: "s"}},
			Manifest: artifact.Saved{Key: name + ".manifest.txt", SHA256: "s"}, Missed: []docker.Missed{}}, nil
	})
	return b
}

// breached is an assessment, with what is changed of it.
func breached(changed in) in {
	form := in{"scope": "the API", "data": "none", "breach": "a key in a log", "user_impact": "high", "business_impact": "high"}
	for k, v := range changed {
		form[k] = v
	}
	return form
}

// closed lets people see an incident through from its containment on, beginning after a while.
func closed(b *bench, from time.Duration) {
	b.done(from, "ben", "access", in{"revoked": "all keys"})
	b.done(from+time.Minute, "chloe", "permissions", in{"reviewed": "roles of the API"})
	b.at(from+2*time.Hour, workflows.MessageDecide, in{"by": "chloe", "step": "reconnect", "approve": true})
	b.at(from+2*time.Hour+time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "reconnect", "approve": true})
	b.done(from+130*time.Minute, "ben", "monitoring", in{"rules": "logins from abroad"})
	b.done(from+131*time.Minute, "ana", "validated", in{"checked": "images are those of the registry"})
	b.at(from+132*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "the key was revoked"})
}

// frozen are containers as they are while they are cut off.
func frozen(b *bench, names ...string) {
	var all []docker.Container
	for _, n := range names {
		all = append(all, docker.Container{Name: n, ID: n, State: "paused"})
	}
	b.answer("docker.containers", containers(theContainers(all...)))
}

// before fails when one call was not made before another.
func (b *bench) before(first, then string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	last := -1
	for i, c := range b.called {
		if strings.HasPrefix(c, first) {
			last = i
		}
	}
	next := slices.IndexFunc(b.called, func(c string) bool { return strings.HasPrefix(c, then) })
	require.True(b.t, last >= 0 && next > last, "every %s comes before any %s: %v", first, then, b.called)
}

// found is the text of all findings.
func found(rec *workflows.Record) string {
	var lines []string
	for _, f := range rec.Findings {
		lines = append(lines, f.Severity+" "+f.Check+": "+f.Text)
	}
	return strings.Join(lines, "\n")
}

func TestSecurityResponse(t *testing.T) {
	t.Parallel()
	t.Run("CutsOffKeepsTheEvidenceAndOnlyThenTouchesAnything", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		frozen(b, "enterprise-docs-api")
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(6*time.Minute, "ana", "assess", breached(in{"hole": "critical", "component": "libexample"}))
		closed(b, 20*time.Minute)
		rec := b.start("security-response", in{"reason": "A strange login", "services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"0s ben", "0s chloe", "0s ella", "0s ana"}, b.pages[:4], "all leads and the coordinator, at once")
		require.Equal(t, []string{"docker.isolate enterprise-docs-api"}, b.calls("docker.isolate"))
		require.Equal(t, "docker.isolate enterprise-docs-api", b.called[0], "nothing comes before that")
		require.Equal(t, began, rec.Incident.Mitigated.At.Truncate(time.Second))
		b.before("docker.isolate", "docker.export")
		b.before("docker.export", "docker.rejoin")
		b.before("docker.logs", "docker.rejoin")
		until := slices.Index(b.called, "docker.rejoin enterprise-docs-api")
		require.Len(t, slices.DeleteFunc(slices.Clone(b.called[:until]), func(c string) bool { return c != "s3.put vault" }), 4, "locked before, too")
		require.Empty(t, b.calls("docker.restart"))
		// Two files, their list, the log; then the list of everything.
		require.Len(t, b.calls("s3.put"), 5)
		require.Contains(t, b.kept(), "manifest.txt")
		require.Contains(t, strings.Join(b.started, " "), "security-patch/")
		require.Equal(t, []string{"docker.rejoin enterprise-docs-api"}, b.calls("docker.rejoin"))
		require.Contains(t, b.started[len(b.started)-1], "post-mortem/")
		require.Equal(t, workflows.Succeeded, step(t, rec, "watch").State)
		require.NotContains(t, found(rec), "evidence:")
		require.NotContains(t, found(rec), "isolation:")
	})

	t.Run("CutsOffAndKeepsThoughNobodyAnswersForHours", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		b.at(5*time.Hour, workflows.MessageResolve, in{"by": "ana", "resolution": "a test of ours"})
		rec := b.start("security-response", in{"services": []any{"api", "database"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"0s ben", "0s chloe", "0s ella", "0s ana", "2m0s finn", "2m0s gita"}, b.pages[:6])
		require.Len(t, b.calls("docker.export"), 2)
		require.Empty(t, b.calls("docker.rejoin"))
		require.NotNil(t, clock(t, rec, "acknowledge").Breached)
		require.Nil(t, clock(t, rec, "respond").Breached, "what was cut off is a first mitigation")
		require.Contains(t, found(rec), "enterprise-docs-api on local is still cut off")
	})

	t.Run("AsksPeopleToCutOffWhatItCanNot", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		b.answer("docker.isolate", failing)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(3*time.Minute, "ana", "assess", breached(nil))
		b.done(6*time.Minute, "ben", "by-hand", in{"what": "its cable"})
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "unplugged for good"})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.asks["Assess it"], "enterprise-docs-api could NOT be cut off: nobody answers")
		require.Contains(t, b.asks["Cut off the rest by hand"], "Do not switch it off")
		require.Equal(t, began.Add(6*time.Minute), rec.Incident.Mitigated.At)
		require.NotEmpty(t, b.calls("docker.export"), "evidence is kept all the same")
	})

	t.Run("CutsOffAndKeepsWhatTheAssessmentNames", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(3*time.Minute, "ana", "assess", breached(in{"services": "api, database", "containers": "jumphost"}))
		b.at(30*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "done"})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.ElementsMatch(t, []string{"docker.isolate enterprise-docs-api", "docker.isolate enterprise-docs-db", "docker.isolate jumphost"}, b.calls("docker.isolate"), "each once")
		require.Len(t, b.calls("docker.export"), 3)
	})

	t.Run("SaysWhatCouldNotBeKept", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		b.answer("docker.export", failing)
		b.answer("s3.check", failing)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(3*time.Minute, "ana", "assess", breached(nil))
		b.at(30*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "done"})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, found(rec), "nothing of enterprise-docs-api was kept: nobody answers")
		require.Contains(t, found(rec), "no bucket of orderly.yaml can lock objects")
		require.Empty(t, b.calls("s3.put"))
	})

	t.Run("PutsNothingBackByItselfWhenItIsAborted", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.at(3*time.Minute, workflows.MessageAbort, in{"by": "ana", "reason": "wrong system"})
		b.at(90*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "undo:isolate", "approve": true})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Cancelled, rec.State, account(rec))
		require.Equal(t, []string{"docker.rejoin enterprise-docs-api"}, b.calls("docker.rejoin"))
		require.GreaterOrEqual(t, rec.Ended.Sub(began), 90*time.Minute, "time never agrees")
	})

	t.Run("ConnectsNothingAgainWithOneVoiceOnly", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		frozen(b, "enterprise-docs-api")
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(6*time.Minute, "ana", "assess", breached(nil))
		b.done(20*time.Minute, "ben", "access", in{"revoked": "all keys"})
		b.done(21*time.Minute, "chloe", "permissions", in{"reviewed": "roles"})
		b.at(3*time.Hour, workflows.MessageDecide, in{"by": "chloe", "step": "reconnect", "approve": true})
		b.at(9*time.Hour, workflows.MessageResolve, in{"by": "ana", "resolution": "built anew"})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Empty(t, b.calls("docker.rejoin"))
	})

	t.Run("ChangesNothingInADrill", func(t *testing.T) {
		t.Parallel()
		b := vault(t)
		dry := func(with in) (any, error) {
			require.Equal(t, true, with["dry_run"])
			return in{"container": with["container"], "dry_run": true}, nil
		}
		b.answer("docker.isolate", dry)
		b.answer("s3.put", dry)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(6*time.Minute, "ana", "assess", breached(nil))
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "well rehearsed"})
		rec := b.start("security-response", in{"services": []any{"api"}, "_drill": true})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
	})

	t.Run("RunsWhereNothingIsConfigured", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(6*time.Minute, "ana", "assess", breached(nil))
		b.done(7*time.Minute, "ben", "by-hand", in{"what": "the building's line"})
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "done"})
		rec := b.start("security-response", in{"services": []any{"api"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
	})
}

func TestSecurityPatch(t *testing.T) {
	t.Parallel()
	for urgency, deadline := range map[string]time.Duration{
		"critical": 4 * time.Hour, "high": 24 * time.Hour, "medium": 7 * 24 * time.Hour, "low": 30 * 24 * time.Hour,
	} {
		t.Run("HasItsDeadlineBy/"+urgency, func(t *testing.T) {
			t.Parallel()
			b := setup(t, true)
			b.at(time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "does not concern us"})
			rec := b.start("security-patch", in{"advisory": "CVE-2026-0001", "urgency": urgency})
			require.Equal(t, workflows.Succeeded, rec.State, account(rec))
			require.Equal(t, began.Add(deadline), clock(t, rec, "resolve").Due)
			require.NotNil(t, clock(t, rec, "resolve").Met)
		})
	}

	commands := in{"advisory": "CVE-2026-0001", "urgency": "high", "component": "libexample", "feature": "upload",
		"offline": "feature-off", "online": "feature-on", "audit": "deps-audit", "test": "suite", "deploy": "deploy", "rollback": "deploy-back"}
	patched := func(b *bench) {
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(5*time.Minute, "ana", "assess", in{"urgency": "critical", "affected": "the upload"})
		b.done(40*time.Minute, "chloe", "hotfix", in{"branch": "hotfix/1", "change": "libexample 1.2.3"})
		b.done(60*time.Minute, "chloe", "tried", in{"closed": "the exploit fails", "works": "uploads"})
		b.at(65*time.Minute, workflows.MessageDecide, in{"by": "ben", "step": "go", "approve": true})
	}
	t.Run("TakesItOfflineAtOnceWhenItIsCritical", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		patched(b)
		b.done(70*time.Minute, "hugo", "customers", in{"told": "nothing was lost"})
		b.at(75*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "patched with 1.2.3"})
		rec := b.start("security-patch", commands)
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"exec.run deps-audit", "exec.run feature-off", "exec.run suite", "exec.run deploy", "exec.run deps-audit", "exec.run feature-on"}, b.calls("exec.run"))
		require.Equal(t, began.Add(4*time.Hour), clock(t, rec, "resolve").Due, "from the start, whenever it was found to be critical")
		require.Equal(t, began.Add(5*time.Minute), rec.Incident.Mitigated.At)
		require.Contains(t, b.started[len(b.started)-1], "post-mortem/")
	})

	t.Run("WaitsForAMendedSuiteAndIsTakenBackWhenItDoesNotWork", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		suite := 0
		b.answer("exec.run", func(with in) (any, error) {
			if with["command"] == "suite" {
				if suite++; suite == 1 {
					return failing(with)
				}
			}
			return in{"command": with["command"], "started": true}, nil
		})
		b.answer("http.check", answering(false))
		patched(b)
		b.done(50*time.Minute, "ana", "hold:suite", in{"decision": "retry"})
		b.done(90*time.Minute, "ana", "hold:works", in{"decision": "rollback", "reason": "nobody can log in"})
		b.at(95*time.Minute, workflows.MessageDecide, in{"by": "chloe", "step": "undo:offline", "approve": false, "reason": "the hole is open"})
		b.at(96*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "another way"})
		rec := b.start("security-patch", commands)
		require.Equal(t, workflows.Failed, rec.State, account(rec))
		calls := b.calls("exec.run")
		require.Equal(t, "exec.run deploy-back", calls[len(calls)-1], "it stays offline")
	})

	t.Run("StartsTheSecurityResponseWhenItWasUsed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(time.Minute, workflows.MessageAcknowledge, in{"by": "ana"})
		b.done(5*time.Minute, "ana", "assess", in{"urgency": "high", "affected": "the API", "exploited": true})
		b.at(10*time.Minute, workflows.MessageResolve, in{"by": "ana", "resolution": "handled there"})
		rec := b.start("security-patch", in{"urgency": "high"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, b.started, "security-response/main")
		require.NotContains(t, strings.Join(b.started, " "), "post-mortem/", "only what is critical owes one")
	})

	t.Run("IsChasedGentlyWhenItIsNotUrgent", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		b.at(20*time.Hour, workflows.MessageResolve, in{"by": "ana", "resolution": "released"})
		rec := b.start("security-patch", in{"urgency": "low"})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Less(t, len(b.pages), 15, "%v", b.pages)
	})
}
