package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// readyWithin bounds how long a server may take until it answers: a cold, busy machine needs some.
	readyWithin = time.Minute
	// stopWithin bounds how long a server may take to end after being asked.
	stopWithin = 30 * time.Second
	// lookEvery is how often a starting server is asked whether it is ready.
	lookEvery = 50 * time.Millisecond
)

// process is a server's process. done is closed when it has ended.
type process struct {
	cmd  *exec.Cmd
	log  string // file that holds what it printed
	term os.Signal
	done chan struct{}
}

// launch starts a command that writes to <dir>/log and ends with this program, however that ends.
func launch(dir string, cmd *exec.Cmd, term syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, log: filepath.Join(dir, "log"), term: term, done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	endWithParent(cmd, term)
	started := make(chan error, 1)
	go func() {
		// The kernel ties "end with parent" to the thread that started the process, so this one
		// stays until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	return p, <-started
}

// ready asks until the server answers. It gives up when the process ends or after readyWithin, and stops
// the process then.
func (p *process) ready(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended while starting:\n%s", filepath.Base(p.cmd.Path), p.tail())
		case <-ctx.Done():
			p.stop()
			return fmt.Errorf("%s did not answer within %s (%w):\n%s", filepath.Base(p.cmd.Path), readyWithin, err, p.tail())
		case <-tick.C:
		}
	}
}

// stop asks the process to end, waits, and kills it when it does not listen.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(p.term) // an error means that it has ended already
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// tail is the last lines of what the process printed.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const most = 2000
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(string(text))
}

// freePort finds a loopback port that nobody listens on. Somebody else may take it before it is used; the
// server then ends while starting, which says so.
func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// program finds a server's program and says what to do when it is missing.
func program(name string, folders ...string) (string, error) {
	for _, dir := range folders {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: run .ci/deps (it says what to install where it can't)", name)
	}
	return path, nil
}
