package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/orderly-ops/orderly/activities/action"
)

// missing says that an error means "no such container".
func missing(err error) bool { return cerrdefs.IsNotFound(err) }

// failed words an engine's error and says, by its kind, whether trying again can help. An engine that is
// gone, slow or busy may come back; one that refuses us won't change its mind.
func (e *engine) failed(doing string, err error) error {
	where := fmt.Sprintf("docker %q (%s): %s", e.name, e.host, doing)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", where, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer in time: see whether the engine hangs", where)
	case errors.Is(err, fs.ErrPermission):
		return action.Permanent(action.ErrDenied, "%s: permission denied: let the worker's user use the socket (group docker)", where)
	case nobodyThere(err):
		return fmt.Errorf("%s: can't connect (%s): see whether the engine runs", where, cause(err))
	case cerrdefs.IsUnauthorized(err), cerrdefs.IsPermissionDenied(err):
		return action.Permanent(action.ErrDenied, "%s: %v", where, err)
	case missing(err):
		return action.Permanent(action.ErrNotFound, "%s: %v", where, err)
	case cerrdefs.IsInvalidArgument(err), cerrdefs.IsNotImplemented(err):
		return action.Permanent(action.ErrInput, "%s: %v", where, err)
	default:
		return fmt.Errorf("%s: %w", where, err)
	}
}

// cause takes the library's advice, and the address that where names already, off a connection error.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); strings.Contains(text, "dial ") && i >= 0 {
		return text[i+2:]
	}
	if strings.HasPrefix(text, "Cannot connect") {
		return "nobody answers"
	}
	return text
}

// unknown is the error for a container that does not exist; it names those that do.
func (e *engine) unknown(ctx context.Context, doing, name string) error {
	all, err := e.list(ctx, true)
	if err != nil {
		return err
	}
	const most = 20
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.name)
	}
	hint := action.Suggest(name, names)
	if len(names) > most {
		// With so many the list hides the answer; the suggestion stays.
		hint, _, _ = strings.Cut(hint, " (known:")
	}
	return action.Permanent(action.ErrNotFound, "docker %q (%s): %s: no such container%s", e.name, e.host, doing, hint)
}
