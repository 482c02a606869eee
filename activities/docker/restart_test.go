package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func TestRestartStartsTheContainerAnew(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Health: true})
	before := testenv.AwaitContainer(t, c.ID, health(container.Healthy))
	out, err := setup(t).restart(t.Context(), RestartInput{Host: "local", Container: c.Name, WaitHealthy: sops.Duration(time.Minute)})
	require.NoError(t, err)
	require.True(t, out.Restarted)
	require.False(t, out.Earlier)
	require.Equal(t, moment(before.StartedAt), *out.OldStartedAt)
	require.True(t, out.NewStartedAt.After(*out.OldStartedAt))
	require.Equal(t, healthGood, out.Health)
	require.Equal(t, stateRunning, out.State)
}

func TestRestartKillsWhatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-deaf"}})
	out, err := setup(t).restart(t.Context(), RestartInput{Host: "local", Container: c.Name, Timeout: sops.Duration(time.Second)})
	require.NoError(t, err)
	require.True(t, out.Restarted)
}

func TestRestartStartsAContainerThatHasEnded(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Created: true})
	out, err := setup(t).restart(t.Context(), RestartInput{Host: "local", Container: c.Name})
	require.NoError(t, err)
	require.Nil(t, out.OldStartedAt)
	require.Equal(t, stateRunning, out.State)
}

func TestRestartInADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{})
	before := testenv.AwaitContainer(t, c.ID, running)
	out, err := setup(t).restart(t.Context(), RestartInput{Host: "local", Container: c.Name, DryRun: true})
	require.NoError(t, err)
	require.False(t, out.Restarted)
	require.True(t, out.DryRun)
	require.Nil(t, out.NewStartedAt)
	require.Equal(t, before.StartedAt, testenv.AwaitContainer(t, c.ID, running).StartedAt)
}

func TestRestartThatLeavesTheContainerIllFailsForGood(t *testing.T) {
	t.Parallel()
	a := setup(t)
	cases := map[string]struct {
		spec testenv.ContainerSpec
		want string
	}{
		"Unhealthy": {testenv.ContainerSpec{Health: true, Args: []string{"-sick"}}, "not healthy"},
		"Ended":     {testenv.ContainerSpec{Args: []string{"-exit", "7"}}, "not running (exited, exit code 7)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ill := testenv.RunContainer(t, c.spec)
			_, err := a.restart(t.Context(), RestartInput{Host: "local", Container: ill.Name, WaitHealthy: sops.Duration(2 * time.Second)})
			testenv.RequirePermanent(t, err, action.ErrCommand)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestRestartIsNotRepeatedByALaterAttempt(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{})
	before := testenv.AwaitContainer(t, c.ID, running)
	a := setup(t)
	in := RestartInput{Host: "local", Container: c.Name}
	first, err := a.restart(t.Context(), in)
	require.NoError(t, err)

	// The worker dies before it can report; the next attempt finds what the first one saw.
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.restart)
	env.SetHeartbeatDetails(attempt{StartedAt: moment(before.StartedAt)})
	value, err := env.ExecuteActivity(a.restart, in)
	require.NoError(t, err)
	var second Restart
	require.NoError(t, value.Get(&second))
	require.True(t, second.Restarted)
	require.True(t, second.Earlier)
	require.Equal(t, first.OldStartedAt, second.OldStartedAt)
	require.Equal(t, first.NewStartedAt, second.NewStartedAt)

	// Without a restart in between, the next attempt does the work.
	env.SetHeartbeatDetails(attempt{StartedAt: *first.NewStartedAt})
	value, err = env.ExecuteActivity(a.restart, in)
	require.NoError(t, err)
	var third Restart
	require.NoError(t, value.Get(&third))
	require.False(t, third.Earlier)
	require.True(t, third.NewStartedAt.After(*first.NewStartedAt))
}

func TestLaterAttemptWithoutAHeartbeatGoesByTheTimeItWasScheduled(t *testing.T) {
	t.Parallel()
	scheduled := time.Now()
	left := attempt{Scheduled: scheduled}
	require.True(t, left.done(detail{state: stateRunning, startedAt: scheduled.Add(time.Second)}))
	require.False(t, left.done(detail{state: stateRunning, startedAt: scheduled.Add(-time.Second)}))
	require.False(t, left.done(detail{state: "exited", startedAt: scheduled.Add(time.Second)}))
}

func TestRestartBoundsAreChecked(t *testing.T) {
	t.Parallel()
	a := at(t, "tcp://127.0.0.1:1", answerWithin)
	hour := sops.Duration(time.Hour)
	for _, in := range []RestartInput{{Container: "web", Timeout: hour}, {Container: "web", WaitHealthy: hour}, {}} {
		in.Host = "local"
		_, err := a.restart(t.Context(), in)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}
