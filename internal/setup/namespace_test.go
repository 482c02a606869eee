package setup_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/temporaltest"

	"github.com/orderly-ops/orderly/internal/setup"
)

func TestANamespaceIsMadeOnceAndCanBeUsedThen(t *testing.T) {
	t.Parallel()
	c := temporaltest.NewServer(temporaltest.WithT(t)).GetDefaultClient()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made, err := setup.Namespace(ctx, c, "ops", 30*24*time.Hour)
	require.NoError(t, err)
	require.True(t, made)
	_, err = setup.Attributes(ctx, c, "ops")
	require.NoError(t, err)

	made, err = setup.Namespace(ctx, c, "ops", time.Hour)
	require.NoError(t, err)
	require.False(t, made)
	seen, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "ops"})
	require.NoError(t, err)
	require.Equal(t, 30*24*time.Hour, seen.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), "one that is there stays as it is")
}
