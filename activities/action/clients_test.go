package action_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// client is what the tests open.
type client struct{ closed atomic.Int64 }

func TestClients(t *testing.T) {
	t.Parallel()
	setup := func(opened *atomic.Int64) *action.Clients[string, *client] {
		return action.NewClients("redis", map[string]string{"cache": "ok", "queue": "ok", "broken": ""},
			func(_ string, settings string) (*client, error) {
				opened.Add(1)
				if settings == "" {
					return nil, errors.New("the url is empty")
				}
				return &client{}, nil
			},
			func(c *client) error { c.closed.Add(1); return nil })
	}

	t.Run("AreMadeOnceWhenFirstAskedFor", func(t *testing.T) {
		t.Parallel()
		var opened atomic.Int64
		clients := setup(&opened)
		require.Zero(t, opened.Load())
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = clients.Get("cache") })
		}
		wg.Wait()
		require.EqualValues(t, 1, opened.Load())
	})

	t.Run("OfATargetThatIsNotThereAreAFinalError", func(t *testing.T) {
		t.Parallel()
		var opened atomic.Int64
		_, err := setup(&opened).Get("cahce")
		requireNotConfigured(t, err)
		require.ErrorContains(t, err, `no redis target "cahce" in orderly.yaml; did you mean "cache"? (known: broken, cache, queue)`)
	})

	t.Run("ThatCannotBeMadeNameTheKeyToMend", func(t *testing.T) {
		t.Parallel()
		var opened atomic.Int64
		_, err := setup(&opened).Get("broken")
		requireNotConfigured(t, err)
		require.ErrorContains(t, err, `redis "broken": the url is empty: mend targets.redis.broken in orderly.yaml`)
	})

	t.Run("WithoutAnyTargetSayThatThereAreNone", func(t *testing.T) {
		t.Parallel()
		_, err := action.NewClients[string, *client]("redis", nil, nil, nil).Get("cache")
		requireNotConfigured(t, err)
		require.ErrorContains(t, err, "(there are none)")
	})

	t.Run("AreClosedOnceAndNotMadeAgain", func(t *testing.T) {
		t.Parallel()
		var opened atomic.Int64
		clients := setup(&opened)
		c, err := clients.Get("cache")
		require.NoError(t, err)
		require.NoError(t, clients.Close())
		require.NoError(t, clients.Close())
		require.EqualValues(t, 1, c.closed.Load())
		_, err = clients.Get("cache")
		require.ErrorContains(t, err, "the worker is stopping")
	})
}

func requireNotConfigured(t *testing.T, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, action.ErrNotConfigured, app.Type())
	require.True(t, app.NonRetryable())
}
