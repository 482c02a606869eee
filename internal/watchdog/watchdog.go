// Package watchdog lets somebody outside notice that nobody would be paged. As long as this worker can
// serve timers it pings a URL; a monitor that expects the ping (healthchecks.io, a dead man's snitch,
// Alertmanager in another house) raises the alarm when it stays away. Silence is the message, so whatever
// breaks, the process, Temporal, the network, is noticed.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/internal/config"
)

const (
	// WorkflowType is the workflow that proves it: a timer of a second, on the task queue of the procedures.
	WorkflowType = "orderly.watchdog"
	timer        = time.Second
	// patience is how long that may take from start to end. More means that pages are late.
	patience = 10 * time.Second
	// pingTimeout bounds one ping.
	pingTimeout = 10 * time.Second
)

// Register lets a worker serve the workflow. Every worker of a queue has to, whether it has a watchdog of
// its own or not, since any of them may be handed it.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(prove, workflow.RegisterOptions{Name: WorkflowType})
}

// prove is the workflow: timers fire, and what follows them runs.
func prove(ctx workflow.Context) error { return workflow.Sleep(ctx, timer) }

// Watchdog is what one worker watches and whom it tells.
type Watchdog struct {
	Client   client.Client
	Queue    string
	Identity string                      // of the worker
	Polls    func(context.Context) error // whether the server sees this worker poll the queue
	Config   config.Watchdog
	Logger   *slog.Logger
	// Pinged is called after every ping that was taken.
	Pinged func(at time.Time)
}

// Run checks and pings until ctx ends, at once and then every Config.Every. It logs when the pings stop
// and when they go on.
func (w *Watchdog) Run(ctx context.Context) {
	pings := newClient()
	defer pings.CloseIdleConnections()
	tick := time.NewTicker(w.Config.Every)
	defer tick.Stop()
	var broken bool
	for {
		err := w.once(ctx, pings)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil && !broken:
			w.Logger.Error("watchdog: the pings stop", "error", err)
		case err == nil && broken:
			w.Logger.Info("watchdog: the pings go on")
		}
		broken = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// once is one pass: it pings only if timers are served.
func (w *Watchdog) once(ctx context.Context, pings *http.Client) error {
	if err := w.serves(ctx); err != nil {
		return err
	}
	if err := w.ping(ctx, pings); err != nil {
		return err
	}
	w.Pinged(time.Now())
	return nil
}

// serves says whether this worker takes work and whether a timer on its queue fires in time. Where several
// workers share the queue the timer may be served by another: the pages would be, too.
func (w *Watchdog) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLate)
	defer cancel()
	if err := w.Polls(ctx); err != nil {
		return late(ctx, err)
	}
	run, err := w.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        "orderly-watchdog/" + w.Identity,
		TaskQueue: w.Queue,
		// One that nobody serves must not wait for ever, nor keep the next from starting.
		WorkflowExecutionTimeout: patience,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		StaticSummary:            "Orderly's watchdog: do timers fire?",
	}, WorkflowType)
	if err != nil {
		return late(ctx, fmt.Errorf("start a timer: %w", err))
	}
	if err := run.Get(ctx, nil); err != nil {
		var timeout *temporal.TimeoutError
		if errors.As(err, &timeout) {
			return errLate
		}
		return late(ctx, fmt.Errorf("wait for a timer: %w", err))
	}
	return nil
}

var errLate = fmt.Errorf("a timer of %s was not served within %s: the workers of the task queue are overloaded, stuck, or gone", timer, patience)

// late prefers the reason that the time was over to what that did to a call.
func late(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	// The server keeps to the same deadline and may end the call a moment earlier.
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < time.Second {
		return errLate
	}
	return err
}

// newClient follows no redirects: a token in the URL stays with whom it is meant for.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       pingTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ping asks for the URL; any 2xx is good. Its errors never show the URL.
func (w *Watchdog) ping(ctx context.Context, pings *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Config.URL.Reveal(), http.NoBody)
	if err != nil {
		return errors.New("worker.watchdog.url is not a URL")
	}
	answer, err := pings.Do(request)
	if err != nil {
		var wrapped *url.Error // which quotes the URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Errorf("ping worker.watchdog.url: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("ping worker.watchdog.url: status %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return nil
}
