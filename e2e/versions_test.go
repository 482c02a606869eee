package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// TestARunStaysOnTheWorkerVersionItBeganWith starts two versions of a worker deployment side by side.
func TestARunStaysOnTheWorkerVersionItBeganWith(t *testing.T) {
	t.Parallel()
	slow := strings.ReplaceAll(nap, "5s", "4s")
	h := open(t, setting{procedures: map[string]string{"nap.yaml": slow}, config: "targets: {}\n"})
	c := h.temporal()
	makeCurrent := func(build string) {
		listen := freePort(t)
		h.write(build+".yaml", fmt.Sprintf(`
temporal: {address: %q, namespace: default, task_queue: versioned}
procedures: [procedures]
http: {listen: "127.0.0.1:%d"}
journal: {dsn: versioned.db}
worker: {deployment: orderly, build_id: %s}
`, h.address, listen, build))
		h.spawn("worker", "--config", build+".yaml")
		deployment := c.WorkerDeploymentClient().GetHandle("orderly")
		h.await(build+" to be current", time.Minute, func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
			return err == nil
		})
	}
	versionOf := func(said answer) string {
		require.Zero(t, said.exit, said.stderr)
		id, run, _ := strings.Cut(strings.TrimSpace(said.stdout), "@")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, c.GetWorkflow(ctx, id, run).Get(ctx, nil))
		d, err := c.DescribeWorkflowExecution(ctx, id, run)
		require.NoError(t, err)
		return d.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
	}
	makeCurrent("one")
	first := h.orderly("--config", "one.yaml", "start", "nap")
	makeCurrent("two")
	second := h.orderly("--config", "two.yaml", "start", "nap")
	require.Equal(t, "one", versionOf(first))
	require.Equal(t, "two", versionOf(second))
}
