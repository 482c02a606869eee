package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/version"
	"github.com/orderly-ops/orderly/internal/watchdog"
	"github.com/orderly-ops/orderly/workflows"
)

const (
	// startTimeout bounds how long the first polls may take to reach the server.
	startTimeout = 30 * time.Second
	// deadlockTimeout is how long a workflow task may compute before the SDK takes it for stuck.
	deadlockTimeout = 10 * time.Second
	// stickyTimeout is how long a workflow task waits for the worker that has the run in memory before any
	// worker may take it. It is also what a page waits that falls due just after that worker was killed, so
	// it is shorter than the SDK's 5 s. See docs/decisions/0011.
	stickyTimeout = 2 * time.Second
	// runsInMemory is how many open runs a worker keeps in memory, about 0.12 MB each. Others are read from
	// their history when something happens to them.
	runsInMemory = 2000
	// seenEvery is how often the server is asked, at start, whether it has seen them.
	seenEvery = 50 * time.Millisecond
)

// work starts the worker and waits until the server has seen it poll.
func (s *Service) work(ctx context.Context) error {
	opts, err := workerOptions(s.opts.Config.Worker)
	if err != nil {
		return err
	}
	opts.Identity = s.identity
	opts.OnFatalError = func(err error) { s.fail(fmt.Errorf("worker: %w", err)) }
	worker.SetStickyWorkflowCacheSize(runsInMemory)
	w := worker.New(s.client, s.queue, opts)
	s.program.Register(w)
	watchdog.Register(w)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker on task queue %q: %w", s.queue, err)
	}
	s.worker = w
	s.onStop(func() error { w.Stop(); return nil })
	return s.awaitPolling(ctx)
}

// workerOptions are the settings of every Orderly worker.
func workerOptions(cfg config.Worker) (worker.Options, error) {
	opts := worker.Options{
		WorkerStopTimeout: StopTimeout,
		Interceptors:      []interceptor.WorkerInterceptor{workflows.Interceptor()},
		// The default of 1 s would fail workflow tasks on a machine that is starved of processor, which is
		// when procedures are needed.
		DeadlockDetectionTimeout:     deadlockTimeout,
		StickyScheduleToStartTimeout: stickyTimeout,
		// Two fixed pollers, the SDK's default, fall behind when many deadlines are due at once, and what times
		// out of the sticky queue then waits for a poll of the normal one, up to 70 s.
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
	}
	if cfg.Deployment == "" {
		return opts, nil
	}
	build := cfg.BuildID
	if build == "" {
		build = version.String()
	}
	if build == version.Unknown {
		return opts, errors.New("worker.deployment is set but this binary carries no version: set worker.build_id in orderly.yaml")
	}
	opts.DeploymentOptions = worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: cfg.Deployment, BuildID: build},
		DefaultVersioningBehavior: versioning(cfg),
	}
	return opts, nil
}

// awaitPolling returns once the server lists this worker among the queue's pollers.
func (s *Service) awaitPolling(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	unseen := false
	for {
		err := s.polling(ctx)
		if err == nil {
			return nil
		}
		unseen = unseen || errors.Is(err, errNotPolled)
		select {
		case <-tick.C:
		case fatal := <-s.fatal:
			return fatal
		case <-ctx.Done():
			if unseen { // it may be on a partition that the server does not tell of
				s.opts.Logger.Warn("the server has not seen this worker poll yet; going on", "queue", s.queue)
				return nil
			}
			return fmt.Errorf("start the worker on task queue %q: %w", s.queue, err)
		}
	}
}

// polling says whether the server sees this worker poll its queue.
func (s *Service) polling(ctx context.Context) error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	resp, err := s.client.DescribeTaskQueue(ctx, s.queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return fmt.Errorf("describe task queue %q: %w", s.queue, err)
	}
	for _, p := range resp.GetPollers() {
		if p.GetIdentity() == s.identity {
			return nil
		}
	}
	if s.pollsAPartition(ctx) {
		return nil
	}
	return fmt.Errorf("task queue %q is %w by this worker", s.queue, errNotPolled)
}

// errNotPolled says that the server answers but has not seen this worker's polls.
var errNotPolled = errors.New("not polled")

// pollsAPartition looks at all partitions of the queue: the answer above is about its root only, and with few polls
// all of them may be at other ones. A server that does not know the question leaves it at that.
func (s *Service) pollsAPartition(ctx context.Context) bool {
	all, err := s.client.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{
		TaskQueue: s.queue, TaskQueueTypes: []client.TaskQueueType{client.TaskQueueTypeWorkflow}, ReportPollers: true,
		Versions: &client.TaskQueueVersionSelection{AllActive: true},
	})
	if err != nil {
		return false
	}
	//nolint:staticcheck // there is no other way yet to see the pollers of all partitions
	for _, info := range all.VersionsInfo {
		for _, kind := range info.TypesInfo {
			for _, p := range kind.Pollers {
				if p.Identity == s.identity {
					return true
				}
			}
		}
	}
	return false
}
