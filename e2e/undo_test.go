package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/workflows"
)

// mover changes a folder in three steps and then fails; each step knows how it is undone.
const mover = `
sop: mover
title: Mover
owners: [first]
inputs: {fails: {type: bool, default: true}}
key: folder
within: 1h
on_failure: %s
phases:
  - id: change
    steps:
      - {id: one, uses: exec.run, with: {command: make, args: [one]}, undo: {uses: exec.run, with: {command: unmake, args: [one]}}}
      - id: more
        each:
          in: [two, three]
          as: word
          steps: [{id: word, uses: exec.run, with: {command: make, args: ["${{ word }}"]}, undo: {uses: exec.run, with: {command: unmake, args: ["${{ word }}"]}}}]
  - id: check
    steps:
      - {id: fails, if: inputs.fails, uses: exec.run, with: {command: absent}}
rollback: {then: [{id: look, uses: exec.run, with: {command: list}}]}
finally: [{id: last, uses: targets.list}]
`

// Its commands say in a file what they begin, are slow enough to be killed in the middle, and do nothing twice.
// An undo fails as long as there is a file called "full".
const (
	makeScript   = "#!/bin/sh\necho \"make $1\" >> \"$LOG\"\nsleep 0.4\ntouch \"$WORLD/$1\"\nsleep 0.4\n"
	unmakeScript = "#!/bin/sh\necho \"unmake $1\" >> \"$LOG\"\n[ -e \"$FULL\" ] && { echo 'no space left on device' >&2; exit 1; }\nsleep 0.4\nrm -f \"$WORLD/$1\"\nsleep 0.4\n"
)

// moving is a house with the mover in it.
type moving struct {
	*house
	c                client.Client
	world, log, full string
}

func openMoving(t *testing.T, onFailure string, change ...func(*setting)) *moving {
	t.Helper()
	dir := t.TempDir()
	m := &moving{world: filepath.Join(dir, "world"), log: filepath.Join(dir, "log"), full: filepath.Join(dir, "full")}
	require.NoError(t, os.Mkdir(m.world, 0o755))
	env := fmt.Sprintf("env: {WORLD: %q, LOG: %q, FULL: %q}", m.world, m.log, m.full)
	config := "targets: {}\nnotify: {console: {}}\nexec:\n  absent: {argv: [/no/such/program]}\n  list: {argv: [/bin/ls, " + m.world + "]}\n"
	for name, script := range map[string]string{"make": makeScript, "unmake": unmakeScript} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
		config += fmt.Sprintf("  %s: {argv: [%q], max_args: 1, timeout: 20s, %s}\n", name, path, env)
	}
	s := setting{procedures: map[string]string{"mover.yaml": fmt.Sprintf(mover, onFailure), "org.yaml": sirenOrg}, config: config}
	for _, f := range change {
		f(&s)
	}
	m.house = open(t, s)
	m.c = m.temporal()
	require.NoError(t, os.WriteFile(m.log, nil, 0o644))
	return m
}

const moverID = "mover/folder"

// did is what the commands have begun, in order.
func (m *moving) did() []string {
	m.t.Helper()
	text, err := os.ReadFile(m.log)
	require.NoError(m.t, err)
	return strings.Fields(strings.ReplaceAll(string(text), " ", ":"))
}

// empty wants the world as it was before.
func (m *moving) empty() {
	m.t.Helper()
	files, err := os.ReadDir(m.world)
	require.NoError(m.t, err)
	require.Empty(m.t, files)
}

func (m *moving) begins(what string) {
	m.t.Helper()
	m.await(what, time.Minute, func() bool { return slices.Contains(m.did(), what) })
}

// ends waits for the end of the run and gives its record.
func (m *moving) ends() *workflows.Record {
	m.t.Helper()
	m.await("the end of the run", 2*time.Minute, func() bool { return m.record(m.c, moverID).State.Done() })
	return m.record(m.c, moverID)
}

func (m *moving) says(args ...string) {
	m.t.Helper()
	said := m.orderly(args...)
	require.Zero(m.t, said.exit, "%v: %s%s", args, said.stdout, said.stderr)
}

// TestWhateverIsKilledTheChangesArePutBack kills everything in the middle of each step and of each undo.
func TestWhateverIsKilledTheChangesArePutBack(t *testing.T) {
	t.Parallel()
	m := openMoving(t, "rollback")
	for _, moment := range []string{"make:three", "unmake:three", "unmake:one"} {
		t.Run(strings.ReplaceAll(moment, ":", ""), func(t *testing.T) {
			require.NoError(t, os.WriteFile(m.log, nil, 0o644))
			m.says("start", "mover")
			m.begins(moment)
			m.server.kill()
			m.server = m.restart(m.server)
			m.ready()
			m.c = m.temporal()
			rec := m.ends()
			m.empty()
			require.Equal(t, workflows.Failed, rec.State)
			require.Equal(t, workflows.Succeeded, rec.Rollback.State)
			require.Len(t, rec.Undo, 3)
			// Each was undone, in reverse; what was cut off was begun again.
			require.Equal(t, []string{"unmake:three", "unmake:two", "unmake:one"}, slices.Compact(slices.DeleteFunc(m.did(), func(s string) bool { return strings.HasPrefix(s, "make") })))
		})
	}
}

