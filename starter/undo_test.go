package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// terminated is a world with a run that was terminated when it had made its two files; it gives its run id.
func (b *bench) terminated(leave string) string {
	b.t.Helper()
	b.withChange("rollback", leave, idling)
	b.eventually(func() bool {
		return b.house() == "bin one two" && stepState(b.record("change"), "rest") == workflows.Running
	})
	runID := b.record("change").RunID
	require.NoError(b.t, b.client().TerminateWorkflow(b.ctx(), "change/docs", "", "wrong window"))
	return runID
}

// rests waits until the open run has come to its step that does nothing.
func (b *bench) rests() {
	b.t.Helper()
	b.eventually(func() bool {
		got := b.orderly("show", "change/docs", "--json")
		var r workflows.Record
		return got.code == exitOK && json.Unmarshal([]byte(got.out), &r) == nil && stepState(r, "rest") == workflows.Running
	})
}

func stepState(r workflows.Record, path string) (state workflows.State) {
	for _, p := range r.Phases {
		for _, s := range p.Steps {
			if s.Path == path {
				state = s.State
			}
		}
	}
	return state
}

func TestARunThatWasTerminatedIsUndone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.terminated("")
	shown := b.orderly("show", "change")
	requireWidth(t, strings.SplitAfter(shown.out, "orderly undo change/docs")[0], defaultWidth)
	require.Contains(t, shown.out, "Nothing was put back")

	got := b.orderly("undo", "change")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.notice, "nothing was started; --yes")
	require.Contains(t, got.out, "Change the house: terminated ")
	require.Contains(t, got.out, "wrong window")
	require.Contains(t, got.out, "1  Two      exec.run\n2  One      exec.run\n")
	requireWidth(t, got.out, defaultWidth)
	require.Equal(t, "bin one two", b.house())

	got = b.orderly("undo", "change/docs", "--yes", "--watch", "--by", "bob", "--reason", "wrong window")
	require.Equal(t, exitStopped, got.code, got.notice)
	require.Equal(t, "bin last told", b.house())
	for _, text := range []string{
		"rollback: gone on with to undo what is left (2 steps), by Bob: wrong window", "Undo: One: undone", "rolled back: 2 undone;",
	} {
		require.Contains(t, got.out, text)
	}
	r := b.record("change")
	require.Equal(t, first, r.RunID, "it is the same run")
	require.Equal(t, workflows.Cancelled, r.State)
	require.Equal(t, workflows.Cancelled, stepState(r, "rest"))
	require.Equal(t, "cleo", r.By)
	require.Equal(t, filepath.Join(b.dir, "house"), b.startInput("change/docs")["dir"])

	b.refuses(exitRefused, "owes nothing", "undo", "change", "--yes")
	b.refuses(exitRefused, "was gone on with already", "undo", "change/docs@"+first, "--yes")
	b.refuses(exitRefused, "was gone on with already", "undo", "change/docs", "--run-id", first, "--yes")
	b.refuses(exitNotFound, "no run", "undo", "flood", "--yes")
}

func TestARunThatIsOpenIsNotUndone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.terminated("")
	b.says("change/docs@", "start", "change", "-i", "dir="+filepath.Join(b.dir, "house"))
	for _, args := range [][]string{{"undo", "change", "--yes"}, {"undo", "change/docs@" + first, "--yes"}} {
		b.refuses(exitOpen, "`orderly abort change/docs …` ends it and undoes first", args...)
	}
	b.rests()
	b.says("what it changed is undone first", "abort", "change", "not tonight", "--by", "bob")
	require.Error(t, b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil))
	require.Equal(t, "bin last told", b.house())
	require.Contains(t, b.orderly("undo", "change/docs@"+first, "--yes").notice, "1 run of the same id came after it")
}

func TestWhatARollbackHasLeftIsUndoneLater(t *testing.T) {
	t.Parallel()
	b := newBench(t).withChange("rollback", withLeave, looking)
	b.waitsFor("change/docs", "undo:two")
	require.NoError(t, os.Remove(filepath.Join(b.dir, "house", "bin")))
	b.says("rejected by Bob", "reject", "change", "two", "it is needed", "--by", "bob")
	b.waitsFor("change/docs", "hold:undo:one")
	b.says("by Bob", "fail", "change", "--by", "bob", "--reason", "there is no bin")
	require.Error(t, b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil))
	got := b.orderly("show", "change")
	require.Contains(t, got.out, "but not everything: 0 undone, 2 left")
	require.Contains(t, got.out, "orderly undo change/docs")
	require.Contains(t, b.orderly("watch", "change").out, "what is left is undone with: orderly undo change/docs")
	b.bin()
	require.NoError(t, os.Remove(filepath.Join(b.dir, "house", "last")))
	var u undoing
	got = b.orderly("undo", "change", "--yes", "--json")
	got.json(t, &u)
	require.Equal(t, []owedUndo{{Step: "one", Title: "Undo: One", Action: "exec.run", State: workflows.Failed}}, u.Owed)
	require.Equal(t, "change", u.Procedure)
	require.NotEqual(t, u.RunID, u.UndoOf)
	require.Contains(t, u.URL, u.RunID)
	require.Error(t, b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil))
	require.Equal(t, "bin told two", b.house(), "what was rejected stays, and its last steps had run")
}

func TestWithoutItsHistoryARunIsUndoneByTheJournal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	runID := b.terminated("")
	b.withServer().commands() // Temporal has lost all that it knew
	b.work()
	require.Contains(t, b.orderly("show", "change/docs").notice, "Temporal no longer knows this run")
	text, err := os.ReadFile(filepath.Join(b.dir, "sops", "change.yaml"))
	require.NoError(t, err)
	b.procedure(string(text) + "# edited\n")
	b.refuses(exitFailed, "ran with another text of change than the file here has", "undo", "change/docs", "--yes")
	b.procedure(string(text))
	got := b.orderly("undo", "change/docs", "--yes", "--watch", "--by", "bob")
	require.Equal(t, exitStopped, got.code, got.notice)
	require.Contains(t, got.notice, "This is the journal's record")
	require.Equal(t, "bin last told", b.house())
	require.Equal(t, runID, b.record("change").RunID)
}

func TestWithoutAWorkerThatAnswersTheJournalHasToBeAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.terminated("")
	b.worker.Stop()
	b.refuses(exitUnreachable, "--journal goes by the journal's record", "undo", "change/docs", "--yes")
	got := b.orderly("undo", "change/docs", "--yes", "--journal")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.notice, "This is the journal's record")
	b.work()
	require.Error(t, b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil))
	require.Equal(t, "bin last told", b.house())
}

func TestOnlyAPlainYesStartsAnUndo(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"yes\n": true, " YES \n": true, "y\n": false, "\n": false, "": false, "no\nyes\n": false} {
		var out strings.Builder
		err := confirmed(strings.NewReader(text), &out)
		require.Equal(t, ok, err == nil, "%q", text)
		require.Contains(t, out.String(), "Type yes: ")
	}
}
