package process

import "syscall"

// endWithWorker has the kernel end the command when the worker dies: the action is then started again
// by another one.
func endWithWorker(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
