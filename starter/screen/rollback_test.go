package screen_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// goingBack is a run in the middle of its rollback, whose second undo has failed.
func goingBack() *workflows.Record {
	form := map[string]sops.FormField{"decision": {Type: "choice", Options: []string{"retry", "skip", "abort"}}, "reason": {Type: "text"}}
	return &workflows.Record{
		Title: "Weekly system maintenance", WorkflowID: "weekly-maintenance/docs-db", State: workflows.Running, Started: start,
		Failure: &workflows.Failure{Phase: "database", Step: "vacuum", Message: "could not extend file base/16384/2619: No space left on device"},
		Phases:  []*workflows.Phase{{ID: "database", Title: "The database", State: workflows.Failed, Started: at(10), Ended: at(60)}},
		Undo: []*workflows.Step{
			{Title: "Undo: Take a snapshot of the containers", Path: "undo:snapshot", Action: "docker.restore", State: workflows.Pending},
			{Title: "Undo: Dump", Path: "undo:dump", Action: "postgres.restore", State: workflows.Running, Started: at(66), Error: "connect to docs-db: connection refused (3 attempts)"},
			{Title: "Undo: Update the API to the release that was approved by the lead last Friday", Path: "undo:update", State: workflows.Succeeded, Started: at(62), Ended: at(66)},
			{Title: "Undo: Prune", Path: "undo:prune", State: workflows.Skipped, Reason: "its condition does not hold: steps.prune.outputs.removed > 0"},
		},
		Rollback: &workflows.Rollback{
			State: workflows.Running, Started: *at(61), Why: workflows.Failure{Phase: "database", Step: "vacuum", Message: "could not extend file base/16384/2619: No space left on device"},
			Then: []*workflows.Step{{ID: "investigate", Title: "Open an investigation", State: workflows.Pending}},
		},
		Questions: []*workflows.Step{{
			ID: "hold:undo:dump", Path: "hold:undo:dump#2", Title: "Undo: Dump failed: what now?", Kind: "ask", State: workflows.Running, Started: at(70),
			Ask: &workflows.Ask{Question: "connect to docs-db: connection refused (3 attempts)", Of: []string{"devops-lead"}, Fields: form},
		}},
	}
}

func TestARollbackOnEightyColumns(t *testing.T) {
	t.Parallel()
	now := *at(95)
	over := goingBack()
	over.State, over.Questions = workflows.Failed, nil
	over.Ended, over.Rollback.Ended = at(150), at(140)
	over.Undo[0].State, over.Undo[0].Started, over.Undo[0].Ended = workflows.Succeeded, at(80), at(139)
	over.Undo[1].State, over.Undo[1].Ended, over.Undo[1].Reason = workflows.Skipped, at(80), "left, by Ben: restored by hand"
	cutOff := goingBack()
	cutOff.State, cutOff.Ended = workflows.Cancelled, at(90)
	never := goingBack()
	never.State, never.Ended, never.Rollback = workflows.Cancelled, at(90), nil
	never.Undo = never.Undo[:1]
	stopped := goingBack()
	stopped.State, stopped.Ended, stopped.Rollback.Ended = workflows.Failed, at(90), at(89)
	stopped.Rollback.Stopped = &workflows.Deed{At: *at(88), By: workflows.Party{Name: "Ben"}, Text: "the host is gone"}
	stopped.Undo[1].State = workflows.Failed
	waiting := goingBack()
	waiting.Questions, waiting.Rollback.Wait = nil, at(122)
	waiting.Undo = waiting.Undo[:1]
	asking := goingBack()
	asking.Undo[1].Error, asking.Questions[0].ID, asking.Questions[0].Path = "", "undo:dump", "undo:dump#2"
	asking.Questions[0].Title, asking.Questions[0].Kind = "Undo: Dump", "approve"
	asking.Questions[0].Ask.Quorum, asking.Questions[0].Ask.Fields = 1, nil
	var lines []string
	for _, c := range []struct {
		name  string
		r     *workflows.Record
		brief bool
	}{
		{"it goes on", goingBack(), false}, {"it goes on, in brief", goingBack(), true}, {"it waits", waiting, true}, {"it asks first", asking, true}, {"it is over", over, false},
		{"it was cut off", cutOff, true}, {"somebody has stopped it", stopped, true}, {"there was none", never, false},
	} {
		lines = append(lines, "== "+c.name)
		lines = append(lines, screen.Head(c.r, screen.Painter{}, 80, now)[0])
		lines = append(lines, screen.Rollback{Width: 80, Now: now, Brief: c.brief}.Lines(c.r)...)
		lines = append(lines, screen.Asks{Width: 80, Now: now, Questions: true}.Lines(c.r)...)
	}
	lines = append(append(lines, "== owed"), screen.UndoTable(stopped.Owed(), screen.Painter{}, 80)...)
	for _, l := range lines {
		require.LessOrEqual(t, screen.Cells(l), 80, l)
	}
	golden(t, "rollback", lines)
}

func TestWhatWasDoneWellNeedsNoRollback(t *testing.T) {
	t.Parallel()
	r := goingBack()
	r.Rollback, r.State = nil, workflows.Running
	require.Empty(t, screen.Rollback{Width: 80, Now: *at(95)}.Lines(r), "while a run goes on, what would be undone is no news")
	r.State = workflows.Succeeded
	require.Empty(t, screen.Rollback{Width: 80, Now: *at(95)}.Lines(r))
	require.Empty(t, screen.Owed(r))
}

func TestARollbackIsLoud(t *testing.T) {
	t.Parallel()
	paint := screen.Painter{On: true}
	require.Contains(t, screen.Head(goingBack(), paint, 80, *at(95))[0], "\x1b[31m● rolling back\x1b[0m")
	require.True(t, strings.HasPrefix(screen.Rollback{Width: 80, Paint: paint, Now: *at(95)}.Lines(goingBack())[0], "\x1b[31m● Rolling back for 34s"))
}
