package simulate

import (
	"errors"
	"iter"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// crew are the coroutines of one run, in the order of their beginning. Temporal's own SDK gives each of its
// coroutines a goroutine and wakes all of them for everything that happens, only for most to look and sleep on: in
// an incident of a month that is nearly all there is to do. A crew takes the same turns in the same order, but looks
// itself whether what somebody waits for has come, and wakes only those for whom it has.
//
// The SDK sees one coroutine, the run's first; besides it there are those of Updates, which take their turns before.
type crew struct {
	members  []*member
	current  *member // whose turn it is; nil while the SDK or a handler of an Update has it
	handlers int     // Updates under way
	closed   bool    // everybody is being sent home
}

// member is one coroutine.
type member struct {
	next  func() (struct{}, bool) // goes on until it waits again, or ends
	stop  func()
	yield func(struct{}) bool

	holds func() bool      // what it waits for; nil before it has begun
	ctx   workflow.Context // whose cancellation it hears of; nil for none
	err   error            // why it went on without
}

// errSentHome ends a coroutine whose run is over.
var errSentHome = errors.New("the run is over")

// begin adds a coroutine, which has its first turn after all that are there.
func (c *crew) begin(ctx workflow.Context, f func(workflow.Context)) {
	if c.closed {
		return
	}
	m := &member{}
	m.next, m.stop = iter.Pull(func(yield func(struct{}) bool) {
		m.yield = yield
		defer func() {
			if c.closed {
				_ = recover() // what is put back on the way home may complain that there is no run any more
			}
		}()
		f(ctx)
	})
	c.members = append(c.members, m)
}

// await has the coroutine whose turn it is wait until something holds, or until ctx is cancelled if there is one.
func (c *crew) await(ctx workflow.Context, holds func() bool) error {
	if holds() {
		return nil
	}
	m := c.current
	m.holds, m.ctx, m.err = holds, ctx, nil
	if m.isCancelled() {
		return m.err
	}
	if !m.yield(struct{}{}) {
		panic(errSentHome)
	}
	return m.err
}

// wakes says whether a coroutine goes on.
func (m *member) wakes() bool { return m.holds == nil || m.holds() || m.isCancelled() }

func (m *member) isCancelled() bool {
	if m.ctx == nil || m.ctx.Err() == nil {
		return false
	}
	m.err = temporal.NewCanceledError("Await context canceled")
	return true
}

// round gives everybody a turn, and says whether anybody went on.
func (c *crew) round() bool {
	moved := false
	for i := 0; i < len(c.members); i++ {
		m := c.members[i]
		if !m.wakes() {
			continue
		}
		moved = true
		c.current = m
		_, goesOn := m.next()
		c.current = nil
		if !goesOn {
			c.members = slices.Delete(c.members, i, i+1)
			i--
		}
	}
	return moved
}

// work is one turn of the crew, as the SDK counts them: a round while an Update takes turns with it, else as many as
// it takes until all wait. It says whether the SDK has to come round again.
func (c *crew) work() bool {
	for c.round() {
		if c.handlers > 0 {
			return true
		}
	}
	return false
}

// serve works, turn by turn, until done holds and all that is left waits.
func (c *crew) serve(wait func(holds func() bool) error, done func() bool) {
	moved := c.work()
	for moved || !done() {
		had := true // this turn
		_ = wait(func() bool {
			if had {
				had = false
				return false
			}
			moved = c.work()
			return moved || done()
		})
	}
}

// dismiss ends all coroutines that still wait.
func (c *crew) dismiss() {
	c.closed = true
	for _, m := range c.members {
		c.current = m
		m.stop()
	}
	c.members, c.current = nil, nil
}
