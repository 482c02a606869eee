package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/workflows"
)

func TestAJournalThatIsAway(t *testing.T) {
	t.Parallel()
	t.Run("IsWaitedForWithARecordThatFitsIntoOnePayload", func(t *testing.T) {
		t.Parallel()
		b := setup(t, `
sop: p
title: P
phases: [{id: a, steps: [{id: all, each: {in: [1, 2, 3, 4, 5, 6], steps: [{id: one, uses: test.do}]}}]}]
`)
		b.do = func(context.Context, string, int, doInput) (doOutput, error) {
			return doOutput{Said: strings.Repeat("x", 400_000)}, nil
		}
		b.save = func(ctx context.Context) error {
			if info := activity.GetInfo(ctx); info.IsLocalActivity || info.Attempt < 3 {
				return errAway
			}
			return nil
		}
		b.start("P")
		require.NoError(t, b.env.GetWorkflowError())
		require.Len(t, b.saved, 1)
		require.Equal(t, workflows.Succeeded, b.saved[0].State)
		require.Less(t, size(t, b.saved[0]), payload)
		require.Equal(t, 6, b.saved[0].LeftOut.Outputs)
	})
	t.Run("HoldsAFinishedRunUpForTenMinutesAtMost", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.save = func(context.Context) error { return errAway }
		rec := b.start("Greet")
		require.NoError(t, b.env.GetWorkflowError())
		require.LessOrEqual(t, b.env.Now().Sub(began), 11*time.Minute)
		last := len(rec.Timeline) - 1
		require.Contains(t, rec.Timeline[last-1].Text, "its record could not be kept in the journal yet; tried again for 10m: ")
		require.Contains(t, rec.Timeline[last].Text, "could not be kept in the journal")
	})
}

func TestProceduresThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	t.Run("AreWaitedFor", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		b.env.SetStartTime(time.Now()) // the bench measures attempts of local activities by the real clock
		b.load = func(attempt int) error {
			if attempt < 8 {
				return errors.New("the mount is away")
			}
			return nil
		}
		b.start("Greet")
		require.NoError(t, b.env.GetWorkflowError())
	})
	t.Run("FailTheRunAfterAMinuteOrSo", func(t *testing.T) {
		t.Parallel()
		b := setup(t, greet)
		start := time.Now() // the bench measures attempts of local activities by the real clock
		b.env.SetStartTime(start)
		b.load = func(int) error { return errors.New("the mount is away") }
		b.env.ExecuteWorkflow("Greet")
		require.ErrorContains(t, b.env.GetWorkflowError(), "the mount is away")
		require.LessOrEqual(t, b.env.Now().Sub(start), 2*time.Minute)
	})
}
