package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// answers is what asking about many containers brought. found has an entry for each container asked
// about, nil where it has vanished or could not be read.
type answers[T any] struct {
	found  []*T
	unread []Unread
}

// ask asks one question about every container, at most atOnce at a time, and takes no longer than within
// for all of them together. A container that has vanished since it was listed is no news; one that can't
// be read is noted. Only when none can be read is that an error.
func ask[T any](ctx context.Context, about []summary, atOnce int, within time.Duration, question func(context.Context, summary) (T, bool, error)) (answers[T], error) {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	found, errs := make([]*T, len(about)), make([]error, len(about))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, c := range about {
		group.Go(func() error {
			found[i], errs[i] = one(bounded, c, question)
			return nil // one container's trouble is not the others'
		})
	}
	_ = group.Wait()
	if ctx.Err() != nil {
		return answers[T]{}, ctx.Err()
	}
	return gather(about, found, errs)
}

func one[T any](ctx context.Context, about summary, question func(context.Context, summary) (T, bool, error)) (*T, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	answer, ok, err := question(ctx, about)
	if err != nil || !ok {
		return nil, err
	}
	return &answer, nil
}

func gather[T any](about []summary, found []*T, errs []error) (answers[T], error) {
	all := answers[T]{found: found, unread: []Unread{}}
	var last error
	for i, err := range errs {
		if err == nil || missing(err) {
			continue
		}
		last = err
		all.unread = append(all.unread, Unread{Name: about[i].name, ID: short(about[i].id), Why: why(err)})
	}
	if len(about) > 0 && len(all.unread) == len(about) {
		return answers[T]{}, fmt.Errorf("none of %d containers could be read; the last one: %w", len(about), last)
	}
	return all, nil
}

func why(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "the engine did not answer in time"
	}
	return err.Error()
}
