package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
)

// stepsAnOp is how many steps one op of BenchmarkStep makes: a few would measure the start of a run.
const stepsAnOp = 100

// BenchmarkStep is the time from one sequential step to the next: a no-op activity on the embedded
// server, its database on disk, and the worker as the devserver runs it. One op is a hundred steps.
func BenchmarkStep(b *testing.B) {
	for name, untuned := range map[string]bool{"tuned": false, "untuned": true} {
		b.Run(name, func(b *testing.B) {
			o := options(b, b.TempDir())
			o.untuned = untuned
			c := server(b, o)
			s, err := service.Start(b.Context(), serviceOptions(o, &config.Config{}, steps))
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, s.Stop()) })
			runSteps(b, c, 5) // the first steps fill caches
			b.ResetTimer()
			for range b.N {
				runSteps(b, c, stepsAnOp)
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*stepsAnOp), "ms/step")
		})
	}
}

// steps is a program of one workflow that makes n steps, one after the other.
func steps(r worker.Registry) {
	r.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "test.nothing"})
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, n int) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		for range n {
			if err := workflow.ExecuteActivity(ctx, "test.nothing").Get(ctx, nil); err != nil {
				return err
			}
		}
		return nil
	}, workflow.RegisterOptions{Name: "Steps"})
}

func runSteps(b *testing.B, c client.Client, n int) {
	b.Helper()
	run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{TaskQueue: "orderly"}, "Steps", n)
	require.NoError(b, err)
	require.NoError(b, run.Get(b.Context(), nil))
}
