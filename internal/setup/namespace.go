package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// lookEvery is how often a new namespace is asked for until all of the cluster knows it.
const lookEvery = 500 * time.Millisecond

// Namespace makes the namespace unless it is there, and waits until it can be used. retention is how long
// Temporal keeps the history of a run after its end. It says whether it made one. The context bounds the wait.
func Namespace(ctx context.Context, c client.Client, name string, retention time.Duration) (made bool, err error) {
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if errors.As(err, &exists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create namespace %s: %w", name, err)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		_, err := Missing(ctx, c, name)
		var unknown *serviceerror.NamespaceNotFound
		if !errors.As(err, &unknown) {
			return true, err
		}
		select {
		case <-ctx.Done():
			return true, fmt.Errorf("namespace %s was created, but the cluster does not know it yet: %w", name, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
