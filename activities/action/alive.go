package action

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// beat is well below the shortest Heartbeat an action declares. The SDK thins the beats out by itself.
const beat = 5 * time.Second

// KeepAlive heartbeats for an action that waits for something else, until the function it returns is
// called. Through it the action learns that it was cancelled, as ctx is then done, and Temporal notices
// when its worker died. Outside an activity it does nothing.
//
// Details travel with every beat: a later attempt reads them with activity.GetHeartbeatDetails.
func KeepAlive(ctx context.Context, details ...any) (stop func()) {
	return Report(ctx, func() []any { return details })
}

// Report is KeepAlive with details that change: current gives what is true at each beat, the first of which
// is made at once and the last when stop is called. It is called from another goroutine and must not wait.
// Beats go on after a cancellation, until stop: what is cleaned up then may take long.
func Report(ctx context.Context, current func() []any) (stop func()) {
	if !activity.IsActivity(ctx) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	activity.RecordHeartbeat(ctx, current()...) // before anything is done, so that a crash can't lose the details
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx, current()...)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		activity.RecordHeartbeat(context.WithoutCancel(ctx), current()...) // what the next attempt begins with
	}
}
