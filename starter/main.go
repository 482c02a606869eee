// Command orderly is the operator's door to Orderly: it starts and follows runs, checks procedures, and
// keeps a cluster's schedules as the files say.
//
// What was asked for goes to stdout, everything else to stderr, and the exit code is the outcome.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	code := run(ctx, surroundings{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
	})
	stop()
	os.Exit(code)
}

// surroundings is everything a command may touch of the process it runs in.
type surroundings struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}
