package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
)

// startDocker leads tests to the machine's own Docker Engine when it answers, and starts a private one
// otherwise. Either way it holds the tests' image and a network for them, which go at the end.
func startDocker(ctx context.Context, dir string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	engine, stop, err := findEngine(ctx, dir)
	if err != nil {
		return nil, err
	}
	s, err := furnish(ctx, dir, engine)
	if err != nil {
		stop()
		return nil, err
	}
	remove := s.stop
	s.stop = func() { remove(); stop(); _ = engine.Close() }
	return s, nil
}

// findEngine gives a client of the machine's engine, or of a new one and how to stop that.
func findEngine(ctx context.Context, dir string) (*client.Client, func(), error) {
	own, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, nil, err
	}
	if answers(ctx, own) == nil {
		return own, func() {}, nil
	}
	_ = own.Close()
	if os.Geteuid() != 0 {
		return nil, nil, errors.New("no Docker Engine answers, and only root can start one: start Docker and let this user use it (group docker)")
	}
	return startEngine(ctx, dir)
}

func answers(ctx context.Context, engine *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := engine.Ping(ctx)
	return err
}

// startEngine serves a private engine and answers a client of it and how to stop it.
func startEngine(ctx context.Context, dir string) (*client.Client, func(), error) {
	d := newDaemon(dir)
	if err := d.serve(ctx); err != nil {
		return nil, nil, err
	}
	return d.engine, d.proc.stop, nil
}

// daemon is a private engine. It leaves the machine's firewall and docker0 bridge alone, so any number of
// them run side by side; the price is that containers can't reach the outside.
type daemon struct {
	dir, host, pool string // pool is where its networks get their addresses
	proc            *process
	engine          *client.Client
}

func newDaemon(dir string) *daemon {
	return &daemon{
		dir: dir, host: "unix://" + filepath.Join(dir, "docker.sock"),
		pool: fmt.Sprintf("base=10.%d.%d.0/20,size=24", 64+rand.IntN(128), rand.IntN(16)*16), //nolint:gosec // spreads, not secures
	}
}

// serve starts the engine and waits until it answers. After it was stopped it goes on with what it had.
func (d *daemon) serve(ctx context.Context) error {
	path, err := program("dockerd")
	if err != nil {
		return err
	}
	// The machine's own daemon.json would contradict the arguments below.
	settings := filepath.Join(d.dir, "daemon.json")
	if err := os.WriteFile(settings, []byte("{}"), 0o600); err != nil {
		return err
	}
	name := filepath.Base(filepath.Dir(d.dir)) // unique, as the temporary folder is
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, "--host", d.host,
		"--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "pid"), "--config-file", settings,
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--default-address-pool", d.pool,
		// A containerd of the machine may serve several engines: keep ours apart.
		"--containerd-namespace", name, "--containerd-plugins-namespace", name+"-plugins")
	if d.proc, err = launch(d.dir, cmd, syscall.SIGTERM); err != nil {
		return err
	}
	d.engine, err = client.NewClientWithOpts(client.WithHost(d.host), client.WithAPIVersionNegotiation())
	if err != nil {
		d.proc.stop()
		return err
	}
	return d.proc.ready(ctx, func(ctx context.Context) error { return answers(ctx, d.engine) })
}

// furnish adds the tests' image and network to an engine.
func furnish(ctx context.Context, dir string, engine *client.Client) (*server, error) {
	image, err := importProbe(ctx, dir, engine)
	if err != nil {
		return nil, fmt.Errorf("image for tests: %w", err)
	}
	name := filepath.Base(filepath.Dir(dir))
	made, err := engine.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge"})
	if err != nil {
		return nil, fmt.Errorf("network for tests: %w", err)
	}
	remove := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		// Best effort: a private engine goes as a whole, another keeps a few MB at worst.
		removeContainers(ctx, engine, image)
		_ = engine.NetworkRemove(ctx, made.ID)
		removeProbe(ctx, engine, image)
	}
	return &server{stop: remove, env: map[string]string{
		leaders["docker"]:             engine.DaemonHost(),
		"ORDERLY_TEST_DOCKER_IMAGE":   image,
		"ORDERLY_TEST_DOCKER_NETWORK": name,
	}}, nil
}

// removeContainers ends what tests that were killed left behind: it would keep the network alive.
func removeContainers(ctx context.Context, engine *client.Client, image string) {
	left, err := engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("ancestor", image))})
	if err != nil {
		return
	}
	for _, one := range left {
		_ = engine.ContainerRemove(ctx, one.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
}
