//go:build unix

package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Lead makes the command the leader of a process group of its own, so that whatever it starts can be
// ended with it.
func Lead(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithWorker(cmd.SysProcAttr)
	cmd.Cancel = func() error { return signal(cmd, syscall.SIGTERM) }
}

// Run runs the command to its end; when ctx stopped it, nothing of its group is left.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() {
		// The kernel's "end with the parent" means the parent's thread: it must live as long as the command.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	err := <-ended
	if ctx.Err() != nil && cmd.Process != nil {
		_ = signal(cmd, syscall.SIGKILL) // nobody may be left, which is well
	}
	return err
}

// signal sends a signal to the whole group.
func signal(cmd *exec.Cmd, s syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
