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

// handOut gives flights to their transport, which is the same for all, as soon as that has room: one as it
// is, several, which are then for the same recipient, as a digest. Those that nobody wants any more are
// left out.
func (h *Hub) handOut(flights []*flight) {
	if len(flights) == 0 {
		return
	}
	via, began := flights[0].via, time.Now()
	select {
	case via.slots <- struct{}{}:
		defer func() { <-via.slots }()
	case <-h.running.Done():
		h.settle(flights, Outcome{State: Failed, Error: "this worker is stopping"}, retry{})
		return
	}
	flights = h.wanted(flights)
	if len(flights) == 0 {
		return
	}
	d := flights[0].Delivery
	if len(flights) > 1 {
		d = digestOf(flights)
	}
	o, r := h.attempt(via, d)
	o.Digest = len(flights) > 1
	h.settle(flights, o, r)
	for range flights {
		h.counts.delivered(o, via.Name(), time.Since(began))
	}
}

// wanted lands the flights that nobody wants any more, and gives the others.
func (h *Hub) wanted(flights []*flight) []*flight {
	var on, off []*flight
	for _, f := range flights {
		if f.off.Load() {
			off = append(off, f)
		} else {
			on = append(on, f)
		}
	}
	h.settle(off, Outcome{State: Failed, Error: "not sent: it was not wanted any more"}, retry{})
	return on
}

// attempt sends a delivery, on a context of its own: whoever asked for it may be gone. It also says what is
// known for the next attempt.
func (h *Hub) attempt(via *medium, d Delivery) (Outcome, retry) {
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
