package notify

import (
	"context"
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
)

// Persist does something with a medium, up to three times as long as it fails, at the pace that the medium
// asks for, or a few seconds apart. It gives up where there is no use in trying again, or no time.
func Persist(ctx context.Context, do func(context.Context) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := do(ctx)
		wait := pause
		if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
			if app.NonRetryable() {
				return err
			}
			wait = max(wait, app.NextRetryDelay())
		}
		if err == nil || n == attempts || wait > longestPause || !sleep(ctx, wait) {
			return err
		}
		pause *= 4
	}
}

// Words is an error's text without what Temporal adds to its own errors.
func Words(err error) string {
	text := err.Error()
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return strings.Replace(text, app.Error(), app.Message(), 1)
	}
	return text
}
