package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

func TestParallel(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: both
        parallel:
          - {id: left, uses: test.do}
          - {id: right, uses: test.do}
      - {id: after, uses: test.do}
`
	t.Run("RunsItsStepsSideBySide", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.ReplaceAll(p, "uses: test.do}", "wait: 1m}"))
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 2*time.Minute, rec.Ended.Sub(rec.Started))
	})
	t.Run("SeesAllToTheirEndWhenOneFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.do = failing("left")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "left": left is broken`)
		require.Equal(t, workflows.Succeeded, step(t, rec, "right").State)
		require.Equal(t, workflows.Failed, step(t, rec, "both").State)
		require.Equal(t, workflows.Pending, step(t, rec, "after").State)
	})
}

func TestEach(t *testing.T) {
	t.Parallel()
	t.Run("RunsItsStepsForEveryItemSomeAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: names, uses: test.do, with: {list: [x, y, z, u, v]}}
      - id: all
        each:
          in: ${{ steps.names.outputs.list }}
          as: name
          at_once: 2
          steps:
            - {id: rest, wait: 1m}
            - {id: greet, uses: test.do, with: {say: "${{ name }}"}}
      - {id: sum, uses: test.do, with: {list: "${{ steps.all.outputs.items.map(i, i.steps.greet.outputs.said) }}"}}
`)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 3*time.Minute, rec.Ended.Sub(rec.Started), "five items, two at once")
		require.Equal(t, "all[4].greet", step(t, rec, "all[4].greet").Path)
		require.JSONEq(t, `{"said":"","attempt":1,"dry_run":false,"list":["x","y","z","u","v"]}`, string(step(t, rec, "sum").Outputs))
	})
	t.Run("BeginsNoFurtherRoundAfterAFailure", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps: [{id: all, each: {in: [1, 2, 3], steps: [{id: one, uses: test.do}]}}]
`)
		b.do = failing("all[1].one")
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), `step "all[1].one": all[1].one is broken`)
		require.Equal(t, []string{"all[0].one", "all[1].one"}, b.calls)
		require.Equal(t, workflows.Pending, step(t, rec, "all[2].one").State)
		require.True(t, slices.ContainsFunc(rec.Timeline, func(e workflows.Event) bool {
			return strings.HasPrefix(e.Text, "2: One: failed after ")
		}), "the timeline names the item: %v", rec.Timeline)
	})
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	const p = `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: watch
        repeat:
          every: 1m
          for: 5m
          until: steps.look.outputs.said == "well"
          steps: [{id: look, uses: test.do}]
      - {id: after, uses: test.do, with: {say: "${{ string(steps.watch.outputs.count) }}"}}
`
	wellAfter := func(rounds int) func(context.Context, string, int, doInput) (doOutput, error) {
		n := 0
		return func(_ context.Context, id string, _ int, in doInput) (doOutput, error) {
			if n++; n >= rounds && strings.HasPrefix(id, "watch") {
				return doOutput{Said: "well"}, nil
			}
			return doOutput{Said: in.Say}, nil
		}
	}
	t.Run("LooksAgainUntilItHolds", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		b.do = wellAfter(3)
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 2*time.Minute, rec.Ended.Sub(rec.Started))
		require.Equal(t, []string{"watch[0].look", "watch[1].look", "watch[2].look", "after"}, b.calls)
	})
	t.Run("GivesUpWhenItsTimeIsOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, p)
		rec := b.start("P")
		require.ErrorContains(t, b.env.GetWorkflowError(), "after 5m (6 rounds) it still does not hold")
		require.Equal(t, 5*time.Minute, rec.Ended.Sub(rec.Started))
	})
	t.Run("WithoutAConditionEndsWellWhenItsTimeIsOver", func(t *testing.T) {
		t.Parallel()
		b := setup(t, strings.Replace(p, `          until: steps.look.outputs.said == "well"`+"\n", "", 1))
		rec := b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Equal(t, 6, step(t, rec, "watch").Count)
	})
}

func TestRepeatKeepsWhatPeopleAnsweredInEarlierRounds(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - id: watch
        repeat:
          every: 10m
          until: steps.how.status == "succeeded" && steps.how.outputs.state == "well"
          steps: [{id: how, ask: "How is it?", of: coordinator, form: {state: {type: string, required: true}}}]
`)
	b.signal(time.Minute, "complete", in{"by": "ann", "step": "watch[0].how", "form": in{"state": "bad"}})
	b.signal(11*time.Minute, "complete", in{"by": "ann", "step": "watch[1].how", "skip": true, "reason": "busy"})
	for i := range 25 {
		b.signal(time.Duration(i)*10*time.Minute+21*time.Minute, "complete", in{"by": "ann", "step": fmt.Sprintf("watch[%d].how", i+2), "form": in{"state": fmt.Sprint("so ", i)}})
	}
	b.signal(272*time.Minute, "complete", in{"by": "ann", "step": "watch[27].how", "form": in{"state": "well"}})
	var early *workflows.Record
	b.after(15*time.Minute, func() { early = b.record() })
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Len(t, step(t, early, "watch").Earlier, 1)
	require.Equal(t, "bad", step(t, early, "watch").Earlier[0].Ask.Form["state"])
	require.Equal(t, "Ann", step(t, early, "watch").Earlier[0].Ask.Done.By.Name)
	watch := step(t, rec, "watch")
	require.Len(t, watch.Earlier, 20, "the last ones")
	require.Equal(t, "so 24", watch.Earlier[19].Ask.Form["state"])
	require.Equal(t, "watch[26].how", watch.Earlier[19].Path)
	require.Equal(t, "well", watch.Steps[0].Ask.Form["state"])
}

func TestWait(t *testing.T) {
	t.Parallel()
	b := setup(t, `
sop: p
title: P
phases:
  - id: a
    steps:
      - {id: nap, wait: 90s}
      - {id: dawn, wait: {until: "2026-11-21T06:00:00Z"}}
      - {id: past, wait: {until: "2020-01-01T00:00:00Z"}}
`)
	rec := b.start("P")
	require.NoError(t, b.env.GetWorkflowError())
	require.Equal(t, began.Add(90*time.Second), step(t, rec, "nap").Ended.UTC())
	require.Equal(t, time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC), rec.Ended.UTC())
}
