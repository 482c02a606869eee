package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/temporal"
)

// maxError bounds what an outcome says, in bytes: it is kept in the run's history.
const maxError = 500

// attempt hands a delivery to its transport as soon as that has room, on a context of its own: whoever
// asked for it may be gone by then. It also says what is known for the next attempt.
func (h *Hub) attempt(via *medium, d Delivery) (Outcome, retry) {
	select {
	case via.slots <- struct{}{}:
		defer func() { <-via.slots }()
	case <-h.running.Done():
		return Outcome{State: Failed, Error: "this worker is stopping"}, retry{}
	}
	ctx, cancel := context.WithTimeout(h.running, sendLimit)
	defer cancel()
	receipt, err := h.careful(ctx, via, d)
	if err != nil {
		return failed(ctx, err)
	}
	return Outcome{State: Sent, Ref: receipt.Ref, At: time.Now().UTC()}, retry{}
}

// careful sends and makes an error of a panic: one message that a transport chokes on must not take the
// worker with it.
func (h *Hub) careful(ctx context.Context, via *medium, d Delivery) (r Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			h.logger.Error("transport panicked", "transport", via.Name(), "delivery", d.ID,
				"panic", h.redact(fmt.Sprint(p)), "stack", h.redact(string(debug.Stack())))
			err = temporal.NewNonRetryableApplicationError("a fault in Orderly, please report it: "+fmt.Sprint(p), "Panic", nil)
		}
	}()
	return via.Send(ctx, d)
}

// failed makes an outcome of an error. Where the medium neither refused for good nor said when to come
// back, nobody knows whether the message arrived.
func failed(ctx context.Context, err error) (Outcome, retry) {
	o, r := Outcome{State: Failed, Error: cutText(Words(err), maxError)}, retry{unclear: true}
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &app) && app.NonRetryable():
		o.Permanent, r.unclear = true, false
	case app != nil && app.NextRetryDelay() > 0:
		r = retry{at: time.Now().Add(app.NextRetryDelay())}
	case ctx.Err() != nil:
		o.Error = cutText("no answer in time: "+Words(err), maxError)
	}
	return o, r
}
