// Command devserver is Orderly in one process: a Temporal server with its web UI, keeping everything in
// one SQLite file, and the worker. It is for trying Orderly and for small installations on one machine;
// it listens on the loopback interface unless told otherwise, and asks nobody for credentials.
//
// Of orderly.yaml it honours everything but temporal.address and temporal.profile: its worker always
// uses the server inside. Temporal's settings in the environment (TEMPORAL_…) mean nothing to it either.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/orderly-ops/orderly/internal/version"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the process: its exit code is 0 after a stop that was asked for, 2 for flags that make no
// sense, 1 for everything else.
func run(args []string, stdout, stderr io.Writer) int {
	f, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "devserver: %v\n", err)
		return 2
	case f.version:
		_, _ = fmt.Fprintln(stdout, "orderly devserver", version.String())
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// From the first signal on, a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := serve(ctx, f, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "devserver: %v\n", err)
		return 1
	}
	return 0
}
