package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// maxMessage is how many bytes of arguments one workflow task may give away: all that begins in one task
// goes to Temporal in one message, and Temporal ends a run whose message has more than 4 MB.
const maxMessage = 2 << 20

// message is what the current workflow task has given away so far.
type message struct {
	length  int // of the history and
	at      time.Time
	bytes   int
	waiting int // for the next task
}

// room waits until so many bytes fit into the message of the current task: many steps with large arguments
// that begin side by side are spread over several tasks.
func (r *run) room(ctx workflow.Context, n int) error {
	if !r.message.fits(ctx, n) {
		r.message.waiting++
		if r.message.waiting == 1 {
			r.nextTasks(ctx)
		}
		err := workflow.Await(ctx, func() bool { return r.message.fits(ctx, n) })
		r.message.waiting--
		if err != nil {
			return err
		}
	}
	r.message.bytes += n
	return nil
}

// nextTasks brings tasks about as long as anybody waits for one.
func (r *run) nextTasks(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "next task", func(ctx workflow.Context) {
		for r.message.waiting > 0 {
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return
			}
		}
	})
}

func (m *message) fits(ctx workflow.Context, n int) bool {
	length, now := workflow.GetInfo(ctx).GetCurrentHistoryLength(), workflow.Now(ctx)
	if length != m.length || !now.Equal(m.at) {
		m.length, m.at, m.bytes = length, now, 0
	}
	return m.bytes == 0 || m.bytes+n <= maxMessage
}
