package library_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// began is when every test's clock starts.
var began = time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)

type in = map[string]any

// bench runs the shipped procedures under skipped time: the real interpreter, the shipped org.yaml, the real
// actions for everything that stays inside (artifacts, findings, the org), and made-up answers of outside systems.
type bench struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	dir string // of the artifacts
	log *journal.Journal

	mu      sync.Mutex
	answers map[string]answerer
	called  []string // actions on outside systems, as "name target"
	pages   []string // as "5m0s ana"
	asks    map[string]string
	started []string // workflow ids of other runs
}

// answerer stands for an action on an outside system.
type answerer func(with in) (any, error)

// outside are the actions that reach beyond the worker.
var outside = []string{"docker.", "http.", "postgres.", "redis.", "host.", "s3.", "exec.", "statuspage.", "backup.", "notify.", "report.security"}

// setup makes a bench on which all is well. targets false is a machine on which nothing is configured.
func setup(t *testing.T, targets bool) *bench {
	t.Helper()
	if !targets {
		return setupOn(t, config.Targets{})
	}
	return setupOn(t, config.Targets{
		Docker:   map[string]config.Docker{"local": {}},
		HTTP:     map[string]config.Endpoint{"docs-api": {}},
		Postgres: map[string]config.Postgres{"docs-db": {}},
		Redis:    map[string]config.Redis{"docs-cache": {}},
	})
}

// setupOn makes a bench on which all is well, of a machine on which these targets are configured.
func setupOn(t *testing.T, targets config.Targets) *bench {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b := &bench{t: t, env: suite.NewTestWorkflowEnvironment(), dir: t.TempDir(), answers: allWell(), asks: map[string]string{}}
	b.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 20 * time.Second})
	b.env.SetStartTime(began)
	b.env.SetTestTimeout(time.Minute)
	cfg := &config.Config{File: "orderly.yaml", Artifacts: config.Artifacts{Dir: b.dir}, Targets: targets}
	b.register(cfg)
	return b
}

func (b *bench) register(cfg *config.Config) {
	b.t.Helper()
	source := sops.Source{Name: "the shipped library", FS: library.FS}
	org, err := sops.FindOrg([]sops.Source{source})
	require.NoError(b.t, err)
	log, err := journal.Open(b.t.Context(), filepath.Join(b.t.TempDir(), "journal.db"))
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = log.Close() })
	b.log = log
	defs := activities.Definitions(activities.Deps{Config: cfg, Journal: log, Org: func() (*sops.Org, error) { return org, nil }, Ask: b.asked})
	b.t.Cleanup(func() { _ = activities.Close(defs) })
	for i, def := range defs {
		if slices.ContainsFunc(outside, func(p string) bool { return strings.HasPrefix(def.Name, p) }) {
			defs[i].Invoke = b.outside(def.Name)
		}
	}
	activities.Register(b.env, defs, nil)
	cat := activities.Describe(defs)
	workflows.Register(b.env, workflows.Options{Catalogue: cat, Version: "test"})
	b.local(workflows.ActivityLoad, loader(b.t, cat, org))
	b.local(workflows.ActivityResolve, b.resolver(cat))
	b.local(workflows.ActivitySave, func(context.Context, json.RawMessage) error { return nil })
	b.local(workflows.ActivityKeep, func(context.Context, workflows.KeptRecord) error { return nil })
	b.registerPeople()
}

// asked is the record of the run on the bench, as it tells it itself.
func (b *bench) asked(_ context.Context, id string) (json.RawMessage, error) {
	var rec json.RawMessage
	value, err := b.env.QueryWorkflow(workflows.QueryStatus)
	if err == nil {
		err = value.Get(&rec)
	}
	var of workflows.Record
	if err == nil {
		err = json.Unmarshal(rec, &of)
	}
	if err == nil && of.WorkflowID != id {
		err = serviceerror.NewNotFound("no such run")
	}
	return rec, err
}

func (b *bench) local(name string, fn any) {
	b.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
}

