package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// stepError is a failure with its place.
type stepError struct {
	Phase, Step string
	Cause       error
}

func (e *stepError) Error() string { return failureOf(e).String() }
func (e *stepError) Unwrap() error { return e.Cause }

// String names phase, step and cause.
func (f *Failure) String() string {
	var b strings.Builder
	if f.Phase != "" {
		fmt.Fprintf(&b, "phase %q, ", f.Phase)
	}
	if f.Step != "" {
		fmt.Fprintf(&b, "step %q, ", f.Step)
	}
	return strings.TrimSuffix(b.String(), ", ") + colon(b.Len() > 0) + f.Message
}

func colon(yes bool) string {
	if yes {
		return ": "
	}
	return ""
}

// failureOf is the account of an error; nil for none and for a cancellation, which is no failure.
func failureOf(err error) *Failure {
	if err == nil || temporal.IsCanceledError(err) {
		return nil
	}
	if at, ok := errors.AsType[*stepError](err); ok {
		return &Failure{Phase: at.Phase, Step: at.Step, Message: cause(at.Cause)}
	}
	return &Failure{Message: cause(err)}
}

// cause is what went wrong in an operator's words: Temporal's wrapping says nothing to them.
func cause(err error) string {
	text := err.Error()
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		text = timeoutText(timeout, 0, 0)
	} else if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		text = app.Message()
	} else if temporal.IsCanceledError(err) {
		text = "it was cancelled"
	}
	return shorten(text, maxError)
}

// timeoutText says after how long, where that is known.
func timeoutText(t *temporal.TimeoutError, attempt, silence time.Duration) string {
	within := func(text string, d time.Duration) string {
		if d == 0 {
			return text
		}
		return text + " within " + took(d)
	}
	switch t.TimeoutType() {
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return within("no sign of life", silence)
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return "no worker took it in time"
	default:
		return within("no answer", attempt)
	}
}

// actionError says of an action's failure after how long and after how many attempts, too.
func actionError(err error, options workflow.ActivityOptions) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	text, kind := cause(err), ErrStep
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		text = timeoutText(timeout, options.StartToCloseTimeout, options.HeartbeatTimeout)
	} else if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		kind = app.Type()
	}
	act, ok := errors.AsType[*temporal.ActivityError](err)
	tried := options.RetryPolicy.MaximumAttempts
	if ok && act.RetryState() == enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED && tried > 1 {
		text += fmt.Sprintf(" (%d attempts)", tried)
	}
	return permanent(kind, "%s", text)
}

// runError says which run failed, where its own failure does not.
func runError(err error, id string) error {
	if _, ok := errors.AsType[*temporal.ChildWorkflowExecutionAlreadyStartedError](err); ok {
		return permanent(ErrStep, "the run %s is open already", id)
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		return permanent(ErrStep, "the run %s was terminated", id)
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return permanent(ErrStep, "the run %s: %s", id, timeoutText(timeout, 0, 0))
	}
	return err
}

// plain makes an error of a local activity the run's own failure.
func plain(err error) error {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return temporal.NewNonRetryableApplicationError(app.Message(), app.Type(), nil)
	}
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	return permanent(ErrUnreadable, "the procedure could not be read: %s", cause(err))
}

// took writes a length of time as people say it: to the millisecond below a second, to the tenth below
// a minute, to the second above.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return sops.Duration(d.Round(time.Second)).String()
	}
}

// shorten cuts text to at most n bytes, at a rune's border.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

func joinLines(lines []string) string { return strings.Join(lines, "; ") }

// maxError bounds the text of a failure in bytes: it is kept in several places of the record, and Temporal
// bounds failures.
const maxError = 2000

// summaryOf is a title as Temporal shows it beside an activity, timer or run: at most 400 bytes there, and
// Markdown.
func summaryOf(title string) string { return shorten(escape(title), 200) }
