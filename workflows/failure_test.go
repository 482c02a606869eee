package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// received is a failure as a worker gets it from the server.
func received(f, because *failurepb.Failure) error {
	f.Cause = because
	return temporal.GetDefaultFailureConverter().FailureToError(f)
}

func ofActivity(state enumspb.RetryState) *failurepb.Failure {
	return &failurepb.Failure{FailureInfo: &failurepb.Failure_ActivityFailureInfo{
		ActivityFailureInfo: &failurepb.ActivityFailureInfo{RetryState: state},
	}}
}

func ofRun() *failurepb.Failure {
	return &failurepb.Failure{FailureInfo: &failurepb.Failure_ChildWorkflowExecutionFailureInfo{
		ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{},
	}}
}

func timedOut(kind enumspb.TimeoutType) *failurepb.Failure {
	return &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
		TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: kind},
	}}
}

func application(text string) *failurepb.Failure {
	return &failurepb.Failure{Message: text, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "Away"},
	}}
}

func TestAFailureOfAnActionSays(t *testing.T) {
	t.Parallel()
	options := workflow.ActivityOptions{
		StartToCloseTimeout: 90 * time.Second, HeartbeatTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3},
	}
	exhausted, final := enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"HowOftenItWasTried":            {received(ofActivity(exhausted), application("it is away")), "it is away (3 attempts)"},
		"NothingOfAttemptsAfterOne":     {received(ofActivity(final), application("no such thing")), "no such thing"},
		"AfterHowLongItTimedOut":        {received(ofActivity(exhausted), timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE)), "no answer within 1m30s (3 attempts)"},
		"HowLongItGaveNoSignOfLife":     {received(ofActivity(final), timedOut(enumspb.TIMEOUT_TYPE_HEARTBEAT)), "no sign of life within 10s"},
		"ThatNoWorkerTookIt":            {received(ofActivity(final), timedOut(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)), "no worker took it in time"},
		"NothingOfTemporalsOwnWords":    {received(ofActivity(final), application("x")), "x"},
		"WhatItIsWhenItIsSomethingElse": {errTooLarge, errTooLarge.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, cause(actionError(c.err, options)))
		})
	}
	t.Run("NothingWhenItWasCancelled", func(t *testing.T) {
		t.Parallel()
		require.True(t, temporal.IsCanceledError(actionError(temporal.NewCanceledError(), options)))
	})
}

func TestAFailureOfARunSays(t *testing.T) {
	t.Parallel()
	terminated := &failurepb.Failure{FailureInfo: &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}}}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"WhatItSaidItself":     {received(ofRun(), application(`phase "a", step "b": broken`)), `phase "a", step "b": broken`},
		"ThatItWasTerminated":  {received(ofRun(), terminated), "the run nap/k was terminated"},
		"ThatItTookTooLong":    {received(ofRun(), timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE)), "the run nap/k: no answer"},
		"ThatItWasOpenAlready": {&temporal.ChildWorkflowExecutionAlreadyStartedError{}, "the run nap/k is open already"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, cause(runError(c.err, "nap/k")))
		})
	}
}
