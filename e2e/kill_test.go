package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// ledger is a procedure whose steps each write a line to a file, slowly enough to be killed in the middle.
const ledger = `
sop: ledger
title: Ledger
phases:
  - id: write
    steps:
      - {id: one, uses: exec.run, with: {command: write, args: [one]}}
      - {id: nap, wait: 2s}
      - id: both
        parallel:
          - {id: two, uses: exec.run, with: {command: write, args: [two]}}
          - {id: three, uses: exec.run, with: {command: write, args: [three]}}
      - id: all
        each: {in: [four, five], as: word, steps: [{id: word, uses: exec.run, with: {command: write, args: ["${{ word }}"]}}]}
      - {id: last, uses: exec.run, with: {command: write, args: [last]}}
`

// script writes "begin", works a while, writes "end": so the file tells what was begun and what finished.
const script = `#!/bin/sh
echo "begin $1" >> "$LEDGER"
sleep 0.4
echo "end $1" >> "$LEDGER"
`

// TestKillAtAnyStepLosesNothing kills everything (server, worker, database) at one moment after the other
// and wants each run to end with every action finished exactly once.
func TestKillAtAnyStepLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, write := filepath.Join(dir, "ledger.txt"), filepath.Join(dir, "write.sh")
	require.NoError(t, os.WriteFile(write, []byte(script), 0o755))
	h := open(t, setting{
		procedures: map[string]string{"ledger.yaml": ledger},
		config:     fmt.Sprintf("targets: {}\nexec:\n  write: {argv: [%q], max_args: 1, timeout: 20s, env: {LEDGER: %q}}\n", write, file),
	})
	for _, moment := range []string{"begin one", "end one", "begin two", "end three", "begin five", "end five", "begin last"} {
		t.Run("When"+strings.ReplaceAll(moment, " ", ""), func(t *testing.T) {
			require.NoError(t, os.WriteFile(file, nil, 0o644))
			said := h.orderly("start", "ledger")
			require.Zero(t, said.exit, said.stderr)
			h.await(moment, time.Minute, func() bool { return strings.Contains(read(t, file), moment+"\n") })
			h.server.kill()
			h.server = h.restart(h.server)
			h.ready()

			c := h.temporal()
			id := latest(t, h, "ledger")
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, nil))
			rec := h.record(c, id)
			require.Equal(t, workflows.Succeeded, rec.State)
			text := read(t, file)
			for _, word := range []string{"one", "two", "three", "four", "five", "last"} {
				require.Contains(t, text, "end "+word+"\n", "no step is lost")
			}
			requireFinishedOnce(t, text, moment)
		})
	}
}

// TestKillTheWorkerAlone kills a production worker in the middle of an action while Temporal goes on.
func TestKillTheWorkerAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, write := filepath.Join(dir, "ledger.txt"), filepath.Join(dir, "write.sh")
	require.NoError(t, os.WriteFile(write, []byte(script), 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	h := open(t, setting{procedures: map[string]string{"ledger.yaml": ledger}, config: "targets: {}\n"})
	listen := freePort(t)
	h.write("worker.yaml", fmt.Sprintf(`
temporal: {address: %q, namespace: default, task_queue: others}
procedures: [procedures]
http: {listen: "127.0.0.1:%d"}
journal: {dsn: worker.db}
exec:
  write: {argv: [%q], max_args: 1, timeout: 20s, env: {LEDGER: %q}}
`, h.address, listen, write, file))
	worker := h.spawn("worker", "--config", "worker.yaml")
	said := h.orderly("--config", "worker.yaml", "start", "ledger")
	require.Zero(t, said.exit, said.stderr)
	h.await("the first action", time.Minute, func() bool { return strings.Contains(read(t, file), "begin one\n") })
	worker.kill()
	h.restart(worker)

	c := h.temporal()
	id, _, _ := strings.Cut(strings.TrimSpace(said.stdout), "@")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, nil))
	require.Equal(t, workflows.Succeeded, h.record(c, id).State)
	for _, word := range []string{"one", "two", "three", "four", "five", "last"} {
		require.Contains(t, read(t, file), "end "+word+"\n", "no step is lost")
	}
}

// requireFinishedOnce wants what had finished before the kill not to be repeated: only what was in flight
// at that moment may have been begun twice.
func requireFinishedOnce(t *testing.T, text, moment string) {
	t.Helper()
	before, _, _ := strings.Cut(text, moment+"\n")
	for _, line := range strings.Split(strings.TrimSpace(before), "\n") {
		word, finished := strings.CutPrefix(line, "end ")
		if !finished {
			continue
		}
		// Between the end of a command and Temporal knowing of it there is a moment; a later step that
		// has begun proves that it knew.
		if later := strings.Index(before, line); strings.Contains(before[later:], "begin ") {
			require.Equal(t, 1, strings.Count(text, "begin "+word+"\n"), "%s was finished and repeated:\n%s", word, text)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}
