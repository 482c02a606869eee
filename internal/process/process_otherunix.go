//go:build unix && !linux

package process

import "syscall"

// endWithWorker does nothing: only Linux ties a command's life to its parent's.
func endWithWorker(*syscall.SysProcAttr) {}
