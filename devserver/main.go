// Command devserver is Orderly in one process: a Temporal server with its web UI, keeping everything in
// one SQLite file, and the worker. It is for trying Orderly and for small installations on one machine;
// it listens on the loopback interface unless told otherwise, and asks nobody for credentials.
//
// Of orderly.yaml it honours everything but temporal.address and temporal.profile: its worker always
// uses the server inside. Temporal's settings in the environment (TEMPORAL_…) mean nothing to it either.
package main

import (
	"context"
	"io"
	"os"

	"github.com/orderly-ops/orderly/internal/service"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the process; it gives the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	var f *flags
	return service.Main(service.Process{
		Name: "devserver", Stdout: stdout, Stderr: stderr,
		Parse: func() (onlyVersion bool, err error) {
			f, err = parseFlags(args, stderr)
			return err == nil && f.version, err
		},
		Serve: func(ctx context.Context) error { return serve(ctx, f, stdout, stderr) },
	})
}
