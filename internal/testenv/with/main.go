// Command with runs a command with the test servers around it:
//
//	go run ./internal/testenv/with [-only postgres,redis] -- go test ./...
//
// It starts private servers, leads the command to them through ORDERLY_TEST_… variables, stops what it
// started, by process id, however the command ends, and exits as the command did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/orderly-ops/orderly/internal/testenv/server"
)

// graceTime is how long the command may take to end after a signal was passed on to it.
const graceTime = 20 * time.Second

func main() { os.Exit(run()) }

func run() int {
	only := flag.String("only", strings.Join(server.Kinds, ","), "the servers to start, separated by commas")
	verbose := flag.Bool("v", false, "say where the servers are")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "with: no command given, as in: with -only postgres -- go test ./activities/postgres")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	servers, err := server.Start(ctx, strings.Split(*only, ","))
	if err != nil {
		fmt.Fprintf(os.Stderr, "with: start servers for tests: %v\n", err)
		return 1
	}
	defer servers.Stop()
	if *verbose {
		fmt.Fprintln(os.Stderr, strings.Join(servers.Env(), "\n"))
	}
	code, err := command(ctx, flag.Args(), servers.Env())
	if err != nil {
		fmt.Fprintf(os.Stderr, "with: %v\n", err)
	}
	return code
}

// command runs args to their end and gives their exit code. A signal to this program is passed on.
func command(ctx context.Context, args, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running it is this program's purpose
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = graceTime
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.As(err, &exit):
		return signalled(exit), nil
	default:
		return 1, err
	}
}

// signalled is what a shell answers for a command that a signal ended.
func signalled(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return 1
}
