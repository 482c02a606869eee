// Package action is how an integration declares what it can do: a name, a documented pair of Go types
// and a function. The catalogue (package activities) lists the declarations; the engine and the docs
// know actions only through them.
package action

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// Definition is one declared action: what procedures know of it, and the Temporal activity behind it.
type Definition struct {
	sops.Action
	// Activity is a func(context.Context, In) (Out, error).
	Activity any
	// Invoke calls Activity with JSON: it decodes the input strictly and encodes the output. This is
	// what a worker registers, so that a wrong `with` can't arrive as an empty struct.
	Invoke func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)
	// Close, when not nil, frees what the action's clients hold. Actions of one integration share it;
	// calling it more than once is harmless.
	Close func() error
}

// Option changes a definition while it is made.
type Option func(*Definition)

// Define declares an action. One attempt may take a minute and is made three times, 1 s, 2 s apart,
// unless options say otherwise.
func Define[In, Out any](name, doc string, fn func(context.Context, In) (Out, error), opts ...Option) Definition {
	d := Definition{
		Action: sops.Action{
			Name:    name,
			Doc:     doc,
			Input:   sops.TypeOf[In](),
			Output:  sops.TypeOf[Out](),
			Timeout: time.Minute,
			Retry:   sops.Retry{Attempts: 3, Initial: sops.Duration(time.Second), Backoff: 2},
		},
		Activity: fn,
	}
	for _, o := range opts {
		o(&d)
	}
	d.Invoke = invoker(d.Action, fn)
	return d
}

// Timeout sets how long one attempt may take by default.
func Timeout(d time.Duration) Option { return func(def *Definition) { def.Timeout = d } }

// Heartbeat sets how long the action may be silent before it counts as lost.
func Heartbeat(d time.Duration) Option { return func(def *Definition) { def.Heartbeat = d } }

// Attempts sets how often a failed attempt is made by default, the first included.
func Attempts(n int) Option { return func(def *Definition) { def.Retry.Attempts = n } }

// Destructive marks an action that changes or deletes something. Its input must have a `dry_run` bool.
func Destructive() Option { return func(def *Definition) { def.Destructive = true } }

// ClosedBy says how to free what the action's clients hold. It must bear being called several times.
func ClosedBy(free func() error) Option { return func(def *Definition) { def.Close = free } }
