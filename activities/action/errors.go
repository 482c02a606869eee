package action

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// The types of permanent failure: none of them is retried. They are the `type` of the Temporal failure.
const (
	ErrInput         = "InvalidInput"  // the step's `with` can't be carried out as it stands
	ErrNotConfigured = "NotConfigured" // orderly.yaml names no such target
	ErrDenied        = "Denied"        // the outside system refused us: authentication, permission, 4xx
	ErrNotFound      = "NotFound"      // the thing named does not exist
	ErrOutput        = "BadOutput"     // the action's output can't be kept: too large, or not JSON
	ErrCommand       = "CommandFailed" // a command ended with a code that means failure, or did not end
	ErrCorrupt       = "Corrupt"       // what was stored is not what was written: cut off, changed, or not whole
	ErrPanic         = "Panic"         // a fault in the action itself
)

// Permanent makes an error that is not retried. kind is one of the Err constants.
func Permanent(kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return temporal.NewNonRetryableApplicationError(err.Error(), kind, nil)
}
