package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestAnAnswerThatIsThereWhenTheTimeIsOverCounts: who sends it has to be looked up first, and the clock waits
// for that.
func TestAnAnswerThatIsThereWhenTheTimeIsOverCounts(t *testing.T) {
	t.Parallel()
	const limited = `
sop: release
title: Release
phases: [{id: a, steps: [{id: go, approve: Go, by: [leads], within: 15m, on_expire: fail}]}]
`
	// slow lets the time run out while Bob is looked up.
	slow := func(b *bench) {
		b.env.OnActivity(workflows.ActivityPerson, mock.Anything, mock.Anything).Return(
			func(_ context.Context, q workflows.PersonRequest) (workflows.Person, error) {
				return b.people.person(context.Background(), q)
			}).After(time.Second)
	}
	t.Run("AsASignal", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited)
		slow(b)
		b.signal(15*time.Minute-time.Millisecond, "decide", in{"by": "bob", "step": "go", "approve": true})
		rec := b.start("Release")
		require.Equal(t, workflows.Succeeded, step(t, rec, "go").State, step(t, rec, "go").Error)
	})
	t.Run("AsAnUpdate", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited)
		slow(b)
		decide := b.ask(15*time.Minute-time.Millisecond, "decide", in{"by": "bob", "step": "go", "approve": true})
		rec := b.start("Release")
		require.NoError(t, decide().err)
		require.Equal(t, workflows.Succeeded, step(t, rec, "go").State)
	})
}
