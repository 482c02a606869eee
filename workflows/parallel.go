package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// parallel runs steps side by side. All are seen to their end, so that nothing is left half done; the
// first failure, in the order they are written, is the step's.
func (r *run) parallel(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	errs := make([]error, len(s.Parallel))
	under := 0
	for i := range s.Parallel {
		under++
		workflow.GoNamed(ctx, rec.Steps[i].Path, func(ctx workflow.Context) {
			defer func() { under-- }()
			errs[i] = r.step(ctx, &s.Parallel[i], rec.Steps[i], f)
		})
	}
	waitAll(ctx, &under)
	return firstError(errs)
}

// waitAll waits until nothing is under way, even when ctx is cancelled: whoever is waited for notices the
// cancellation itself.
func waitAll(ctx workflow.Context, under *int) {
	steady, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(steady, func() bool { return *under == 0 }) // can't be cancelled
}

// firstError is what a group of errors amounts to: continuing as new goes before everything else,
// because then the group goes on later; a cancellation goes before a failure it may have caused.
func firstError(errs []error) error {
	var first error
	for _, err := range errs {
		switch {
		case errors.Is(err, errDraining):
			return err
		case first == nil, temporal.IsCanceledError(err) && !temporal.IsCanceledError(first):
			first = err
		}
	}
	return first
}
