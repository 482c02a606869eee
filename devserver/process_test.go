package main

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

const nap = `sop: nap
title: A nap
phases:
  - id: only
    steps:
      - {id: sleep, wait: 5s}
`

func TestARunGoesOnAfterTheDevserverWasKilled(t *testing.T) {
	t.Parallel()
	in := newInstall(t, map[string]string{"nap.yaml": nap})
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()

	first := in.start(t)
	c := in.client(t)
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "nap/1", TaskQueue: "orderly"}, "Nap", map[string]any{})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, in.get(t, in.httpPort, "/readyz", nil))
	require.Equal(t, http.StatusOK, in.get(t, in.httpPort, "/healthz", nil))
	require.Equal(t, http.StatusOK, in.get(t, in.httpPort, "/metrics", nil))
	require.Equal(t, http.StatusOK, in.get(t, in.uiPort, "/", nil))
	first.kill()

	second := in.start(t, "--headless")
	var summary struct{ State string }
	require.NoError(t, c.GetWorkflow(ctx, "nap/1", "").Get(ctx, &summary))
	require.Equal(t, "succeeded", summary.State)
	require.Zero(t, second.stop())
	require.Empty(t, second.stderr.String(), "a start and a stop in order have nothing to complain about")
}

func TestTheDevserverRefusesWhatAnotherUses(t *testing.T) {
	t.Parallel()
	in := newInstall(t, nil)
	in.start(t)

	same := in.launch(t)
	require.Equal(t, 1, same.exitCode())
	require.Contains(t, same.stderr.String(), "is in use by another devserver (process ")

	for _, flag := range []string{"--port", "--ui-port", "http.listen"} {
		other := newInstall(t, nil)
		switch flag {
		case "--port":
			other.port = in.port
		case "--ui-port":
			other.uiPort = in.uiPort
		default:
			other.dir = in.dir // its orderly.yaml
		}
		p := other.launch(t, "--data", filepath.Join(t.TempDir(), "data"))
		require.Equal(t, 1, p.exitCode())
		require.Contains(t, p.stderr.String(), flag)
		require.Contains(t, p.stderr.String(), "address already in use")
	}
}
