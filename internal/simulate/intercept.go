package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// watcher stands between the interpreter and the test environment: it carries out activities by itself, in the
// workflow's own coroutines, so that nothing depends on how goroutines are scheduled; it holds timers back
// while no worker lives; and it ends what is still open at the horizon.
type watcher struct {
	interceptor.WorkerInterceptorBase

	w *world
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (i *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &inbound{w: i.w}
	in.Next = next
	return in
}

// inbound is one run, or one of those that it runs.
type inbound struct {
	interceptor.WorkflowInboundInterceptorBase

	w   *world
	out *outbound
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	i.out = &outbound{w: i.w}
	i.out.Next = next
	return i.Next.Init(i.out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (result any, err error) {
	if i.w.options.sdk {
		return i.execute(ctx, in)
	}
	ended := false
	i.out.crew = &crew{}
	i.w.crews = append(i.w.crews, i.out.crew)
	i.out.crew.begin(ctx, func(ctx workflow.Context) {
		result, err = i.execute(ctx, in)
		ended = true
	})
	outside, _ := workflow.NewDisconnectedContext(ctx)
	wait := func(holds func() bool) error { return i.out.Next.Await(outside, holds) } // outside of any cancellation
	i.out.crew.serve(wait, func() bool { return ended })
	return result, err
}

// ExecuteUpdate implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	if i.out.crew != nil {
		i.out.crew.handlers++
		defer func() { i.out.crew.handlers-- }()
	}
	return i.Next.ExecuteUpdate(ctx, in)
}

// execute runs the run beside itself and leaves it where it is when the horizon is reached.
func (i *inbound) execute(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (result any, err error) {
	me := i.w.begin(ctx, func() *workflows.Record { return i.asked(ctx) })
	i.out.run = me
	ended := false
	workflow.GoNamed(ctx, "run", func(ctx workflow.Context) {
		result, err = i.Next.ExecuteWorkflow(ctx, in)
		ended = true
	})
	outside, _ := workflow.NewDisconnectedContext(ctx)
	_ = i.out.Await(outside, func() bool { return ended || i.w.over }) // outside of any cancellation
	me.ended, me.open = workflow.Now(ctx).UTC(), false
	if !goesOn(err) {
		me.record = i.whole(ctx)
	}
	if !ended {
		me.cut = true
		return nil, errHorizon
	}
	return result, err
}

var errHorizon = errors.New("the horizon is reached")

// HandleSignal implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if in.SignalName == tickSignal {
		return nil
	}
	return i.Next.HandleSignal(ctx, in)
}

// asked is how the run stands, or as much of it as the answer to a query holds; nil before it has a record.
func (i *inbound) asked(ctx workflow.Context) *workflows.Record {
	answer, err := i.Next.HandleQuery(ctx, &interceptor.HandleQueryInput{QueryType: workflows.QueryStatus})
	raw, ok := answer.(json.RawMessage)
	if err != nil || !ok {
		return nil
	}
	var rec workflows.Record
	if err := json.Unmarshal(raw, &rec); err != nil {
		return nil
	}
	return &rec
}

// whole is the whole record: what the run would carry on.
func (i *inbound) whole(ctx workflow.Context) *workflows.Record {
	answer, err := i.Next.HandleQuery(ctx, &interceptor.HandleQueryInput{QueryType: workflows.QueryCarried})
	carried, ok := answer.(*workflows.Carried)
	if err != nil || !ok || carried == nil {
		return i.asked(ctx)
	}
	rec, err := carried.Record()
	if err != nil {
		return i.asked(ctx)
	}
	return rec
}

// goesOn says that a run only continues as new: there is nothing to say of it yet.
func goesOn(err error) bool {
	again, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	return ok && len(again.Input.GetPayloads()) < 3 // the third is an alert for a run of its own
}

// outbound is what a run asks of Temporal.
type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase

	w    *world
	run  *live
	crew *crew // nil when the SDK has the coroutines, as it has the first one
}

// Go implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) Go(ctx workflow.Context, name string, f func(workflow.Context)) workflow.Context {
	if o.crew == nil {
		return o.Next.Go(ctx, name, f)
	}
	o.crew.begin(ctx, f)
	return ctx
}

// Await implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) Await(ctx workflow.Context, holds func() bool) error {
	if o.crew == nil || o.crew.current == nil { // a handler of an Update
		return o.Next.Await(ctx, holds)
	}
	return o.crew.await(ctx, holds)
}

// Now implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) Now(workflow.Context) time.Time { return o.w.clock }

// NewTimer implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	return o.newTimer(ctx, d)
}

// NewTimerWithOptions implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, _ workflow.TimerOptions) workflow.Future {
	return o.newTimer(ctx, d)
}

// Sleep implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) Sleep(ctx workflow.Context, d time.Duration) error {
	return o.newTimer(ctx, d).Get(ctx, nil)
}

// AwaitWithTimeout implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) AwaitWithTimeout(ctx workflow.Context, d time.Duration, condition func() bool) (bool, error) {
	return o.await(ctx, d, condition)
}

// AwaitWithOptions implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) AwaitWithOptions(ctx workflow.Context, options workflow.AwaitOptions, condition func() bool) (bool, error) {
	return o.await(ctx, options.Timeout, condition)
}

// SignalExternalWorkflow implements interceptor.WorkflowOutboundInterceptor. Runs that are only noted take what
// they are told; others are not there.
func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, name string, arg any) workflow.Future {
	o.w.count(activityEvents)
	if run := o.w.openRun(workflowID); run != nil {
		return o.promise(o.Next.SignalExternalWorkflow(ctx, workflowID, "", name, arg))
	}
	future, settle := workflow.NewFuture(ctx)
	var err error
	if !o.w.isNoted(workflowID) {
		err = fmt.Errorf("there is no open run %s", workflowID)
	}
	settle.Set(nil, err)
	return future
}

// promised is a future that a coroutine of the crew can wait for.
type promised struct {
	workflow.Future

	out *outbound
}

func (o *outbound) promise(f workflow.Future) workflow.Future { return promised{f, o} }

// Get implements workflow.Future. As everywhere in Temporal, no cancellation ends the wait.
func (p promised) Get(ctx workflow.Context, into any) error {
	if c := p.out.crew; c != nil && c.current != nil {
		_ = c.await(nil, p.IsReady)
	}
	return p.Future.Get(ctx, into)
}

// About how many events of a history things make.
const (
	timerEvents    = 2
	activityEvents = 6
	messageEvents  = 5
)

// count keeps account of the history, and suggests to continue as new when it has grown long.
func (w *world) count(n int) {
	before := w.events
	w.events += n
	w.env.SetCurrentHistoryLength(w.events)
	if before < w.options.ContinueAfter && w.events >= w.options.ContinueAfter {
		w.env.SetContinueAsNewSuggested(true)
	}
}
