package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// TestContainersOfAllKindsAreReplacedAndPutBack has containers as people make them, and wants each to be the
// same after it was updated and undone.
func TestContainersOfAllKindsAreReplacedAndPutBack(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	file := filepath.Join(t.TempDir(), "app.conf")
	require.NoError(t, os.WriteFile(file, []byte("x=1\n"), 0o600))
	anywhere := []string{"-listen", "127.0.0.1:0"} // on the host's network others listen too
	none := &container.HealthConfig{Test: []string{"NONE"}}
	initial, pids := true, int64(50)
	kinds := map[string]struct {
		config container.Config
		host   container.HostConfig
	}{
		"host": {
			config: container.Config{Cmd: anywhere, Healthcheck: none},
			host:   container.HostConfig{NetworkMode: "host", PidMode: "host", UTSMode: "host", IpcMode: "host"},
		},
		"none": {config: container.Config{Healthcheck: none}, host: container.HostConfig{NetworkMode: "none"}},
		"told": {
			config: container.Config{Hostname: "own", Domainname: "example.org", Healthcheck: none},
			host:   container.HostConfig{NetworkMode: container.NetworkMode(p.network), ExtraHosts: []string{"db:10.0.0.1"}, DNS: []string{"10.0.0.2"}},
		},
		"strict": {
			config: container.Config{User: "65534:65534", WorkingDir: "/tmp", StopSignal: "SIGINT", Tty: true, OpenStdin: true},
			host: container.HostConfig{
				NetworkMode: container.NetworkMode(p.network), ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
				Init: &initial, ShmSize: 32 << 20, GroupAdd: []string{"7"}, Tmpfs: map[string]string{"/run": "size=1m"},
				LogConfig:     container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}},
				Resources:     container.Resources{NanoCPUs: 5e8, PidsLimit: &pids, Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 512, Hard: 512}}},
				Mounts:        []mount.Mount{{Type: mount.TypeBind, Source: file, Target: "/app.conf", ReadOnly: true}},
				RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3},
			},
		},
		"plain": {
			config: container.Config{Healthcheck: none, Env: []string{"EMPTY=", "EQUALS=a=b", "SPACE= x "}},
			host:   container.HostConfig{NetworkMode: container.NetworkMode(p.network), Binds: []string{file + ":/app.conf:ro"}, CgroupnsMode: "host"},
		},
		"slashes": {
			config: container.Config{Healthcheck: none},
			host: container.HostConfig{
				NetworkMode: container.NetworkMode(p.network), Binds: []string{p.volume + ":/named/"},
				Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: p.volume, Target: "/again/"}},
			},
		},
		"lends": {
			config: container.Config{Healthcheck: none, Volumes: map[string]struct{}{"/unnamed": {}}},
			host:   container.HostConfig{NetworkMode: container.NetworkMode(p.network), Binds: []string{p.volume + ":/named"}},
		},
		"borrows": {
			config: container.Config{Healthcheck: none, MacAddress: "02:42:ac:11:65:43"}, //nolint:staticcheck // older engines know no other place
			host:   container.HostConfig{NetworkMode: container.NetworkMode(p.network), VolumesFrom: []string{p.api + "-lends:ro"}},
		},
	}
	docker := testenv.DockerClient(t)
	var names []string
	for _, kind := range []string{"none", "host", "told", "strict", "plain", "slashes", "lends", "borrows"} {
		k := kinds[kind]
		name := p.api + "-" + kind
		k.config.Image, k.config.Labels = p.ref, p.labels()
		made, err := docker.ContainerCreate(t.Context(), &k.config, &k.host, &network.NetworkingConfig{}, nil, name)
		require.NoError(t, err, kind)
		require.NoError(t, docker.ContainerStart(t.Context(), made.ID, container.StartOptions{}), kind)
		names = append(names, name)
	}
	for _, name := range names {
		c, err := docker.ContainerInspect(t.Context(), name)
		require.NoError(t, err)
		if c.State.Health != nil && c.State.Health.Status != container.NoHealthcheck {
			testenv.AwaitContainer(t, name, health(container.Healthy))
		}
	}
	before := p.state()
	kept, err := a.snapshot(t.Context(), SnapshotInput{Host: "local", Filter: p.only()})
	require.NoError(t, err)
	for _, name := range names {
		out, err := a.update(t.Context(), UpdateInput{Host: "local", Container: name, Image: p.two, Timeout: second})
		require.NoError(t, err, name)
		require.True(t, out.Updated, name)
	}
	back, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: kept.Key, Timeout: second})
	require.NoError(t, err)
	require.Len(t, back.Containers, len(names))
	require.Empty(t, changed(before, p.state()))
	again, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: kept.Key, Timeout: second})
	require.NoError(t, err)
	require.Zero(t, again.Changed, "%+v", again.Containers)
}

// TestAnUnnamedVolumeIsCarriedOverOnce wants a container whose unnamed volume was carried over to be the same as
// before: otherwise every docker.restore would make it again.
func TestAnUnnamedVolumeIsCarriedOverOnce(t *testing.T) {
	t.Parallel()
	volume := strings.Repeat("0a", 32)
	s := spec{
		Config: &container.Config{},
		Host:   &container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Target: "/unnamed/"}}},
		Mounts: []mounted{{Type: "volume", Name: volume, Destination: "/unnamed", RW: true}},
	}
	now := s
	now.Host = s.hostConfig()
	require.Equal(t, []string{volume + ":/unnamed"}, now.Host.Binds)
	require.Empty(t, now.Host.Mounts)
	require.Empty(t, s.differs(now))
}
