package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// The measure of the interpreter: a procedure of 50 steps against the workflow that a Go programmer would
// write for the same 50 activities, on the same server, in the same worker, taking turns.
const (
	benchSteps    = 50
	benchInFlight = 50
)

type noopInput struct {
	Text string `json:"text,omitempty" doc:"some text"`
}

type noopOutput struct {
	Text string `json:"text" doc:"the text"`
}

func noop(_ context.Context, in noopInput) (noopOutput, error) { return noopOutput(in), nil }

func handwritten(ctx workflow.Context) error {
	for i := range benchSteps {
		ctx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			ActivityID:          fmt.Sprintf("s%d", i),
			StartToCloseTimeout: time.Minute,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
			Summary:             fmt.Sprintf("Step %d", i),
		})
		var out noopOutput
		if err := workflow.ExecuteActivity(ctx, "bench.noop", noopInput{Text: "x"}).Get(ctx, &out); err != nil {
			return err
		}
	}
	return nil
}

// stand is a worker with both contestants on a house's server.
type stand struct {
	client client.Client
	queue  string
}

func newStand(b *testing.B, c client.Client) *stand {
	b.Helper()
	def := action.Define("bench.noop", "Does nothing.", noop)
	cat := sops.NewCatalogue(def.Action)
	var src, undoable strings.Builder
	src.WriteString("sop: fifty\ntitle: Fifty steps\nphases:\n  - id: all\n    steps:\n")
	undoable.WriteString("sop: undoable\ntitle: Fifty steps that can be undone\non_failure: rollback\nphases:\n  - id: all\n    steps:\n")
	for i := range benchSteps {
		fmt.Fprintf(&src, "      - {id: s%d, uses: bench.noop, with: {text: x}}\n", i)
		fmt.Fprintf(&undoable, "      - {id: s%d, uses: bench.noop, with: {text: x}, undo: {uses: bench.noop, with: {text: y}}}\n", i)
	}
	keeper, err := journal.Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"))
	require.NoError(b, err)
	b.Cleanup(func() { _ = keeper.Close() })
	files := fstest.MapFS{"fifty.yaml": {Data: []byte(src.String())}, "undoable.yaml": {Data: []byte(undoable.String())}}
	own := engine.New([]sops.Source{{Name: "bench", FS: files}}, sops.Env{Catalogue: cat}, keeper)
	s := &stand{client: c, queue: "bench"}
	w := worker.New(c, s.queue, worker.Options{MaxConcurrentWorkflowTaskPollers: 8, MaxConcurrentActivityTaskPollers: 8})
	workflows.Register(w, workflows.Options{Catalogue: cat})
	own.Register(w)
	w.RegisterWorkflowWithOptions(handwritten, workflow.RegisterOptions{Name: "Handwritten"})
	w.RegisterActivityWithOptions(def.Activity, activity.RegisterOptions{Name: def.Name})
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)
	return s
}

// run starts one run and waits for its end.
func (s *stand) run(b *testing.B, workflowType string) client.WorkflowRun {
	run, err := s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{TaskQueue: s.queue}, workflowType)
	if err == nil {
		err = run.Get(context.Background(), nil)
	}
	if err != nil {
		b.Error(err)
	}
	return run
}

func (s *stand) events(b *testing.B, run client.WorkflowRun) int64 {
	d, err := s.client.DescribeWorkflowExecution(context.Background(), run.GetID(), run.GetRunID())
	require.NoError(b, err)
	return d.GetWorkflowExecutionInfo().GetHistoryLength()
}

// benchPairs is how many runs of each kind one op makes, taking turns.
const benchPairs = 10

// BenchmarkInterpreter shows what interpreting costs: milliseconds and history events a step, and the
// ratio of the interpreted to the hand-written. The times are medians, because one hiccup of the machine
// is longer than what is to be seen.
func BenchmarkInterpreter(b *testing.B) { contest(b, "Handwritten", "Fifty") }

// BenchmarkUndoBookkeeping shows what it costs that each of the steps can be undone, when nothing has to be.
func BenchmarkUndoBookkeeping(b *testing.B) { contest(b, "Fifty", "Undoable") }

// contest runs two workflows of the same steps in turns and reports the second's time as a ratio of the first's.
func contest(b *testing.B, kinds ...string) {
	b.Helper()
	h := open(b, setting{procedures: map[string]string{}})
	s := newStand(b, h.temporal())
	for _, kind := range kinds { // warm up: caches, connections
		s.run(b, kind)
	}
	spent, events := map[string][]time.Duration{}, map[string]int64{}
	b.ResetTimer()
	for i := range b.N * benchPairs {
		for j := range kinds {
			kind := kinds[(i+j)%2] // neither always goes first
			began := time.Now()
			run := s.run(b, kind)
			spent[kind] = append(spent[kind], time.Since(began))
			events[kind] = s.events(b, run)
		}
	}
	for _, kind := range kinds {
		b.ReportMetric(float64(median(spent[kind]).Microseconds())/1000/benchSteps, strings.ToLower(kind)+"-ms/step")
		b.ReportMetric(float64(events[kind])/benchSteps, strings.ToLower(kind)+"-events/step")
	}
	b.ReportMetric(float64(median(spent[kinds[1]]))/float64(median(spent[kinds[0]])), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkThroughput shows runs a second with 50 in flight, taking turns in rounds.
func BenchmarkThroughput(b *testing.B) {
	h := open(b, setting{procedures: map[string]string{}})
	s := newStand(b, h.temporal())
	kinds := []string{"Handwritten", "Fifty"}
	spent := map[string]time.Duration{}
	for _, kind := range kinds {
		s.run(b, kind)
	}
	b.ResetTimer()
	for i := range b.N {
		for j := range kinds {
			kind := kinds[(i+j)%2]
			began := time.Now()
			s.round(b, kind)
			spent[kind] += time.Since(began)
		}
	}
	perSecond := func(kind string) float64 { return float64(b.N*benchInFlight) / spent[kind].Seconds() }
	b.ReportMetric(perSecond("Handwritten"), "handwritten-runs/s")
	b.ReportMetric(perSecond("Fifty"), "fifty-runs/s")
	b.ReportMetric(perSecond("Fifty")/perSecond("Handwritten"), "ratio")
}

// round runs 50 at the same time.
func (s *stand) round(b *testing.B, kind string) {
	var wg sync.WaitGroup
	for range benchInFlight {
		wg.Go(func() { s.run(b, kind) })
	}
	wg.Wait()
}
