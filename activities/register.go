package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// MaxOutput is how large an action's output may be, in bytes of JSON. Outputs are kept in the run's
// history and in its record, which Temporal limits to 2 MB a payload and 50 MB a history.
const MaxOutput = 512 << 10

// Registry is where activities are registered: a Temporal worker or a test environment.
type Registry interface {
	RegisterActivityWithOptions(fn any, options activity.RegisterOptions)
}

// Register registers every action under its name. What leaves an action is made fit for the history
// first: redact (nil: nothing is changed) takes the secrets out of error texts and details, a panic is a
// permanent error, and an output above MaxOutput is refused.
func Register(r Registry, defs []action.Definition, redact func(string) string) {
	if redact == nil {
		redact = func(s string) string { return s }
	}
	for _, def := range defs {
		r.RegisterActivityWithOptions(guard(def, redact), activity.RegisterOptions{Name: def.Name})
	}
}

// Close frees what the clients of all actions hold. Call it when the worker has stopped.
func Close(defs []action.Definition) error {
	var errs []error
	for _, def := range defs {
		if def.Close != nil {
			errs = append(errs, def.Close())
		}
	}
	return errors.Join(errs...)
}

// guard makes the activity of one action.
func guard(def action.Definition, redact func(string) string) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, input json.RawMessage) (output json.RawMessage, err error) {
		defer func() {
			if p := recover(); p != nil {
				output, err = nil, panicked(ctx, def.Name, p, redact)
			}
		}()
		output, err = def.Invoke(ctx, input)
		if err != nil {
			return nil, presentable(ctx, err, redact)
		}
		if len(output) > MaxOutput {
			return nil, action.Permanent(action.ErrOutput,
				"%s: the output is %d KiB and a run keeps at most %d KiB of it: ask for less, or save it as an artifact",
				def.Name, len(output)>>10, MaxOutput>>10)
		}
		return output, nil
	}
}

// panicked turns a panic into a permanent error. The stack goes to the log only.
func panicked(ctx context.Context, name string, p any, redact func(string) string) error {
	text := redact(fmt.Sprint(p))
	stack := redact(string(debug.Stack()))
	if activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Error("action panicked", "action", name, "panic", text, "stack", stack)
	} else {
		slog.ErrorContext(ctx, "action panicked", "action", name, "panic", text, "stack", stack)
	}
	return action.Permanent(action.ErrPanic, "%s: a fault in Orderly, please report it: %s", name, text)
}

// presentable makes an error fit to be kept: cancellation stays what it is, everything else becomes one
// application error without causes (their words are in its message) and without secrets.
func presentable(ctx context.Context, err error, redact func(string) string) error {
	if errors.Is(err, activity.ErrResultPending) {
		return err
	}
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		return cancelled
	}
	if ctx.Err() != nil { // whatever failed, failed because of that
		return ctx.Err()
	}
	text, options := redact(words(err)), temporal.ApplicationErrorOptions{}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return temporal.NewApplicationErrorWithOptions(text, "Failed", options)
	}
	options.NonRetryable = app.NonRetryable()
	options.NextRetryDelay = app.NextRetryDelay()
	options.Category = app.Category()
	options.Details = redactDetails(app, redact)
	return temporal.NewApplicationErrorWithOptions(text, app.Type(), options)
}
