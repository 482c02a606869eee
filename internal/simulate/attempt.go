package simulate

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.w.count(activityEvents)
	future, settle := workflow.NewFuture(ctx)
	a := &execution{out: o, name: name, args: args, options: workflow.GetActivityOptions(ctx), cancelled: func() bool { return ctx.Err() != nil }}
	if _, ours := o.w.own[name]; ours && a.atOnce(ctx, settle) {
		return o.promise(future)
	}
	outside, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(outside, "activity "+name, func(outside workflow.Context) { settle.Set(a.run(outside)) })
	return o.promise(future)
}

// ExecuteLocalActivity implements interceptor.WorkflowOutboundInterceptor. A local activity ends in the task that
// begins it, so its first attempt is made at once.
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.w.count(1)
	future, settle := workflow.NewFuture(ctx)
	local := workflow.GetLocalActivityOptions(ctx)
	a := &execution{out: o, name: name, args: args, cancelled: func() bool { return ctx.Err() != nil }, options: workflow.ActivityOptions{
		StartToCloseTimeout: local.StartToCloseTimeout, ScheduleToCloseTimeout: local.ScheduleToCloseTimeout, RetryPolicy: local.RetryPolicy,
	}}
	if a.atOnce(ctx, settle) {
		return o.promise(future)
	}
	outside, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(outside, "local activity "+name, func(outside workflow.Context) { settle.Set(a.run(outside)) })
	return o.promise(future)
}

// atOnce makes the first attempt, and says whether that was all because it took no time.
func (a *execution) atOnce(ctx workflow.Context, settle workflow.Settable) bool {
	answer, err := a.perform(ctx, workflow.Now(ctx))
	if err != nil || answer.took > 0 {
		a.first = &performed{answer, err}
		return false
	}
	settle.Set(answer.value, nil)
	return true
}

// execution is one activity on its way through its attempts, as a Temporal server would see to it.
type execution struct {
	out       *outbound
	name      string
	args      []any
	options   workflow.ActivityOptions
	cancelled func() bool

	scheduled time.Time
	n         int // attempts that were begun
	first     *performed
}

// performed is what an attempt came to that was carried out ahead.
type performed struct {
	outcome outcome
	err     error
}

// outcome is what one attempt comes to.
type outcome struct {
	value any
	took  time.Duration
	hangs bool
}

// run makes attempts until one succeeds or no more may be made.
func (a *execution) run(ctx workflow.Context) (any, error) {
	w := a.out.w
	a.scheduled = workflow.Now(ctx)
	for begin := a.scheduled; ; {
		begin = w.alive(begin)
		if !a.sleepUntil(ctx, begin, a.cancelled) {
			return nil, a.failure(temporal.NewCanceledError(), enumspb.RETRY_STATE_CANCEL_REQUESTED)
		}
		value, ended, err := a.attempt(ctx, begin)
		if err == nil {
			return value, nil
		}
		next, state := a.next(err, ended)
		if state != enumspb.RETRY_STATE_IN_PROGRESS {
			return nil, a.failure(err, state)
		}
		begin = next
	}
}

// sleepUntil waits until t, or, in the time when no worker lives, until one does. It answers false when stop
// holds first.
func (a *execution) sleepUntil(ctx workflow.Context, t time.Time, stop func() bool) bool {
	left := a.out.w.alive(t).Sub(workflow.Now(ctx))
	if left <= 0 {
		return !stop()
	}
	stopped, _ := a.out.await(ctx, left, stop) // ctx is outside of any cancellation
	return !stopped
}

// attempt makes one attempt and says when it ended, by the server's clock.
func (a *execution) attempt(ctx workflow.Context, began time.Time) (any, time.Time, error) {
	a.n++
	w := a.out.w
	answer, err := a.perform(ctx, began)
	ended, timeout := began.Add(answer.took), (*temporal.TimeoutError)(nil)
	if limit := a.limit(began); limit.Before(ended) || answer.hangs {
		ended, timeout = limit, asTimeout(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil))
	}
	died := w.killed(began, ended)
	if !died.IsZero() {
		ended, timeout = a.missed(began, died)
	}
	if timeout != nil {
		answer.value, err = nil, timeout
	}
	if gaveUp := a.sleepOrCancel(ctx, began, ended, &ended); gaveUp {
		answer.value, err = nil, temporal.NewCanceledError()
	}
	a.keep(began, ended, err, !died.IsZero())
	return answer.value, ended, err
}

func asTimeout(err error) *temporal.TimeoutError {
	timeout, _ := errors.AsType[*temporal.TimeoutError](err)
	return timeout
}

// sleepOrCancel waits for the end of an attempt. One that heartbeats learns of a cancellation with a beat, and
// then ends.
func (a *execution) sleepOrCancel(ctx workflow.Context, began, ended time.Time, into *time.Time) bool {
	if a.options.HeartbeatTimeout == 0 {
		a.sleepUntil(ctx, ended, func() bool { return false })
		return false
	}
	if a.sleepUntil(ctx, ended, a.cancelled) || workflow.Now(ctx).Equal(ended) {
		return false
	}
	beat := a.beat()
	noticed := began.Add(workflow.Now(ctx).Sub(began).Truncate(beat) + beat)
	if !noticed.Before(ended) {
		a.sleepUntil(ctx, ended, func() bool { return false })
		return false
	}
	a.sleepUntil(ctx, noticed, func() bool { return false })
	*into = noticed
	return true
}

