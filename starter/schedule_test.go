package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/schedules"
)

func TestSetupMakesANamespaceReadyAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	first := b.orderly("setup")
	require.Equal(t, exitOK, first.code, first.notice)
	require.Equal(t, "+ check/morning  create\n", first.out)
	require.Contains(t, first.notice, "created check/morning")
	var again readiness
	b.orderly("setup", "--json").json(t, &again)
	require.Empty(t, again.AttributesAdded)
	require.Equal(t, schedules.Unchanged, again.Plan[0].Verb)
}

func TestScheduleCommands(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)

	dry := b.orderly("schedule", "apply", "--dry-run")
	require.Equal(t, exitOK, dry.code, dry.notice)
	require.Equal(t, exitNotFound, b.orderly("schedule", "pause", "check/morning").code, "a dry run makes nothing")
	require.Equal(t, exitFailed, b.orderly("schedule", "diff").code)
	require.Equal(t, exitOK, b.orderly("schedule", "apply").code)
	require.Equal(t, exitOK, b.orderly("schedule", "diff").code)

	paused := b.orderly("schedule", "pause", "check", "--note", "moving house")
	require.Equal(t, exitOK, paused.code, paused.notice)
	require.Equal(t, "check/morning is paused\n", paused.out)
	require.Contains(t, b.orderly("schedule", "apply").out, "    paused: moving house (ann)\n")
	list := b.orderly("schedule", "list")
	require.Contains(t, list.out, "paused: moving house (ann)")
	requireWidth(t, list.out, defaultWidth)
	require.Equal(t, exitOK, b.orderly("schedule", "resume", "check").code)
	b.procedure(strings.Replace(checkYAML, "0 6 * * *", "0 7 * * *", 1))
	require.Contains(t, strings.Join(strings.Fields(b.orderly("schedule", "list").out), " "), "differs from its file: cron")
	require.Equal(t, exitOK, b.orderly("schedule", "apply").code)

	run := b.orderly("schedule", "trigger", "check")
	require.Equal(t, exitOK, run.code, run.notice)
	id, runID := splitRun(strings.TrimSpace(run.out))
	require.True(t, strings.HasPrefix(id, "check/morning-"), id)
	require.NotEmpty(t, runID)
	require.Equal(t, exitOpen, b.orderly("schedule", "trigger", "check").code)
	require.Equal(t, "schedule check/morning", b.startInput(id)["_by"])

	slip := b.orderly("schedule", "resume", "check/mornin")
	require.Equal(t, exitNotFound, slip.code)
	require.Contains(t, slip.notice, "did you mean check/morning?")

	require.Equal(t, exitOK, b.orderly("schedule", "remove", "check").code)
	var left []listedSchedule
	b.orderly("schedule", "list", "--json").json(t, &left)
	require.Empty(t, left)
}

func TestABrokenFileDoesNotCostItsSchedules(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	require.Equal(t, exitOK, b.orderly("schedule", "apply").code)
	b.write("sops/check.yaml", "sop: check\n")
	pruned := b.orderly("schedule", "apply", "--prune")
	require.Equal(t, exitFailed, pruned.code)
	require.Contains(t, pruned.notice, "nothing is pruned while files have problems")
	require.Equal(t, exitFailed, b.orderly("schedule", "apply").code)
	require.Equal(t, exitOK, b.orderly("schedule", "pause", "check/morning").code, "it is still there")
}