// TestARunThatIsTerminatedIsUndoneOnDemand terminates it in the middle of a step.
func TestARunThatIsTerminatedIsUndoneOnDemand(t *testing.T) {
	t.Parallel()
	m := openMoving(t, "rollback")
	m.says("start", "mover")
	m.begins("make:three")
	require.NoError(t, m.c.TerminateWorkflow(t.Context(), moverID, "", "by mistake"))
	said := m.orderly("undo", moverID, "--yes", "--by", "ann", "--reason", "it was terminated by mistake")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	rec := m.ends()
	m.empty()
	require.Equal(t, workflows.Cancelled, rec.State)
	require.Equal(t, workflows.Succeeded, rec.Rollback.State)
	requireReplays(t, m.c, moverID, "mover-undone-on-demand")
	said = m.orderly("undo", moverID, "--yes", "--by", "ann")
	require.NotZero(t, said.exit)
	require.Contains(t, said.stdout+said.stderr, "nothing")
}

// TestTheEngineReplaysRollbacks is for histories of runs that were rolled back and held.
func TestTheEngineReplaysRollbacks(t *testing.T) {
	t.Parallel()
	m := openMoving(t, "rollback")
	require.NoError(t, os.WriteFile(m.full, nil, 0o644))
	m.says("start", "mover")
	held := func(path string) {
		t.Helper()
		m.await(path, time.Minute, func() bool {
			return slices.ContainsFunc(m.record(m.c, moverID).Questions, func(q *workflows.Step) bool { return q.Path == path && q.State == workflows.Running })
		})
	}
	held("hold:undo:more[1].word")
	require.NoError(t, os.Remove(m.full))
	m.says("retry", moverID, "undo:more[1].word", "--by", "ann")
	rec := m.ends()
	m.empty()
	require.Equal(t, workflows.Succeeded, rec.Rollback.State)
	require.Equal(t, "fails", rec.Failure.Step)
	requireReplays(t, m.c, moverID, "mover-rolled-back")

	m.says("start", "mover", "-i", "fails=false")
	m.begins("make:two")
	m.says("abort", moverID, "not tonight", "--by", "ann")
	require.Equal(t, workflows.Cancelled, m.ends().State)
	m.empty()
	requireReplays(t, m.c, moverID, "mover-aborted")

	m.write("procedures/mover.yaml", fmt.Sprintf(mover, "hold"))
	m.says("start", "mover")
	held("hold:fails")
	m.says("retry", moverID, "fails", "--by", "ann")
	held("hold:fails#2")
	m.says("rollback", moverID, "fails", "--by", "ann", "--reason", "it will not work today")
	require.Equal(t, workflows.Failed, m.ends().State)
	m.empty()
	requireReplays(t, m.c, moverID, "mover-held")
}

// TestTemporalUIShowsARollback looks at a rollback that waits for a decision, as whoever was paged does.
func TestTemporalUIShowsARollback(t *testing.T) {
	t.Parallel()
	m := openMoving(t, "rollback", func(s *setting) { s.withUI = true })
	require.NoError(t, os.WriteFile(m.full, nil, 0o644))
	m.says("start", "mover")
	m.await("the question", time.Minute, func() bool { return len(m.record(m.c, moverID).Questions) > 0 })
	run := started{WorkflowID: moverID, RunID: m.record(m.c, moverID).RunID}
	b := browse(t)
	page := b.shows(t, run.page(m.house, "user-metadata"), "Rolling back", "exec.run: absent can", "Undo: three: Word", "waits for first", "orderly retry mover/folder", "paged next")
	page.hides("&lt;", "&amp;", "**")
	page.picture("rollback-held", 1400)
	m.says("skip", moverID, "undo:more[1].word", "it is done by hand", "--by", "ann")
	m.await("the next question", time.Minute, func() bool { return len(m.record(m.c, moverID).Questions) > 1 })
	require.NoError(t, os.Remove(m.full))
	m.says("retry", moverID, "undo:more[0].word", "--by", "ann")
	require.Equal(t, workflows.Failed, m.ends().Rollback.State, "one was left")
	page = b.shows(t, run.page(m.house, "user-metadata"), "Rolled back, but not everything", "left, by Ann: it is done by hand")
	page.picture("rollback-left", 1400)
}
