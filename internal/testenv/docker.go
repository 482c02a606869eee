package testenv

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
)

// Docker gives the address of a Docker Engine. Others use it too: look for containers by label or name.
func Docker(t testing.TB) string {
	t.Helper()
	return need(t, "ORDERLY_TEST_DOCKER_HOST", "docker")
}

// DockerClient is a client of the engine that Docker leads to.
func DockerClient(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(Docker(t)), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("use the test Docker Engine: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ContainerSpec is a container to run. Its program is the one in probe/, whose flags Args are; with none
// it serves /health on port 8080 until it is stopped.
type ContainerSpec struct {
	Name   string // default a new one
	Args   []string
	Labels map[string]string
	// Health has the engine ask /health five times a second; two failures make it unhealthy.
	Health bool
	// Publish makes port 8080 reachable from here: see Container.Address.
	Publish bool
	Memory  int64 // bytes; 0 is no limit
	CPUs    float64
	Restart string // restart policy, "" is none
	Network string // "" is none, or that of all tests with Publish
	Tty     bool
	Created bool // made but not started
}

// Container is a container of a test.
type Container struct {
	ID, Name string
	// Address is where a published port 8080 is reached, as host:port.
	Address string
}

// RunContainer runs a container and removes it when the test ends. Every one has the label orderly.test,
// with the test's name.
func RunContainer(t testing.TB, spec ContainerSpec) Container {
	t.Helper()
	engine := DockerClient(t)
	ctx, cancel := bounded()
	defer cancel()
	if spec.Name == "" {
		spec.Name = unique("orderly-test-")
	}
	network := container.NetworkMode("none") // costs nothing to set up
	switch {
	case spec.Network != "":
		network = container.NetworkMode(spec.Network)
	case spec.Publish:
		network = container.NetworkMode(need(t, "ORDERLY_TEST_DOCKER_NETWORK", "docker"))
	}
	made, err := engine.ContainerCreate(ctx, spec.config(t), spec.hostConfig(network), nil, nil, spec.Name)
	if err != nil {
		t.Fatalf("create container %s: %v", spec.Name, err)
	}
	t.Cleanup(func() { removeContainer(t, made.ID) })
	c := Container{ID: made.ID, Name: spec.Name}
	if spec.Created {
		return c
	}
	if err := engine.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		t.Fatalf("start container %s: %v", spec.Name, err)
	}
	if spec.Publish {
		c.Address = published(ctx, t, engine, made.ID)
	}
	return c
}

// AwaitContainer waits until the container's state is as wanted and gives that state.
func AwaitContainer(t testing.TB, id string, wanted func(*container.State) bool) *container.State {
	t.Helper()
	engine := DockerClient(t)
	ctx, cancel := bounded()
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		seen, err := engine.ContainerInspect(ctx, id)
		if err != nil {
			t.Fatalf("inspect container %s: %v", id, err)
		}
		if wanted(seen.State) {
			return seen.State
		}
		select {
		case <-ctx.Done():
			t.Fatalf("container %s did not come into the wanted state within %s; it is %q", id, settle, seen.State.Status)
		case <-tick.C:
		}
	}
}

func (s ContainerSpec) config(t testing.TB) *container.Config {
	labels := map[string]string{"orderly.test": t.Name()}
	maps.Copy(labels, s.Labels)
	c := &container.Config{
		Image:  need(t, "ORDERLY_TEST_DOCKER_IMAGE", "docker"),
		Cmd:    slices.Clone(s.Args),
		Labels: labels,
		Tty:    s.Tty,
	}
	if s.Publish {
		c.ExposedPorts = nat.PortSet{"8080/tcp": {}}
	}
	if s.Health {
		c.Healthcheck = &container.HealthConfig{
			Test: []string{"CMD", "/probe", "-check"}, Interval: 200 * time.Millisecond,
			Timeout: 5 * time.Second, Retries: 2,
		}
	}
	return c
}

func (s ContainerSpec) hostConfig(network container.NetworkMode) *container.HostConfig {
	h := &container.HostConfig{
		NetworkMode:   network,
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(s.Restart)},
		Resources:     container.Resources{Memory: s.Memory, NanoCPUs: int64(s.CPUs * 1e9)},
	}
	if s.Publish {
		h.PortBindings = nat.PortMap{"8080/tcp": {{HostIP: "127.0.0.1"}}}
	}
	return h
}

func published(ctx context.Context, t testing.TB, engine *client.Client, id string) string {
	t.Helper()
	seen, err := engine.ContainerInspect(ctx, id)
	if err != nil {
		t.Fatalf("inspect container %s: %v", id, err)
	}
	bindings := seen.NetworkSettings.Ports["8080/tcp"]
	if len(bindings) == 0 {
		t.Fatalf("container %s has ended before its port could be found", seen.Name)
	}
	address, err := netip.ParseAddrPort(bindings[0].HostIP + ":" + bindings[0].HostPort)
	if err != nil {
		t.Fatalf("published port of %s: %v", seen.Name, err)
	}
	return address.String()
}

func removeContainer(t testing.TB, id string) {
	t.Helper()
	engine, err := client.NewClientWithOpts(client.WithHost(Docker(t)), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("use the test Docker Engine: %v", err)
	}
	defer engine.Close()
	ctx, cancel := bounded()
	defer cancel()
	err = engine.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Errorf("remove container %s: %v", id, err)
	}
}