// outside answers as the test says, and notes what was asked.
func (b *bench) outside(name string) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(_ context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var with in
		if err := json.Unmarshal(raw, &with); err != nil {
			return nil, err
		}
		b.mu.Lock()
		subject := ""
		for _, key := range []string{"container", "target", "database", "host", "command", "subject"} {
			if text, ok := with[key].(string); ok && subject == "" {
				subject = " " + text
			}
		}
		b.called = append(b.called, name+subject)
		answer := b.answers[name]
		b.mu.Unlock()
		if answer == nil {
			return nil, temporal.NewNonRetryableApplicationError(name+" was not expected", "Test", nil)
		}
		out, err := answer(with)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// answer says how an outside system answers from now on.
func (b *bench) answer(name string, fn answerer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[name] = fn
}

// source is the text of a shipped procedure.
func source(t *testing.T, id string) []byte {
	t.Helper()
	text, err := fs.ReadFile(library.FS, id+".yaml")
	require.NoError(t, err)
	return text
}

var shipped = []string{
	"emergency-response", "incident-response", "diagnosis", "post-mortem", "monthly-review", "daily-check",
	"weekly-maintenance", "backup", "restore-drill", "rollback", "log-rotation", "preventive-maintenance", "investigation",
	"security-response", "security-patch", "dependency-update", "security-audit", "weekly-checklist", "performance-review",
	"performance-response", "high-error-rate", "database-troubleshooting", "api-troubleshooting", "monitor",
}

// followUps are started and not waited for. In a test they would be, and nobody answers their questions: those
// have tests of their own.
var followUps = []string{"monitor", "performance-response", "high-error-rate", "security-response", "security-patch", "security-audit", "restore-drill", "post-mortem", "investigation", "incident-response", "emergency-response"}

func loader(t *testing.T, cat *sops.Catalogue, org *sops.Org) any {
	t.Helper()
	pins := map[string]workflows.Pinned{}
	for _, id := range shipped {
		text := source(t, id)
		_, problems := sops.Parse(id+".yaml", text, sops.Env{Catalogue: cat, Org: org})
		require.NoError(t, problems.Err())
		rules := org.Rules()
		pins[sops.WorkflowType(id)] = workflows.Pinned{File: id + ".yaml", Source: string(text), Digest: "sha256:test", Rules: &rules}
	}
	return func(_ context.Context, q workflows.LoadRequest) (workflows.Pinned, error) {
		return pins[q.WorkflowType], nil
	}
}

func (b *bench) resolver(cat *sops.Catalogue) any {
	return func(_ context.Context, q workflows.ResolveRequest) (workflows.Resolved, error) {
		p, problems := sops.Parse(q.Procedure+".yaml", source(b.t, q.Procedure), sops.Env{Catalogue: cat})
		if err := problems.Err(); err != nil {
			return workflows.Resolved{}, err
		}
		inputs, err := p.CheckInputs(q.Inputs)
		if err != nil {
			return workflows.Resolved{}, err
		}
		key, err := p.RunKey(inputs, q.Now)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.started = append(b.started, strings.TrimSuffix(q.Procedure+"/"+key, "/"))
		return workflows.Resolved{Key: key}, err
	}
}

// start runs a procedure to its end and gives its record.
func (b *bench) start(procedure string, inputs in) *workflows.Record {
	b.t.Helper()
	for _, follows := range followUps {
		if follows != procedure {
			b.env.RegisterWorkflowWithOptions(func(workflow.Context, in) error { return nil }, workflow.RegisterOptions{Name: sops.WorkflowType(follows)})
		}
	}
	b.env.ExecuteWorkflow(sops.WorkflowType(procedure), inputs)
	require.True(b.t, b.env.IsWorkflowCompleted(), "it has not come to its end")
	answer, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b.t, err)
	var rec workflows.Record
	require.NoError(b.t, answer.Get(&rec))
	return &rec
}

// at sends a message as a plain signal when that much time has passed.
func (b *bench) at(d time.Duration, name string, payload in) {
	b.env.RegisterDelayedCallback(func() { b.env.SignalWorkflow(name, payload) }, d)
}

// done answers a step.
func (b *bench) done(d time.Duration, by, step string, form in) {
	b.at(d, workflows.MessageComplete, in{"by": by, "step": step, "form": form})
}

// calls are the calls of one action.
func (b *bench) calls(action string) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.called {
		if name, _, _ := strings.Cut(c, " "); name == action {
			out = append(out, c)
		}
	}
	return out
}

// kept are the names of all artifacts, without time and step.
func (b *bench) kept() (names []string) {
	b.t.Helper()
	require.NoError(b.t, filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			parts := strings.SplitN(filepath.Base(path), "-", 3)
			names = append(names, parts[2])
		}
		return err
	}))
	slices.Sort(names)
	return slices.Compact(names)
}

func step(t *testing.T, rec *workflows.Record, path string) *workflows.Step {
	t.Helper()
	for _, p := range rec.Phases {
		if s := find(p.Steps, path); s != nil {
			return s
		}
	}
	if s := find(rec.Finally, path); s != nil {
		return s
	}
	require.Failf(t, "no such step", "%s", path)
	return nil
}

func find(steps []*workflows.Step, path string) *workflows.Step {
	for _, s := range steps {
		if s.Path == path {
			return s
		}
		if inner := find(s.Steps, path); inner != nil {
			return inner
		}
		for _, item := range s.Items {
			if inner := find(item.Steps, path); inner != nil {
				return inner
			}
		}
	}
	return nil
}

func clock(t *testing.T, rec *workflows.Record, id string) *workflows.Clock {
	t.Helper()
	for _, c := range rec.Clocks {
		if c.ID == id {
			return c
		}
	}
	require.Failf(t, "no such clock", "%s", id)
	return nil
}

// account says what went wrong, for a failed test to show.
func account(rec *workflows.Record) string {
	var out strings.Builder
	for _, e := range rec.Timeline {
		fmt.Fprintf(&out, "%s %s %s\n", e.At.Format("15:04:05"), e.Kind, e.Text)
	}
	return out.String()
}
