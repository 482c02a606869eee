package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// moody is a server that answers with each of its errors in turn, and then that the run has succeeded.
type moody struct {
	client.Client
	errs []error
}

func (m *moody) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &onePage{of: m}
}

type onePage struct{ of *moody }

func (p *onePage) HasNext() bool { return true }

func (p *onePage) Next() (*historypb.HistoryEvent, error) {
	if len(p.of.errs) > 0 {
		err := p.of.errs[0]
		p.of.errs = p.of.errs[1:]
		return nil, err
	}
	return &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED}, nil
}

func TestWaitingForTheEndOutlastsAServerThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{Client: &moody{errs: []error{
			serviceerror.NewUnavailable("connection refused"),
			serviceerror.NewDeadlineExceeded("context deadline exceeded"),
			context.DeadlineExceeded,
			serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED, "overloaded"),
			serviceerror.NewInternal("shard moved"),
		}}}
		o, err := c.awaitEnd(t.Context(), "check/one", "", func(string) {})
		require.NoError(t, err)
		require.Equal(t, "succeeded", o.word)
	})
}

// gone is a server that went away: everything runs out of time.
type gone struct{ client.Client }

func (gone) QueryWorkflow(ctx context.Context, _, _, _ string, _ ...any) (converter.EncodedValue, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (gone) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return nil, serviceerror.NewUnavailable("connection refused")
}

func TestAServerThatIsGoneIsNotTakenForAWorkerThatIsMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := (&cluster{Client: gone{}}).status(t.Context(), "check/one", "")
		require.Equal(t, "Temporal does not answer: connection refused; still trying", trouble(err))
	})
}

func TestWaitingForTheEndStopsWhereItCannotComeBack(t *testing.T) {
	t.Parallel()
	for _, final := range []error{serviceerror.NewNotFound("no such run"), serviceerror.NewPermissionDenied("not yours", "")} {
		c := &cluster{Client: &moody{errs: []error{final}}}
		_, err := c.awaitEnd(t.Context(), "check/one", "", func(string) {})
		require.ErrorIs(t, err, final)
	}
}

func TestWaitingForTheEndStopsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		c := &cluster{Client: &moody{errs: []error{serviceerror.NewUnavailable("away")}}}
		_, err := c.awaitEnd(ctx, "check/one", "", func(string) {})
		require.Error(t, err)
	})
}
