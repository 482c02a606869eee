package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// The exit codes. They are part of the interface: scripts depend on them.
const (
	exitOK          = 0   // it succeeded
	exitFailed      = 1   // the run failed, or files have problems
	exitUsage       = 2   // wrong flags, arguments or inputs; nothing was done
	exitUnreachable = 3   // Temporal could not be reached or refused us, or no worker answers
	exitNotFound    = 4   // no such procedure, run, schedule or action
	exitStopped     = 5   // the run was cancelled, terminated or timed out
	exitOpen        = 6   // start, undo: a run with that key is open
	exitRefused     = 7   // the run has refused the message: not entitled, too late, nothing to do it to
	exitInterrupted = 130 // Ctrl-C; a watched run goes on
)

// exitHelp is what `orderly help` says about them.
const exitHelp = `Exit codes:
  0    it succeeded
  1    the run failed, or files have problems
  2    wrong flags, arguments or inputs; nothing was done
  3    Temporal could not be reached, or no worker answers
  4    no such procedure, run, schedule or action
  5    the run was cancelled, terminated or timed out
  6    start, undo: a run with that key is open
  7    the run refused the message: not entitled, too late, or over
  130  interrupted; a run being watched goes on`

// exitError ends the program with a code of its own. An empty message prints nothing: everything has
// been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit makes an error with an exit code.
func exit(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

// quietly ends with a code and no message; nil when the code is 0.
func quietly(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// report prints what went wrong and gives the exit code. An error without a code came from cobra: the
// command was not used as its help says.
func report(stderr io.Writer, command string, err error) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		fmt.Fprintf(stderr, "orderly: %s\nSee `%s --help`.\n", screen.CleanLines(err.Error()), command)
		return exitUsage
	}
	if msg := e.Error(); msg != "" {
		fmt.Fprintf(stderr, "orderly: %s\n", screen.CleanLines(msg))
	}
	return e.code
}

// exitOf is the exit code of a run's outcome.
func exitOf(o outcome) int {
	switch {
	case o.word == "failed":
		return exitFailed
	case o.state == workflows.Succeeded:
		return exitOK
	default:
		return exitStopped
	}
}
