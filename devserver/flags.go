package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
	"github.com/orderly-ops/orderly/sops"
)

// flags are the command line.
type flags struct {
	config    string
	data      string
	ip        string
	port      int
	uiPort    int
	headless  bool
	untuned   bool
	retention sops.Duration
	log       service.LogFlags
	version   bool
}

const (
	defaultRetention = 30 * 24 * time.Hour
	leastRetention   = time.Hour // what Temporal accepts
	uiAfter          = 1000      // how far behind Temporal's port the UI listens, as the CLI expects it
)

func parseFlags(args []string, stderr io.Writer) (*flags, error) {
	f := &flags{log: service.LogFlags{Format: "text", Level: slog.LevelWarn}}
	set := pflag.NewFlagSet("devserver", pflag.ContinueOnError)
	set.SetOutput(stderr)
	set.SortFlags = false
	set.Usage = func() {
		_, _ = fmt.Fprintf(stderr, "A Temporal server, its web UI and Orderly's worker in one process.\n\nUsage: devserver [flags]\n\n%s", set.FlagUsages())
	}
	set.StringVar(&f.config, "config", cmp.Or(os.Getenv("ORDERLY_CONFIG"), config.DefaultPath),
		"`file` that says where things are; its temporal.address is not used here")
	set.StringVar(&f.data, "data", "data", "`folder` of the server's database")
	set.StringVar(&f.ip, "ip", loopback, "`address` the server and its UI listen on; neither asks for credentials")
	set.IntVar(&f.port, "port", 7233, "port of the Temporal server")
	set.IntVar(&f.uiPort, "ui-port", 0, "port of the web UI (default 1000 above --port)")
	set.BoolVar(&f.headless, "headless", false, "without the web UI")
	set.TextVar(&f.retention, "retention", sops.Duration(defaultRetention), "how long Temporal keeps closed runs, a `duration` like 30d")
	set.BoolVar(&f.untuned, "untuned", false, "leave the server's own settings, made for large clusters: slow, for comparison only")
	f.log.Bind(set)
	set.BoolVar(&f.version, "version", false, "print the version and exit")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see --help", set.Arg(0))
	}
	f.uiPort = cmp.Or(f.uiPort, f.port+uiAfter)
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *flags) check() error {
	var errs []error
	if net.ParseIP(f.ip) == nil {
		errs = append(errs, fmt.Errorf("--ip %q: not an IP address", f.ip))
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"port", f.port}, {"ui-port", f.uiPort}} {
		if p.port < 1 || p.port > 65535 {
			errs = append(errs, fmt.Errorf("--%s %d: not a port", p.flag, p.port))
		}
	}
	if f.port == f.uiPort && !f.headless {
		errs = append(errs, fmt.Errorf("--port and --ui-port are both %d", f.port))
	}
	if f.retention.D() < leastRetention {
		errs = append(errs, fmt.Errorf("--retention %s: at least %s", f.retention, sops.Duration(leastRetention)))
	}
	return errors.Join(errs...)
}
