package service

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

// Process is a program of ours from its flags to its end.
type Process struct {
	// Name is what it is called in messages.
	Name           string
	Stdout, Stderr io.Writer
	// Parse reads the flags and says whether only the version is asked for.
	Parse func() (version bool, err error)
	// Serve runs until ctx ends.
	Serve func(ctx context.Context) error
}

// Main is the process. It gives the exit code: 0 after a stop that was asked for, 2 for flags that make
// no sense, 1 for everything else.
func Main(p Process) int {
	versionOnly, err := p.Parse()
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(p.Stderr, "%s: %v\n", p.Name, err)
		return 2
	case versionOnly:
		_, _ = fmt.Fprintln(p.Stdout, "orderly", p.Name, version.String())
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// From the first signal on, a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := p.Serve(ctx); err != nil {
		_, _ = fmt.Fprintf(p.Stderr, "%s: %v\n", p.Name, err)
		return 1
	}
	return 0
}
