// Package process runs programs so that nothing of them is left: each leads a process group of its own, is
// stopped with all that it started, and ends when the worker dies.
package process
