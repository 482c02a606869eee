package notify_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// teller answers as it is told to and keeps the orders.
type teller struct {
	report notify.Report
	err    error
	orders []notify.Order
	dry    bool
}

func (f *teller) Tell(_ context.Context, order notify.Order, dry bool) (notify.Report, error) {
	f.orders, f.dry = append(f.orders, order), dry
	return f.report, f.err
}

// send runs notify.send as a worker does.
func send(t *testing.T, to notify.Teller, in string) (notify.SendOutput, error) {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	activities.Register(env, notify.Actions(to), nil)
	got, err := env.ExecuteActivity("notify.send", json.RawMessage(in))
	var out notify.SendOutput
	if err == nil {
		require.NoError(t, got.Get(&out))
	}
	return out, err
}

func TestSend(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	sent := notify.Outcome{Transport: "email", State: notify.Sent, At: at}
	refused := notify.Outcome{Transport: "slack", State: notify.Failed, Permanent: true, Error: "no such channel"}
	const input = `{"to": ["customers"], "subject": "Maintenance\n tonight", "text": "From 02:00.", "via": ["email"]}`

	t.Run("SaysWhoWasReachedAndHow", func(t *testing.T) {
		t.Parallel()
		to := &teller{report: notify.Report{Nobody: []string{"x: nobody"}, Told: []notify.Told{
			{ID: "press", Name: "Press", Outcomes: []notify.Outcome{sent, refused}, Reached: true},
			{ID: "ann", Name: "Ann", Outcomes: []notify.Outcome{refused}},
		}}}
		out, err := send(t, to, input)
		require.NoError(t, err)
		require.Equal(t, notify.SendOutput{
			Reached: 1, Nobody: []string{"x: nobody"}, SentAt: &at,
			Recipients: []notify.SentTo{
				{ID: "press", Name: "Press", Over: []string{"email"}, Problem: "slack: no such channel"},
				{ID: "ann", Name: "Ann", Over: []string{}, Problem: "slack: no such channel"},
			},
		}, out)
		m := to.orders[0].Message
		require.Equal(t, "Maintenance tonight", m.Headline)
		require.Equal(t, "From 02:00.", m.Body)
		require.Equal(t, []string{"email"}, to.orders[0].Via)
		require.NotEmpty(t, m.ID)
		require.NotEmpty(t, m.Run)
	})
	t.Run("FailsWhenNobodyWasReached", func(t *testing.T) {
		t.Parallel()
		_, err := send(t, &teller{report: notify.Report{Told: []notify.Told{
			{Name: "Ann", Outcomes: []notify.Outcome{refused}}, {Name: "Bob"},
		}}}, input)
		testenv.RequirePermanent(t, err, action.ErrNotFound)
		require.ErrorContains(t, err, "Ann over slack: no such channel; Bob: no transport of orderly.yaml reaches them")

		away := notify.Outcome{Transport: "email", State: notify.Failed, Error: "connection refused"}
		_, err = send(t, &teller{report: notify.Report{Told: []notify.Told{{Name: "Ann", Outcomes: []notify.Outcome{refused, away}}}}}, input)
		testenv.RequireTransient(t, err)
	})
	t.Run("OnlySaysWhoWouldBeToldInADrill", func(t *testing.T) {
		t.Parallel()
		to := &teller{report: notify.Report{Told: []notify.Told{{ID: "ann", Name: "Ann"}}}}
		out, err := send(t, to, `{"to": ["ann"], "subject": "Maintenance", "dry_run": true}`)
		require.NoError(t, err)
		require.True(t, to.dry)
		require.Equal(t, 1, out.Reached)
	})
	t.Run("RefusesAMessageForNobodyOrAboutNothing", func(t *testing.T) {
		t.Parallel()
		for _, in := range []string{`{"to": [], "subject": "x"}`, `{"to": ["ann"], "subject": " "}`} {
			_, err := send(t, &teller{}, in)
			testenv.RequirePermanent(t, err, action.ErrInput)
		}
		_, err := send(t, nil, input)
		testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	})
}
