package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// live is a run that is simulated: the scenario's own, or one that it runs.
type live struct {
	id      string
	runID   string
	kind    string // workflow type
	depth   int    // 0 is the scenario's own
	started time.Time
	ended   time.Time
	open    bool
	cut     bool                     // it was stopped at the horizon
	ask     func() *workflows.Record // how it stands now
	record  *workflows.Record        // how it ended
}

// begin notes that a run begins, or goes on after continuing as new.
func (w *world) begin(ctx workflow.Context, ask func() *workflows.Record) *live {
	info := workflow.GetInfo(ctx)
	depth := 0
	if p := info.ParentWorkflowExecution; p != nil {
		if parent := w.openRun(p.ID); parent != nil {
			depth = parent.depth + 1
		}
	}
	for _, run := range w.runs {
		if run.depth == 0 && depth == 0 || run.id == info.WorkflowExecution.ID && run.open {
			run.ask, run.open, w.queue.open = ask, true, true
			info.WorkflowExecution.RunID = run.runID
			w.arm()
			return run
		}
	}
	run := &live{
		id: info.WorkflowExecution.ID, kind: info.WorkflowType.Name, depth: depth,
		started: workflow.Now(ctx).UTC(), open: true, ask: ask,
	}
	run.runID = "simulated"
	if n := len(w.runs); n > 0 {
		run.runID = fmt.Sprintf("simulated-%d", n)
	}
	info.WorkflowExecution.RunID = run.runID // the environment's own depend on how goroutines are scheduled
	w.runs = append(w.runs, run)
	w.queue.open = true
	w.arm()
	return run
}

// openRun finds a run that is being simulated.
func (w *world) openRun(id string) *live {
	for _, run := range w.runs {
		if run.id == id && run.open {
			return run
		}
	}
	return nil
}

// isNoted says whether there is a run of that name that is not simulated and open.
func (w *world) isNoted(id string) bool {
	until, ok := w.started[id]
	return ok && w.now().Before(until) || strings.HasPrefix(id, "maintenance/simulated-")
}

// play runs the procedure, execution after execution, until it has ended.
func (w *world) play() error {
	args := []any{w.input}
	for at := w.start; ; at = w.now() {
		err := w.execute(at, args)
		again, ok := errors.AsType[*workflow.ContinueAsNewError](err)
		if !ok {
			return w.fatal(err)
		}
		if w.runs[0].record != nil {
			w.note("an alert came while the run ended: a run of its own begins for it, which is not simulated")
			return nil
		}
		if args, err = decoded(again); err != nil {
			return err
		}
	}
}

// decoded are the arguments that a run hands on to itself.
func decoded(again *workflow.ContinueAsNewError) ([]any, error) {
	dc := converter.GetDefaultDataConverter()
	args := make([]any, len(again.Input.GetPayloads()))
	for i, p := range again.Input.GetPayloads() {
		if err := dc.FromPayload(p, &args[i]); err != nil {
			return nil, fmt.Errorf("go on in a new execution: %w", err)
		}
	}
	return args, nil
}

// fatal tells a run that never had a record from one that failed, which is a result.
func (w *world) fatal(err error) error {
	if len(w.runs) == 0 || w.runs[0].record == nil {
		return err
	}
	return nil
}

// execute is one execution in an environment of its own.
func (w *world) execute(at time.Time, args []any) error {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(silent()))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: time.Hour, // a busy machine is no deadlock
		Interceptors:             []interceptor.WorkerInterceptor{&watcher{w: w}, workflows.Interceptor()},
	})
	env.SetStartTime(at)
	env.SetTestTimeout(time.Minute) // of real time: nothing here waits for anything outside
	env.SetDetachedChildWait(false)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: w.id})
	env.RegisterDynamicWorkflow(w.options.Cache.interpreter(w.options).Run, workflow.DynamicRegisterOptions{
		LoadDynamicRuntimeOptions: func(workflow.LoadDynamicRuntimeOptionsDetails) (workflow.DynamicRuntimeOptions, error) {
			return workflow.DynamicRuntimeOptions{}, nil
		},
	})
	w.env, w.events = env, 0
	w.execution++
	w.queue.armed, w.queue.open = false, false
	w.queue.events = slices.DeleteFunc(w.queue.events, func(e event) bool { return e.execution > 0 && e.execution < w.execution })
	defer w.dismiss()
	env.ExecuteWorkflow(sops.WorkflowType(w.scenario.Procedure), args...)
	return env.GetWorkflowError()
}

// dismiss sends home whoever still waits in an environment that is over.
func (w *world) dismiss() {
	for _, c := range w.crews {
		c.dismiss()
	}
	w.crews = nil
}

// finish makes the result.
func (w *world) finish() *Result {
	r, own := w.result, w.runs[0]
	r.Record, r.Ended, r.Horizon = own.record, own.ended, own.cut
	if own.cut {
		r.Ended = w.horizon
		r.Waits = waits(own.record)
	} else if own.record.Ended != nil {
		r.Ended = *own.record.Ended
	}
	for _, run := range w.runs[1:] {
		if run.record != nil {
			r.Children = append(r.Children, run.record)
		}
	}
	w.tooLate()
	w.placePages()
	w.findMissed()
	slices.SortStableFunc(r.Pages, func(a, b Page) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(r.Deeds, func(a, b DeedDone) int { return a.At.Compare(b.At) })
	slices.Sort(r.Assumed)
	r.Assumed = slices.Compact(r.Assumed)
	return r
}

// placePages finds which tier of which ladder a page was.
func (w *world) placePages() {
	known := map[string]*workflows.Page{}
	for _, rec := range append([]*workflows.Record{w.result.Record}, w.result.Children...) {
		for _, p := range rec.Pages {
			known[rec.WorkflowID+" "+p.ID] = p
		}
	}
	for i := range w.result.Pages {
		page := &w.result.Pages[i]
		if p := known[page.Run+" "+page.ID]; p != nil {
			page.Ladder, page.Policy, page.Tier, page.Repeat = p.Ladder, p.Policy, p.Tier, p.Repeat
		}
	}
}

// waits says what a run that is open waits for.
func waits(rec *workflows.Record) []string {
	var out []string
	for _, s := range rec.Waiting() {
		out = append(out, fmt.Sprintf("%s: %s, of %s", s.Path, s.Title, strings.Join(s.Ask.Of, ", ")))
	}
	eachStep(rec, func(s *workflows.Step) {
		if s.State == workflows.Running && s.Ask == nil && s.Steps == nil && s.Items == nil {
			out = append(out, fmt.Sprintf("%s: %s", s.Path, s.Title))
		}
	})
	if inc := rec.Incident; inc != nil && !inc.State.Over() {
		out = append(out, "the incident's resolution")
	}
	return out
}
