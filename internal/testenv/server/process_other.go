//go:build !linux

package server

import (
	"os/exec"
	"syscall"
)

// endWithParent exists on Linux only; elsewhere a killed test run leaves its servers behind.
func endWithParent(*exec.Cmd, syscall.Signal) {}
