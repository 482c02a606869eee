package workflows_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// began is when every test's clock starts.
var began = time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)

type doInput struct {
	Say    string   `json:"say,omitempty" doc:"what to say"`
	List   []string `json:"list,omitempty" doc:"items to hand back"`
	DryRun bool     `json:"dry_run,omitempty" doc:"only say what would be done"`
}

type doOutput struct {
	Said     string    `json:"said"`
	Attempt  int       `json:"attempt"`
	List     []string  `json:"list"`
	DryRun   bool      `json:"dry_run"`
	Findings []finding `json:"findings,omitempty"`
}

type finding struct {
	Severity string `json:"severity"`
	Check    string `json:"check"`
	Text     string `json:"text"`
	Act      string `json:"act"`
}

// bench is a procedure under test: the real interpreter, skipped time, and an action `test.do` that
// answers as the test says.
type bench struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu    sync.Mutex
	calls []string // activity ids, in the order they were made
	saved []workflows.Record
	kept  []workflows.Record // while the run went on
	keep  func(context.Context, workflows.Record) error
	do    func(ctx context.Context, id string, attempt int, in doInput) (doOutput, error)
	// load and save, when set, say why a procedure can't be read or a record not be kept.
	load func(attempt int) error
	save func(context.Context) error
	// resolve answers what other procedures there are.
	resolve func(workflows.ResolveRequest) (workflows.Resolved, error)
	people  *people
	rules   *sops.Rules // what is pinned instead of the usual rules
	noRules bool        // there is no org.yaml
	windows []workflows.Window
	window  func() workflows.WindowState // how the first of them stands; nil is open
}

// errAway is a transient failure.
var errAway = errors.New("it is away")

// horizon is when a run that waits for people is cancelled, because it might wait for ever.
const horizon = 100 * 24 * time.Hour

// setup makes a bench for one procedure; further ones, for `run` and `start`, are found by type.
func setup(t *testing.T, procedures ...string) *bench {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b := &bench{t: t, env: suite.NewTestWorkflowEnvironment()}
	b.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 10 * time.Second, Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()}}) // machines of tests are busy
	b.env.SetStartTime(began)
	b.env.SetTestTimeout(30 * time.Second) // of real time: only a deadlock needs it
	cat := b.catalogue()
	workflows.Register(b.env, workflows.Options{Catalogue: cat, Version: "test"})
	sources := map[string]workflows.Pinned{}
	for _, src := range procedures {
		pin, p := pinned(t, src, cat)
		sources[sops.WorkflowType(p.ID)] = pin
		if p.Incident != nil || strings.Contains(src, "ask:") || strings.Contains(src, "approve:") || strings.Contains(src, "undo:") {
			b.after(horizon, b.env.CancelWorkflow)
		}
	}
	b.local(workflows.ActivityLoad, func(ctx context.Context, q workflows.LoadRequest) (workflows.Pinned, error) {
		if b.load != nil {
			if err := b.load(int(activity.GetInfo(ctx).Attempt)); err != nil {
				return workflows.Pinned{}, err
			}
		}
		pin, ok := sources[q.WorkflowType]
		if !ok {
			return pin, temporal.NewNonRetryableApplicationError("no procedure serves "+q.WorkflowType, workflows.ErrUnknownProcedure, nil)
		}
		if b.rules != nil {
			pin.Rules = b.rules
		}
		if b.noRules {
			pin.Rules = nil
		}
		pin.Windows = b.windows
		return pin, nil
	})
	b.local(workflows.ActivityResolve, func(_ context.Context, q workflows.ResolveRequest) (workflows.Resolved, error) {
		if b.resolve != nil {
			return b.resolve(q)
		}
		_, ok := sources[sops.WorkflowType(q.Procedure)]
		return workflows.Resolved{Missing: !ok}, nil
	})
	b.local(workflows.ActivityWindow, func(context.Context, workflows.WindowRequest) (workflows.WindowState, error) {
		if b.window != nil {
			return b.window(), nil
		}
		return workflows.WindowState{Open: true}, nil
	})
	b.people = newPeople(b)
	b.local(workflows.ActivitySave, func(ctx context.Context, data json.RawMessage) error {
		var rec workflows.Record
		if err := json.Unmarshal(data, &rec); err != nil {
			return err
		}
		if b.save != nil {
			if err := b.save(ctx); err != nil {
				return err
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.saved = append(b.saved, rec)
		return nil
	})
	b.local(workflows.ActivityKeep, func(ctx context.Context, kept workflows.KeptRecord) error {
		data, err := kept.JSON()
		var rec workflows.Record
		if err == nil {
			err = json.Unmarshal(data, &rec)
		}
		if err == nil && b.keep != nil {
			err = b.keep(ctx, rec)
		}
		if err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.kept = append(b.kept, rec)
		return nil
	})
	return b
}

func (b *bench) local(name string, fn any) {
	b.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
}

// catalogue has the action test.do, and test.break, which is destructive.
func (b *bench) catalogue() *sops.Catalogue {
	do := action.Define("test.do", "Does as the test says.", b.perform)
	destroy := action.Define("test.break", "Breaks something.", b.perform, action.Destructive())
	for _, d := range []action.Definition{do, destroy} {
		b.env.RegisterActivityWithOptions(d.Activity, activity.RegisterOptions{Name: d.Name})
	}
	return sops.NewCatalogue(do.Action, destroy.Action)
}

func (b *bench) perform(ctx context.Context, in doInput) (doOutput, error) {
	info := activity.GetInfo(ctx)
	b.mu.Lock()
	b.calls = append(b.calls, info.ActivityID)
	do := b.do
	b.mu.Unlock()
	if do != nil {
		return do(ctx, info.ActivityID, int(info.Attempt), in)
	}
	return doOutput{Said: in.Say, Attempt: int(info.Attempt), List: in.List, DryRun: in.DryRun}, nil
}

func pinned(t *testing.T, src string, cat *sops.Catalogue) (workflows.Pinned, *sops.Procedure) {
	t.Helper()
	id := idOf(t, src)
	p, problems := sops.Parse(id+".yaml", []byte(src), sops.Env{Catalogue: cat})
	require.NoError(t, problems.Err())
	sum := sha256.Sum256([]byte(src))
	return workflows.Pinned{File: id + ".yaml", Source: src, Digest: "sha256:" + hex.EncodeToString(sum[:]), Rules: rules()}, p
}

// start runs the procedure to its end and gives its record.
func (b *bench) start(workflowType string, args ...any) *workflows.Record {
	b.t.Helper()
	b.env.ExecuteWorkflow(workflowType, args...)
	require.True(b.t, b.env.IsWorkflowCompleted())
	return b.record()
}

// record asks the run how it stands.
func (b *bench) record() *workflows.Record {
	b.t.Helper()
	answer, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b.t, err)
	var rec workflows.Record
	require.NoError(b.t, answer.Get(&rec))
	return &rec
}

// failing makes one activity fail.
func (b *bench) failing(id string) {
	b.do = func(_ context.Context, at string, _ int, in doInput) (doOutput, error) {
		if at == id {
			return doOutput{}, errAway
		}
		return doOutput{Said: in.Say}, nil
	}
}

// after does something when that much time of the run has passed.
func (b *bench) after(d time.Duration, f func()) { b.env.RegisterDelayedCallback(f, d) }

// step finds a step of the record by its path.
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
