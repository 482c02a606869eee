package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// Docker is a Docker Engine that one test has for itself, to do to it what others would mind: to stop it, or
// to remove everything that nobody needs.
type Docker struct {
	set   *Set
	d     *daemon
	image string
}

// StartDocker serves a private engine that holds the image of the tests' containers. It takes root.
func StartDocker(ctx context.Context) (*Docker, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("this test needs a Docker Engine of its own, which only root can start")
	}
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	own := &Docker{set: &Set{dir: dir}, d: newDaemon(filepath.Join(dir, "docker"))}
	if err := os.MkdirAll(own.d.dir, 0o700); err != nil {
		return nil, err
	}
	if err := own.d.serve(ctx); err != nil {
		own.set.Stop()
		return nil, err
	}
	if own.image, err = importProbe(ctx, own.d.dir, own.d.engine); err != nil {
		own.Close()
		return nil, err
	}
	return own, nil
}

// Env is the variables that lead tests to the engine.
func (o *Docker) Env() map[string]string {
	return map[string]string{leaders["docker"]: o.d.host, "ORDERLY_TEST_DOCKER_IMAGE": o.image}
}

// Stop ends the engine and with it its containers. What it holds stays.
func (o *Docker) Stop() {
	_ = o.d.engine.Close()
	o.d.proc.stop()
}

// Start serves the engine again.
func (o *Docker) Start(ctx context.Context) error { return o.d.serve(ctx) }

// Close ends the engine and removes what it holds.
func (o *Docker) Close() {
	o.Stop()
	o.set.Stop()
}
