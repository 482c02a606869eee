package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// TestTheDailyCheckCopesWithAThousandIllContainers judges them all: expressions have a bound on what they
// may cost.
func TestTheDailyCheckCopesWithAThousandIllContainers(t *testing.T) {
	t.Parallel()
	src, err := library.FS.ReadFile("daily-check.yaml")
	require.NoError(t, err)
	var containers []map[string]any
	for i := range 1000 {
		containers = append(containers, map[string]any{
			"id": fmt.Sprint("0123456789ab", i), "name": fmt.Sprint("web-application-", i), "image": "registry/app:1.2.3",
			"state": "exited", "health": "unhealthy", "exit_code": 1, "uptime": "3h",
		})
	}
	answers := map[string]any{
		"targets.list":      map[string]any{"docker": []string{"local"}},
		"docker.containers": map[string]any{"containers": containers},
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 10 * time.Second}) // machines of tests are busy
	register := func(name string, fn any) { env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name}) }
	workflows.Register(env, workflows.Options{Catalogue: activities.Catalogue()})
	register(workflows.ActivityLoad, func(context.Context, workflows.LoadRequest) (workflows.Pinned, error) {
		return workflows.Pinned{File: "daily-check.yaml", Source: string(src)}, nil
	})
	register(workflows.ActivitySave, func(context.Context, json.RawMessage) error { return nil })
	var rules struct{ Rules []struct{ Found []string } }
	for _, name := range activities.Catalogue().Names() {
		register(name, func(_ context.Context, in json.RawMessage) (any, error) {
			if name == "report.findings" {
				return map[string]any{}, json.Unmarshal(in, &rules)
			}
			return answers[name], nil
		})
	}
	env.ExecuteWorkflow("DailyCheck")
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, rules.Rules[0].Found, 1000)
}
