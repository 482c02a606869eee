package main

import (
	"context"
	"fmt"
	"time"

	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/internal/setup"
	"github.com/orderly-ops/orderly/workflows"
)

// cachePatience is several times the two seconds after which the server reads its namespaces again.
const cachePatience = 15 * time.Second

// createNamespace writes a missing namespace straight into the database, where it is there from the
// first moment; registered over the API it takes the server's caches seconds to see.
func createNamespace(db *config.SQL, o serverOptions) error {
	ns, err := sqlite.NewNamespaceConfig(clusterName, o.namespace, false, workflows.SearchAttributes())
	if err != nil {
		return fmt.Errorf("namespace %q: %w", o.namespace, err)
	}
	ns.Detail.Config.Retention = durationpb.New(o.retention)
	if err := sqlite.CreateNamespaces(db, ns); err != nil {
		return fmt.Errorf("namespace %q: %w", o.namespace, err)
	}
	return nil
}

// settleNamespace waits until the server answers for the namespace and gives one of an earlier start
// the retention and the search attributes of today.
func settleNamespace(ctx context.Context, o serverOptions) error {
	c, err := dialServer(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	described, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: o.namespace})
	if err != nil {
		return fmt.Errorf("namespace %q: %w", o.namespace, err)
	}
	if described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != o.retention {
		if err := setRetention(ctx, c, o); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cachePatience)
	defer cancel()
	_, err = setup.Attributes(ctx, c, o.namespace)
	return err
}

// dialServer connects to the embedded server.
func dialServer(ctx context.Context, o serverOptions, opts ...connect.Option) (client.Client, error) {
	opts = append([]connect.Option{connect.Logger(o.logger)}, opts...)
	return connect.DialPlain(ctx, o.address(), o.namespace, opts...)
}

func setRetention(ctx context.Context, c client.Client, o serverOptions) error {
	_, err := c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: o.namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(o.retention)},
	})
	if err != nil {
		return fmt.Errorf("namespace %q: set retention %s: %w", o.namespace, o.retention, err)
	}
	return nil
}
