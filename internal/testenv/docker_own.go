package testenv

import (
	"context"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/orderly-ops/orderly/internal/testenv/server"
)

// OwnEngine is a Docker Engine that a test has for itself.
type OwnEngine struct {
	t   testing.TB
	own *server.Docker
}

// OwnDocker starts an engine for this test alone and leads the other helpers to it. Because of that the test
// can't run in parallel with others.
func OwnDocker(t testing.TB) *OwnEngine {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	own, err := server.StartDocker(ctx)
	if err != nil {
		t.Fatalf("start a Docker Engine for this test: %v", err)
	}
	t.Cleanup(own.Close)
	for key, value := range own.Env() {
		t.Setenv(key, value)
	}
	e := &OwnEngine{t: t, own: own}
	t.Cleanup(e.removeAll)
	return e
}

// Stop ends the engine and its containers.
func (e *OwnEngine) Stop() { e.own.Stop() }

// Start serves it again. Containers whose restart policy says so are started by it.
func (e *OwnEngine) Start() {
	e.t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	if err := e.own.Start(ctx); err != nil {
		e.t.Fatalf("start the Docker Engine again: %v", err)
	}
}

// removeAll ends the containers: the engine would wait for each.
func (e *OwnEngine) removeAll() {
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	engine := DockerClient(e.t)
	left, err := engine.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return // the test has ended it
	}
	for _, c := range left {
		_ = engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
}
