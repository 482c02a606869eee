package docker

import (
	"context"
	"sync"

	"go.temporal.io/sdk/activity"
)

// noted is what the first attempt of a step saw before it changed anything. It travels with the heartbeats,
// so that later attempts know it although nothing on the host shows it any more.
type noted[T any] struct {
	mu sync.Mutex
	v  T
}

// recall gives what an earlier attempt noted, or the zero value.
func recall[T any](ctx context.Context) *noted[T] {
	n := &noted[T]{}
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		var left T
		if activity.GetHeartbeatDetails(ctx, &left) == nil {
			n.v = left
		}
	}
	return n
}

func (n *noted[T]) get() T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.v
}

// set notes a value and sends it off before anything else is done.
func (n *noted[T]) set(ctx context.Context, v T) {
	n.mu.Lock()
	n.v = v
	n.mu.Unlock()
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, v)
	}
}

// beats is for action.Report.
func (n *noted[T]) beats() []any { return []any{n.get()} }
