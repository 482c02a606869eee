package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// changeYAML makes two files and then wants a third that is not there. To undo the second needs leave, and the
// undo of the first a bin.
const changeYAML = `sop: change
title: Change the house
owners: [lead]
inputs:
  dir: {type: string, required: true}
key: docs
on_failure: %s
phases:
  - id: first
    title: Change it
    steps:
      - {id: one, uses: exec.run, with: {command: touch, args: ["${{ inputs.dir }}/one"]}, undo: {uses: exec.run, with: {command: move, args: ["${{ inputs.dir }}/one", "${{ inputs.dir }}/bin/"]}}}
      - {id: two, uses: exec.run, with: {command: touch, args: ["${{ inputs.dir }}/two"]}, undo: {uses: exec.run, with: {command: remove, args: ["${{ inputs.dir }}/two"]}%s}}
  - id: second
    title: Use it
    steps:
      - %s
rollback: {then: [{id: tell, title: Tell, uses: exec.run, with: {command: touch, args: ["${{ inputs.dir }}/told"]}}]}
finally: [{id: last, uses: exec.run, with: {command: touch, args: ["${{ inputs.dir }}/last"]}}]
`

const (
	withLeave = `, approve: {by: [lead], within: 1h}`
	looking   = `{id: look, title: Look for the lock, uses: exec.run, with: {command: list, args: ["${{ inputs.dir }}/lock"]}}`
	idling    = `{id: rest, title: Rest, wait: 1h}`
)

// withChange gives the world a worker that may make and remove files, and a procedure that does.
func (b *bench) withChange(onFailure, leave, third string) *bench {
	b.t.Helper()
	b.withHouse().procedure(fmt.Sprintf(changeYAML, onFailure, leave, third))
	b.commands()
	b.bin()
	b.worker = b.work()
	b.says("change/docs@", "start", "change", "-i", "dir="+filepath.Join(b.dir, "house"), "--by", "cleo")
	return b
}

// commands lets the worker make and remove files.
func (b *bench) commands() {
	b.t.Helper()
	settings, err := os.ReadFile(filepath.Join(b.dir, "orderly.yaml"))
	require.NoError(b.t, err)
	b.write("orderly.yaml", string(settings)+`exec:
  touch:  {argv: [/usr/bin/touch], max_args: 1}
  move:   {argv: [/bin/mv], max_args: 2}
  remove: {argv: [/bin/rm], max_args: 1}
  list:   {argv: [/bin/ls], max_args: 1}
`)
}

// bin is where what is undone goes.
func (b *bench) bin() {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(filepath.Join(b.dir, "house", "bin"), 0o750))
}

// house names the files that the procedure has left.
func (b *bench) house() string {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, "house"))
	require.NoError(b.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// record is what `show --json` says.
func (b *bench) record(run string) workflows.Record {
	b.t.Helper()
	var r workflows.Record
	b.orderly("show", run, "--json").json(b.t, &r)
	return r
}

func TestWhatIsHeldIsDecidedAndPutBack(t *testing.T) {
	t.Parallel()
	b := newBench(t).withChange("hold", withLeave, looking)
	b.waitsFor("change/docs", "hold:look")
	items := b.inboxOf([]string{"acknowledge", "ask"}, "--by", "bob")
	require.Equal(t, []string{
		"orderly retry change/docs look", "orderly skip change/docs look --reason …",
		"orderly rollback change/docs look --reason …", "orderly fail change/docs look --reason …",
	}, items[1].Choices)
	require.Equal(t, "orderly done change/docs hold:look", items[1].Command)
	requireWidth(t, b.orderly("inbox", "--by", "bob").out, defaultWidth)

	b.refuses(exitUsage, "say why with --reason", "fail", "change", "look")
	b.refuses(exitUsage, "one step at a time", "retry", "change", "look", "there is room")
	b.refuses(exitRefused, `no step "lok" waits for a decision; did you mean look?`, "retry", "change", "lok", "--by", "bob")
	b.refuses(exitRefused, "Cleo is not entitled", "retry", "change", "--by", "cleo")
	b.refuses(exitUsage, "say which step, and the reason", "skip", "change", "look")
	b.says("by Bob", "retry", "change", "--by", "bob")
	b.waitsFor("change/docs", "hold:look#2")
	b.says("by Bob", "rollback", "change", "look", "--by", "bob", "--reason", "there is no bin")
	b.waitsFor("change/docs", "undo:two")
	b.refuses(exitRefused, "is being rolled back already", "rollback", "change", "--by", "bob")
	b.refuses(exitRefused, "Ann is not entitled", "approve", "change", "two")
	b.rollbackShows()
	require.NoError(t, os.Remove(filepath.Join(b.dir, "house", "bin")))
	b.says("approved by Bob", "approve", "change", "two", "--by", "bob")

	b.waitsFor("change/docs", "hold:undo:one")
	b.refuses(exitRefused, `undo:one can't be decided with "rollback"; it offers:`, "rollback", "change", "one", "--by", "bob")
	b.bin()
	b.says("by Bob", "retry", "change", "one", "--by", "bob", "--reason", "the bin is there")
	require.Error(t, b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil))
	require.Equal(t, "bin last told", b.house())
	got := b.orderly("show", "change")
	requireWidth(t, got.out, defaultWidth)
	require.Contains(t, got.out, "✓ Rolled back in ")
	require.NotContains(t, got.out, "orderly undo")
	lines := b.orderly("timeline", "change").out
	require.Contains(t, lines, "rollback: what was changed is being put back (2 steps)")
	require.Contains(t, lines, "Undo: Two: undone after")
	got = b.orderly("watch", "change")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.out, "; rolled back: 2 undone;")
	b.refuses(exitRefused, "owes nothing", "undo", "change", "--yes")
}

