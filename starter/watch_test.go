package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// begin starts the hand-made workflow as somebody without the CLI would.
func (b *bench) begin(id string) client.WorkflowRun {
	b.t.Helper()
	run, err := b.client().ExecuteWorkflow(b.ctx(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.DefaultTaskQueue},
		"Check", map[string]any{workflows.InputBy: "bob"})
	require.NoError(b.t, err)
	return run
}

// watching is a `watch` in progress, line by line.
type watching struct {
	t     *testing.T
	lines *bufio.Scanner
	done  chan answered
	stop  context.CancelFunc
}

func (b *bench) watching(args ...string) *watching {
	return b.following(append([]string{"watch"}, args...)...)
}

// following is a command that goes on, line by line.
func (b *bench) following(args ...string) *watching {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.ctx())
	r, w := io.Pipe()
	notice := &strings.Builder{}
	done := make(chan answered, 1)
	go func() {
		code := run(ctx, surroundings{
			args:  append([]string{"--config", filepath.Join(b.dir, "orderly.yaml")}, args...),
			stdin: strings.NewReader(""), stdout: w, stderr: notice,
			getenv: func(key string) string { return b.env[key] },
		})
		_ = w.Close()
		done <- answered{code: code, notice: notice.String()}
	}()
	return &watching{t: b.t, lines: bufio.NewScanner(r), done: done, stop: stop}
}

// until reads lines up to one that contains the text.
func (w *watching) until(text string) string {
	w.t.Helper()
	var seen []string
	for w.lines.Scan() {
		seen = append(seen, w.lines.Text())
		if strings.Contains(w.lines.Text(), text) {
			return strings.Join(seen, "\n")
		}
	}
	w.t.Fatalf("%q never came; there was:\n%s", text, strings.Join(seen, "\n"))
	return ""
}

// end reads the rest.
func (w *watching) end() answered {
	var rest []string
	for w.lines.Scan() {
		rest = append(rest, w.lines.Text())
	}
	a := <-w.done
	a.out = strings.Join(rest, "\n")
	return a
}

func TestWatchPrintsEventsAndEndsWithTheOutcome(t *testing.T) {
	t.Parallel()
	for how, code := range map[string]int{"succeeded": exitOK, "failed": exitFailed} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).withServer()
			b.serve()
			b.begin("check/one")
			w := b.watching("check/one")
			w.until("Look at the host: succeeded")
			b.tell("check/one", signalFinish, how)
			got := w.end()
			require.Equal(t, code, got.code, got.notice)
			require.Contains(t, got.out, "it "+how)
			require.Contains(t, got.out, "1 warning, 1 info")
			require.Contains(t, got.out, "→ look at its database")
			require.Contains(t, got.notice, "/namespaces/")
		})
	}
}

func TestWatchSaysThatARunWasStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/one")
	w := b.watching("check/one")
	w.until("Look at the host")
	require.NoError(t, b.client().TerminateWorkflow(b.ctx(), "check/one", "", "enough"))
	got := w.end()
	require.Equal(t, exitStopped, got.code)
	require.Contains(t, got.out, "⊘ terminated in")
	require.Contains(t, got.out, "enough")
}

func TestWatchFollowsARunThatContinuesAsNew(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	first := b.begin("check/one")
	w := b.watching("check/one@" + first.GetRunID())
	w.until("Look at the host")
	b.tell("check/one", signalContinue, nil)
	b.eventually(func() bool {
		d, err := b.client().DescribeWorkflowExecution(b.ctx(), "check/one", "")
		return err == nil && d.GetWorkflowExecutionInfo().GetExecution().GetRunId() != first.GetRunID()
	})
	b.tell("check/one", signalFinish, "succeeded")
	got := w.end()
	require.Equal(t, exitOK, got.code, got.notice)
	require.NotContains(t, got.out, "Look at the host", "an event was printed twice")
	require.Contains(t, got.out, "✓ succeeded in")
}

func TestWatchGoesOnWhenNoWorkerAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.begin("check/one")
	w := b.watching("check/one")
	b.serve()
	w.until("Look at the host")
	b.tell("check/one", signalFinish, "succeeded")
	require.Equal(t, exitOK, w.end().code)
}

func TestInterruptingWatchLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	b.begin("check/one")
	w := b.watching("check/one")
	w.until("Look at the host")
	w.stop()
	got := w.end()
	require.Equal(t, exitInterrupted, got.code)
	require.Contains(t, got.notice, "check/one goes on")
	d, err := b.client().DescribeWorkflowExecution(b.ctx(), "check/one", "")
	require.NoError(t, err)
	require.True(t, isOpen(d.GetWorkflowExecutionInfo()))
}

func TestWatchAsJSONIsOneObjectALine(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.serve()
	run := b.begin("check/one")
	w := b.watching("check/one", "--json")
	w.until(`"Look at the host: succeeded"`)
	b.tell("check/one", signalFinish, "failed")
	got := w.end()
	require.Equal(t, exitFailed, got.code)
	lines := strings.Split(got.out, "\n")
	var last struct{ Result runResult }
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	require.Equal(t, "failed", last.Result.Outcome)
	require.Equal(t, run.GetRunID(), last.Result.RunID)
	require.Contains(t, last.Result.Message, `step "api": no answer`)
	require.Len(t, last.Result.Findings, 2)
	require.NotNil(t, last.Result.Record)
}

func TestARunThatNeverHadARecordStillSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer()
	b.server.NewWorker(workflows.DefaultTaskQueue, func(r worker.Registry) {
		r.RegisterDynamicWorkflow(refuse, workflow.DynamicRegisterOptions{})
	})
	b.begin("check/one")
	got := b.orderly("watch", "check/one")
	require.Equal(t, exitFailed, got.code)
	require.Equal(t, "\n✗ failed; no findings\nno procedure serves it\n", got.out)
	shown := b.orderly("show", "check/one")
	require.Equal(t, exitOK, shown.code)
	require.Contains(t, shown.out, "by bob")
	require.Contains(t, shown.out, "no procedure serves it")
}
