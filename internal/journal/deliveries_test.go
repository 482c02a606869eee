package journal

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// find gives deliveries by id, in the order of their ids.
func find(t *testing.T, j *Journal, ids ...string) []Delivery {
	t.Helper()
	found, err := j.Deliveries(t.Context(), ids)
	require.NoError(t, err)
	slices.SortFunc(found, func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

func TestADeliveryThatWasSentStaysSent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		at := kept(noon)
		save := func(all ...Delivery) { require.NoError(t, j.SaveDeliveries(t.Context(), all)) }
		save(Delivery{"m/bob/email", "sending", "", at}, Delivery{"m/ann/slack", "sending", "", at})
		save(Delivery{"m/ann/slack", "sent", "C1:17.1", at}, Delivery{"m/bob/email", "failed", "", at})
		save(Delivery{"m/ann/slack", "sending", "", at.Add(time.Hour)}, Delivery{"m/bob/email", "sending", "", at.Add(time.Hour)})
		require.Equal(t, []Delivery{
			{"m/ann/slack", "sent", "C1:17.1", at},
			{"m/bob/email", "sending", "", at.Add(time.Hour)},
		}, find(t, j, "m/ann/slack", "m/bob/email", "unknown"))
		require.Empty(t, find(t, j))
		require.ErrorContains(t, j.SaveDeliveries(t.Context(), []Delivery{{ID: "m"}}), "needs id, state and time")
	})
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		at := kept(noon)
		require.NoError(t, j.SaveDeliveries(t.Context(), []Delivery{{"old", "sent", "", at}, {"new", "sent", "", at.Add(time.Second)}}))
		require.NoError(t, j.PruneDeliveries(t.Context(), at.Add(time.Second)))
		require.Equal(t, []Delivery{{"new", "sent", "", at.Add(time.Second)}}, find(t, j, "old", "new"))
	})
}

func TestSeveralWorkersNoteTheSameDeliveriesAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, j *Journal) {
		var all errgroup.Group
		for worker := range 8 {
			all.Go(func() error {
				var rows []Delivery
				for n := range 300 {
					rows = append(rows, Delivery{fmt.Sprint("m", (n*7+worker*31)%300), "sending", "", noon})
				}
				return j.SaveDeliveries(t.Context(), rows)
			})
		}
		require.NoError(t, all.Wait())
		ids := make([]string, 300)
		for n := range ids {
			ids[n] = fmt.Sprint("m", n)
		}
		require.Len(t, find(t, j, ids...), 300)
	})
}
