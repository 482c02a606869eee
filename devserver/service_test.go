package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
)

// echo is a program of one workflow that answers its input.
func echo(r worker.Registry) {
	r.RegisterWorkflowWithOptions(func(_ workflow.Context, in string) (string, error) { return in, nil },
		workflow.RegisterOptions{Name: "Echo"})
}

func runEcho(t *testing.T, c client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "orderly"}, "Echo", "hello")
	require.NoError(t, err)
	var got string
	require.NoError(t, run.Get(ctx, &got))
	require.Equal(t, "hello", got)
}

func TestService(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	c := server(t, o)

	t.Run("KeepsItsDatabaseToItself", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(o.dir, "temporal.db*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
		}
	})

	t.Run("IsReadyOnceItPolls", func(t *testing.T) {
		s, err := service.Start(t.Context(), serviceOptions(o, &config.Config{}, echo))
		require.NoError(t, err)
		ready := s.Ready(t.Context())
		require.True(t, ready.Ready, ready)
		runEcho(t, c)
		require.NoError(t, s.Stop())
	})

	t.Run("LetsAnActionInFlightFinish", func(t *testing.T) {
		begun, release := make(chan struct{}), make(chan struct{})
		s, err := service.Start(t.Context(), serviceOptions(o, &config.Config{}, func(r worker.Registry) {
			r.RegisterActivityWithOptions(func(context.Context) (string, error) {
				close(begun)
				<-release
				return "finished", nil
			}, activity.RegisterOptions{Name: "test.slow"})
			r.RegisterWorkflowWithOptions(oneActivity, workflow.RegisterOptions{Name: "Slow"})
		}))
		require.NoError(t, err)
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "orderly"}, "Slow")
		require.NoError(t, err)
		<-begun
		stopped := make(chan error, 1)
		go func() { stopped <- s.Stop() }()
		close(release)
		require.NoError(t, <-stopped)

		// The result is with the server already: a new worker need not run the action again.
		again, err := service.Start(t.Context(), serviceOptions(o, &config.Config{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(oneActivity, workflow.RegisterOptions{Name: "Slow"})
		}))
		require.NoError(t, err)
		var got string
		require.NoError(t, run.Get(t.Context(), &got))
		require.Equal(t, "finished", got)
		require.NoError(t, again.Stop())
	})

	t.Run("RunsAsAPinnedVersion", func(t *testing.T) {
		cfg := &config.Config{Worker: config.Worker{Deployment: "orderly", BuildID: "v1"}, Temporal: config.Temporal{TaskQueue: "versioned"}}
		s, err := service.Start(t.Context(), serviceOptions(o, cfg, echo))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.Eventually(t, func() bool { // the server notes a new deployment in its own time
			_, err := c.WorkerDeploymentClient().GetHandle("orderly").SetCurrentVersion(ctx,
				client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "v1"})
			return err == nil
		}, patience, 50*time.Millisecond)
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "versioned"}, "Echo", "hello")
		require.NoError(t, err)
		require.NoError(t, run.Get(ctx, nil))
		described, err := c.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		require.NoError(t, err)
		version := described.GetWorkflowExecutionInfo().GetVersioningInfo()
		require.Equal(t, enumspb.VERSIONING_BEHAVIOR_PINNED, version.GetBehavior())
		require.Equal(t, "v1", version.GetDeploymentVersion().GetBuildId())
		require.NoError(t, s.Stop())
	})

	t.Run("RefusesANamespaceThatIsMissing", func(t *testing.T) {
		elsewhere := o
		elsewhere.namespace = "elsewhere"
		_, err := service.Start(t.Context(), serviceOptions(elsewhere, &config.Config{}, echo))
		require.ErrorContains(t, err, `no namespace "elsewhere"`)
	})

	t.Run("RefusesANamespaceWithoutSearchAttributes", func(t *testing.T) {
		_, err := c.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
			Namespace: o.namespace, SearchAttributes: []string{"OrderlyPhase"},
		})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			s, err := service.Start(t.Context(), serviceOptions(o, &config.Config{}, echo))
			if err == nil { // the server's cache still has it
				require.NoError(t, s.Stop())
				return false
			}
			require.ErrorContains(t, err, "lacks the search attributes OrderlyPhase: run `orderly setup`")
			return true
		}, patience, 100*time.Millisecond)
	})

	t.Run("OfTheDevserverAddsWhatIsMissing", func(t *testing.T) {
		require.NoError(t, settleNamespace(t.Context(), o))
		s, err := service.Start(t.Context(), serviceOptions(o, &config.Config{}, echo))
		require.NoError(t, err)
		require.NoError(t, s.Stop())
	})

	t.Run("OfTheDevserverChangesTheRetention", func(t *testing.T) {
		shorter := o
		shorter.retention = 48 * time.Hour
		require.NoError(t, settleNamespace(t.Context(), shorter))
		d, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: o.namespace})
		require.NoError(t, err)
		require.Equal(t, 48*time.Hour, d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	})
}

func oneActivity(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience})
	var got string
	err := workflow.ExecuteActivity(ctx, "test.slow").Get(ctx, &got)
	return got, err
}

func TestStartFailsWhenTheProgramCannotBeBuilt(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	server(t, o)
	opts := serviceOptions(o, &config.Config{}, nil)
	opts.Program = func(context.Context, service.Parts) (*service.Program, error) {
		return nil, errors.New("journal.dsn: no such folder")
	}
	_, err := service.Start(t.Context(), opts)
	require.EqualError(t, err, "journal.dsn: no such folder")
}
