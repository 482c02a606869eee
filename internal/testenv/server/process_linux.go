package server

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the server when this program dies without stopping it, and keeps the
// terminal's Ctrl-C away from it, so that servers outlive the tests that still clean up.
func endWithParent(cmd *exec.Cmd, term syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = term
	cmd.SysProcAttr.Setpgid = true
}