// rollbackShows looks at a run in the middle of its rollback.
func (b *bench) rollbackShows() {
	b.t.Helper()
	got := b.orderly("show", "change")
	requireWidth(b.t, got.out, defaultWidth)
	require.Regexp(b.t, `^Change the house  ● rolling back  `, got.out)
	require.Less(b.t, strings.Index(got.out, "● Rolling back for"), strings.Index(got.out, "Change it"))
	for _, text := range []string{"0 of 2 undone", `because: phase "second", step "look"`, "orderly approve change/docs undo:two", "○ After that"} {
		require.Contains(b.t, got.out, text)
	}
	b.eventually(func() bool { return strings.Contains(b.orderly("runs").out, "● running, rolling back") })
	items := b.inboxOf([]string{"approve"}, "--by", "bob")
	require.Equal(b.t, "orderly approve change/docs undo:two", items[0].Command)
	require.Contains(b.t, b.orderly("__complete", "approve", "change/docs", "").out, "undo:two\tUndo: Two\n")
	r := b.record("change")
	require.Equal(b.t, "undo:two", r.Undo[1].Path)
	require.Equal(b.t, workflows.Running, r.Rollback.State)
	require.Len(b.t, r.Questions, 3)
}

func TestWhatIsHeldIsPassedOverOrLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, house string
		args        []string
		state       workflows.State
	}{
		{"ByItsPlainName", "bin last one two", []string{"skip", "change", "look", "--reason", "it does not matter"}, workflows.Succeeded},
		{"InWordsAfterTheStep", "bin last one two", []string{"skip", "change", "look", "it", "does", "not", "matter"}, workflows.Succeeded},
		{"WithoutSayingWhich", "bin last one two", []string{"skip", "change", "--reason", "it does not matter"}, workflows.Succeeded},
		{"AsFailed", "bin last one two", []string{"fail", "change", "--reason", "it does not matter"}, workflows.Failed},
		{"ByTheFormOfItsQuestion", "bin last one two", []string{"done", "change", "hold:look", "-f", "decision=stop"}, workflows.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t).withChange("hold", "", looking)
			b.waitsFor("change/docs", "hold:look")
			for _, verb := range []string{"retry", "skip", "rollback", "fail"} {
				require.Contains(t, b.orderly("__complete", verb, "change/docs", "").out, "look\tLook for the lock failed: what now?\n")
			}
			b.says("by Bob", append(c.args, "--by", "bob")...)
			_ = b.client().GetWorkflow(b.ctx(), "change/docs", "").Get(b.ctx(), nil)
			require.Equal(t, c.state, b.record("change").State)
			require.Equal(t, c.house, b.house())
			shown := b.orderly("show", "change").out
			if c.state == workflows.Failed {
				require.Contains(t, shown, "Nothing was put back")
				require.Contains(t, shown, "orderly undo change/docs")
				return
			}
			require.NotContains(t, shown, "orderly undo")
			b.refuses(exitRefused, "has succeeded: it owes nothing", "undo", "change", "--yes")
		})
	}
}

func TestWhereNothingIsHeldThereIsNothingToDecide(t *testing.T) {
	t.Parallel()
	b := newBench(t).withChange("rollback", "", idling)
	b.eventually(func() bool { return b.orderly("show", "change").code == exitOK })
	b.refuses(exitRefused, "nothing of change/docs waits for a decision", "retry", "change")
	b.refuses(exitRefused, "orderly abort change/docs …", "rollback", "change")
	b.refuses(exitRefused, "nothing waits to be done", "skip", "change", "--reason", "it does not matter")
	b.refuses(exitRefused, `no step "nothing" waits`, "skip", "change", "nothing", "it does not matter")
}

func heldQuestion(id, path string) *workflows.Step {
	return &workflows.Step{ID: id, Path: path, Kind: "ask", State: workflows.Running, Ask: &workflows.Ask{Fields: map[string]sops.FormField{
		"decision": {Type: "choice", Options: []string{"retry", "skip", "abort"}},
	}}}
}

func TestAQuestionIsFoundByWhatItIsAbout(t *testing.T) {
	t.Parallel()
	done := heldQuestion("hold:dump", "hold:dump")
	done.State = workflows.Succeeded
	r := &workflows.Record{WorkflowID: "w/docs", State: workflows.Running, Questions: []*workflows.Step{
		done, heldQuestion("hold:dump", "hold:dump#2"), heldQuestion("hold:undo:load", "hold:undo:dbs[0].load"),
		heldQuestion("hold:copy", "hold:dbs[0].copy"), heldQuestion("hold:copy", "hold:dbs[1].copy"),
	}}
	for name, want := range map[string]string{
		"dump": "hold:dump#2", "hold:dump": "hold:dump#2", "hold:dump#2": "hold:dump#2", "load": "hold:undo:dbs[0].load",
		"undo:load": "hold:undo:dbs[0].load", "dbs[0].load": "hold:undo:dbs[0].load", "dbs[1].copy": "hold:dbs[1].copy",
	} {
		s, err := heldStep(r, name)
		require.NoError(t, err, name)
		require.Equal(t, want, s.Path, name)
	}
	_, err := heldStep(r, "copy")
	require.ErrorContains(t, err, "say which of dump, undo:dbs[0].load, dbs[0].copy, dbs[1].copy")
	_, err = heldStep(r, "")
	require.ErrorContains(t, err, "4 steps wait")
	m, err := failVerb().message(r, "dump", "it is over")
	require.NoError(t, err)
	require.Equal(t, workflows.Complete{Step: "hold:dump#2", Form: map[string]any{"decision": "abort", "reason": "it is over"}}, m)
	require.Equal(t, "undo:x", approval(&workflows.Record{}, "undo:x"), "what is not known the run answers")
}