// beat is how often a heartbeat gets to the server: the SDK thins them out.
func (a *execution) beat() time.Duration {
	return min(a.options.HeartbeatTimeout*4/5, time.Minute)
}

// limit is when an attempt is over time.
func (a *execution) limit(began time.Time) time.Time {
	limit := began.Add(time.Duration(math.MaxInt64) / 4)
	if a.options.StartToCloseTimeout > 0 {
		limit = began.Add(a.options.StartToCloseTimeout)
	}
	if total := a.options.ScheduleToCloseTimeout; total > 0 && a.scheduled.Add(total).Before(limit) {
		limit = a.scheduled.Add(total)
	}
	return limit
}

// missed is when the server notices that the worker of an attempt has died.
func (a *execution) missed(began, died time.Time) (time.Time, *temporal.TimeoutError) {
	limit := a.limit(began)
	if a.options.HeartbeatTimeout > 0 {
		last := began.Add(died.Sub(began).Truncate(a.beat()))
		if silent := last.Add(a.options.HeartbeatTimeout); silent.Before(limit) {
			return silent, asTimeout(temporal.NewHeartbeatTimeoutError())
		}
	}
	return limit, asTimeout(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil))
}

// next is when another attempt is made, and if none is, why.
func (a *execution) next(err error, ended time.Time) (time.Time, enumspb.RetryState) {
	retry := a.options.RetryPolicy
	app, isApp := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case a.cancelled():
		return ended, enumspb.RETRY_STATE_CANCEL_REQUESTED
	case temporal.IsCanceledError(err), isApp && (app.NonRetryable() || retry != nil && slices.Contains(retry.NonRetryableErrorTypes, app.Type())):
		return ended, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	case retry != nil && retry.MaximumAttempts > 0 && a.n >= int(retry.MaximumAttempts):
		return ended, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
	}
	pause := a.pause(retry)
	if isApp && app.NextRetryDelay() > 0 {
		pause = app.NextRetryDelay()
	}
	next := ended.Add(pause)
	if total := a.options.ScheduleToCloseTimeout; total > 0 && next.After(a.scheduled.Add(total)) {
		return next, enumspb.RETRY_STATE_TIMEOUT
	}
	return next, enumspb.RETRY_STATE_IN_PROGRESS
}

// pause is the time before the next attempt, with Temporal's defaults.
func (a *execution) pause(retry *temporal.RetryPolicy) time.Duration {
	p := temporal.RetryPolicy{}
	if retry != nil {
		p = *retry
	}
	if p.InitialInterval == 0 {
		p.InitialInterval = time.Second
	}
	if p.BackoffCoefficient == 0 {
		p.BackoffCoefficient = 2
	}
	if p.MaximumInterval == 0 {
		p.MaximumInterval = 100 * p.InitialInterval
	}
	pause := float64(p.InitialInterval) * math.Pow(p.BackoffCoefficient, float64(a.n-1))
	return time.Duration(min(pause, float64(p.MaximumInterval)))
}

// perform finds out what an attempt comes to.
func (a *execution) perform(ctx workflow.Context, began time.Time) (outcome, error) {
	w := a.out.w
	if p := a.first; p != nil {
		a.first = nil
		return p.outcome, p.err
	}
	if _, ours := w.own[a.name]; ours {
		value, took, err := w.callOwn(a.name, a.args)
		return outcome{value: value, took: took}, err
	}
	raw, _ := a.args[0].(json.RawMessage)
	return w.act(a.call(ctx, raw, began))
}

// call is what an action is asked.
func (a *execution) call(ctx workflow.Context, raw json.RawMessage, began time.Time) *call {
	act, _ := a.out.w.options.Catalogue.Action(a.name)
	c := &call{action: act, raw: raw, step: a.options.ActivityID, n: a.n, at: began, run: workflow.GetInfo(ctx).WorkflowExecution}
	_ = json.Unmarshal(raw, &c.with) // the engine made it of a map
	c.dry, _ = c.with["dry_run"].(bool)
	return c
}

// keep notes the attempt, if it was one at an action.
func (a *execution) keep(began, ended time.Time, err error, lost bool) {
	if _, ours := a.out.w.own[a.name]; ours {
		return
	}
	done := Attempt{
		At: began.UTC(), Ended: ended.UTC(), Run: a.out.run.id, Step: a.options.ActivityID, Action: a.name, N: a.n, Lost: lost,
	}
	if raw, ok := a.args[0].(json.RawMessage); ok {
		var with struct {
			DryRun bool `json:"dry_run"`
		}
		_ = json.Unmarshal(raw, &with) // another type under that name is no dry run
		done.Dry = with.DryRun
	}
	if err != nil {
		done.Error = words(err)
	}
	a.out.w.result.Attempts = append(a.out.w.result.Attempts, done)
}

// words is an error as people read it.
func words(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	if t, ok := errors.AsType[*temporal.TimeoutError](err); ok && t.TimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT {
		return "no sign of life"
	} else if ok {
		return "no answer in time"
	}
	if temporal.IsCanceledError(err) {
		return "cancelled"
	}
	return err.Error()
}

// call is what an action is asked by one attempt.
type call struct {
	action sops.Action
	raw    json.RawMessage
	with   map[string]any
	step   string // activity id: the step's path
	run    workflow.Execution
	n      int
	at     time.Time
	dry    bool
}
