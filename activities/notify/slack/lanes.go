package slack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"
)

// postEvery is Slack's limit: about one message a second in a channel.
const postEvery = time.Second

// defaultPause is for a 429 that does not say how long.
const defaultPause = time.Second

// tooMany is the type of the failure that says when to come back.
const tooMany = "RateLimited"

// manyLanes is how many lanes are kept before those that are free again are dropped.
const manyLanes = 1000

// lanes keep this process within Slack's limits. A lane is a method, or a method and a channel where the
// limit is one of the channel; it is closed until its next call is due.
type lanes struct {
	mu   sync.Mutex
	free map[string]time.Time
}

func newLanes() *lanes { return &lanes{free: map[string]time.Time{}} }

// take books the lane's next turn at or after now, if that is before the deadline (zero: none), and says
// how long it is until then.
func (l *lanes) take(lane string, now, deadline time.Time, every time.Duration) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	turn := now
	if free := l.free[lane]; free.After(now) {
		turn = free
	}
	wait = turn.Sub(now)
	if !deadline.IsZero() && !turn.Before(deadline) {
		return wait, false
	}
	if every > 0 {
		l.set(lane, now, turn.Add(every))
	}
	return wait, true
}

// shut closes a lane for a time.
func (l *lanes) shut(lane string, now time.Time, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := now.Add(pause); until.After(l.free[lane]) {
		l.set(lane, now, until)
	}
}

func (l *lanes) set(lane string, now, until time.Time) {
	if len(l.free) >= manyLanes {
		for name, free := range l.free {
			if !free.After(now) {
				delete(l.free, name)
			}
		}
	}
	l.free[lane] = until
}

// enter waits for a call's turn. One that would come too late for the context is not waited for: the
// error says when to try again.
func (s *Slack) enter(ctx context.Context, o op) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("slack %s: %w", o, err)
	}
	every := time.Duration(0)
	if o.paced {
		every = s.every
	}
	deadline, _ := ctx.Deadline()
	wait, ok := s.lanes.take(o.lane(), s.now(), deadline, every)
	if !ok {
		return comeBack(wait, fmt.Sprintf("slack %s: Slack's limit of messages is reached", o))
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("slack %s: %w", o, ctx.Err())
	}
}

// comeBack is a failure that is tried again after a while.
func comeBack(after time.Duration, text string) error {
	text = fmt.Sprintf("%s: again in %s", text, after.Round(time.Millisecond))
	return temporal.NewApplicationErrorWithOptions(text, tooMany, temporal.ApplicationErrorOptions{NextRetryDelay: after})
}
