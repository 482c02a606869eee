// Command worker is Orderly's worker: it runs the procedures and actions that Temporal hands out, and
// answers health, readiness and metrics over HTTP. Run as many as are wanted; they share the work.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
	"github.com/orderly-ops/orderly/internal/version"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// flags are the command line.
type flags struct {
	config  string
	log     service.LogFlags
	version bool
}

// run is the process; it gives the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	var f *flags
	return service.Main(service.Process{
		Name: "worker", Stdout: stdout, Stderr: stderr,
		Parse: func() (onlyVersion bool, err error) {
			f, err = parseFlags(args, stderr)
			return err == nil && f.version, err
		},
		Serve: func(ctx context.Context) error { return serve(ctx, f, stdout, stderr) },
	})
}

func parseFlags(args []string, stderr io.Writer) (*flags, error) {
	f := &flags{log: service.LogFlags{Format: "text", Level: slog.LevelInfo}}
	set := pflag.NewFlagSet("worker", pflag.ContinueOnError)
	set.SetOutput(stderr)
	set.SortFlags = false
	set.Usage = func() {
		_, _ = fmt.Fprintf(stderr, "Orderly's worker: runs procedures and actions.\n\nUsage: worker [flags]\n\n%s", set.FlagUsages())
	}
	set.StringVar(&f.config, "config", cmp.Or(os.Getenv("ORDERLY_CONFIG"), config.DefaultPath), "`file` that says where things are")
	f.log.Bind(set)
	set.BoolVar(&f.version, "version", false, "print the version and exit")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see --help", set.Arg(0))
	}
	return f, nil
}

// serve works until ctx ends or the service fails by itself.
func serve(ctx context.Context, f *flags, stdout, stderr io.Writer) error {
	cfg, err := config.Load(f.config)
	if err != nil {
		return err
	}
	logger, err := f.log.Logger(stderr, cfg.Redact)
	if err != nil {
		return err
	}
	slog.SetDefault(logger)
	s, err := service.Start(ctx, service.Options{Config: cfg, Logger: logger})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil //nolint:nilerr // stopped while starting: no failure
	case err != nil:
		return err
	}
	_, _ = fmt.Fprintf(stdout, "worker %s ready: task queue %s, http://%s/readyz\n", version.String(), s.TaskQueue(), s.Address())
	var failed error
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintf(stdout, "stopping: actions in flight get %s; once more stops at once\n", service.StopTimeout)
	case failed = <-s.Fatal():
	}
	return errors.Join(failed, s.Stop())
}
