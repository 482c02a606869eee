package docker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

const password = "hunter22-of-the-api"

// platform is an application of one API and what belongs to it, as the actions meet one.
type platform struct {
	t               testing.TB
	label           string
	api             string // the container's name
	one, two, ill   string // ids of images: what runs, a newer one, one that never becomes healthy
	ref             string // the name of image one
	network, volume string
}

// newPlatform runs an API with everything that must survive a replacement: an alias and a fixed address on a
// network, a second network, an environment with a password, a named and an unnamed volume, a health check
// that comes from its image, and a command of its own.
func newPlatform(t testing.TB) *platform { return newPlatformWith(t, "unless-stopped") }

// newPlatformWith is newPlatform with another restart policy.
func newPlatformWith(t testing.TB, policy container.RestartPolicyMode) *platform {
	t.Helper()
	name := strings.ToLower("p-" + strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	p := &platform{t: t, label: "orderly.platform=" + name, api: name + "-api", network: name, volume: name + "-data"}
	p.ref = "orderly-test/" + name + ":1"
	p.one = p.build(":1", "")
	p.two = p.build(":2", "ENV VERSION=two\nLABEL org.opencontainers.image.version=2")
	p.ill = p.build(":ill", "CMD [\"-sick\"]")
	docker := testenv.DockerClient(t)
	nets := []string{subnet(), subnet()}
	for i, net := range []string{p.network, p.network + "-second"} {
		_, err := docker.NetworkCreate(t.Context(), net, network.CreateOptions{Labels: p.labels(), IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: nets[i]}}}})
		require.NoError(t, err)
		t.Cleanup(func() { _ = docker.NetworkRemove(context.Background(), net) })
	}
	made, err := docker.ContainerCreate(t.Context(), &container.Config{
		Image: p.ref, Labels: p.labels(), Env: []string{"DB_PASSWORD=" + password, "VERSION=mine"}, Volumes: map[string]struct{}{"/cache": {}},
		ExposedPorts: nat.PortSet{"8080/tcp": {}},
	}, &container.HostConfig{
		NetworkMode: container.NetworkMode(p.network), Binds: []string{p.volume + ":/data"}, Tmpfs: map[string]string{"/tmp": ""},
		PortBindings:  nat.PortMap{"8080/tcp": {{HostIP: "127.0.0.1"}}},
		RestartPolicy: container.RestartPolicy{Name: policy}, Resources: container.Resources{Memory: 64 << 20},
	}, &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{p.network: {
		Aliases: []string{"api"}, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: strings.TrimSuffix(nets[0], "0/24") + "77"},
	}}}, nil, p.api)
	require.NoError(t, err)
	t.Cleanup(p.remove)
	require.NoError(t, docker.NetworkConnect(t.Context(), p.network+"-second", made.ID, &network.EndpointSettings{Aliases: []string{"api-two"}}))
	require.NoError(t, docker.ContainerStart(t.Context(), made.ID, container.StartOptions{}))
	testenv.AwaitContainer(t, made.ID, health(container.Healthy))
	return p
}

// build makes an image of the platform.
func (p *platform) build(tag, more string) string {
	p.t.Helper()
	ref := strings.TrimSuffix(p.ref, ":1") + tag
	return testenv.BuildImage(p.t, ref, "FROM "+testenv.ProbeImage(p.t)+"\n"+
		"HEALTHCHECK --interval=200ms --timeout=5s --retries=2 CMD [\"/probe\", \"-check\"]\nENV VERSION=one\nLABEL "+p.label+"\n"+more+"\n")
}

func (p *platform) labels() map[string]string {
	key, value, _ := strings.Cut(p.label, "=")
	return map[string]string{key: value}
}

// remove removes what has the platform's label, whatever it is called by now.
func (p *platform) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	docker := testenv.DockerClient(p.t)
	left, err := docker.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", p.label))})
	require.NoError(p.t, err)
	for _, c := range left {
		for _, m := range c.Mounts { // one that was carried over is not removed with its container
			defer func() { _ = docker.VolumeRemove(ctx, m.Name, true) }()
		}
		_ = docker.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
	_ = docker.VolumeRemove(ctx, p.volume, true)
}

func (p *platform) state() string { return testenv.DockerState(p.t, p.label) }

// id is the id of the API's container.
func (p *platform) id() string {
	c, err := testenv.DockerClient(p.t).ContainerInspect(p.t.Context(), p.api)
	require.NoError(p.t, err)
	return c.ID
}

// only is a filter for the platform's containers.
func (p *platform) only() Filter { return Filter{Labels: []string{p.label}} }

var subnets atomic.Int64

// subnet is a free one, so that addresses can be asked for.
func subnet() string {
	n := int(subnets.Add(1)) + os.Getpid()%200*256
	return fmt.Sprintf("10.%d.%d.0/24", 192+n/256%60, n%256)
}

// keeping gives actions that keep artifacts in memory.
func keeping(t testing.TB) (*actions, shelf) {
	a, kept := setup(t), shelf{}
	a.keep = kept
	return a, kept
}

func TestUpdateReplacesTheContainerAndNothingElse(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before := p.state()
	id := p.id()
	out, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two, ExpectCurrent: p.one, Timeout: second})
	require.NoError(t, err)
	require.True(t, out.Updated)
	require.NotEqual(t, short(id), out.ID)
	require.Equal(t, p.one, out.PreviousImage)
	require.Equal(t, p.ref, out.PreviousRef)
	require.Equal(t, p.two, out.Image)
	require.Equal(t, healthGood, out.Health)
	testenv.AssertNoSecret(t, password, out)

	after, err := testenv.DockerClient(t).ContainerInspect(t.Context(), p.api)
	require.NoError(t, err)
	require.Equal(t, "2", after.Config.Labels["org.opencontainers.image.version"], "what comes from the image comes from the new one")
	require.Contains(t, after.Config.Env, "VERSION=mine", "and what the container was told stays")
	require.Equal(t, []string{
		"  config.Image", "  config.Labels.org.opencontainers.image.version", "  image", "  tags", "image",
	}, changed(before, p.state()), "nothing else has changed")
	require.Empty(t, p.leftovers())

	back, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: out.PreviousImage, Timeout: second})
	require.NoError(t, err)
	require.True(t, back.Updated)
	require.Equal(t, before, p.state(), "going back by the previous image")
	again, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: out.PreviousImage})
	require.NoError(t, err)
	require.False(t, again.Updated)
}

// changed names the properties in which two states differ.
func changed(a, b string) []string {
	of := func(x, y string) (names []string) {
		for line := range strings.Lines(x) {
			if !strings.Contains(y, line) {
				name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				names = append(names, line[:len(line)-len(strings.TrimLeft(line, " "))]+name)
			}
		}
		return names
	}
	names := append(of(a, b), of(b, a)...)
	slices.Sort(names)
	return slices.Compact(names)
}

var removeOptions = image.RemoveOptions{}

// testenvNetwork is a network of all tests.
func testenvNetwork(t testing.TB) string {
	t.Helper()
	return os.Getenv("ORDERLY_TEST_DOCKER_NETWORK") // RunContainer has seen that it is set
}

const second = sops.Duration(time.Second)

// leftovers names what replacements left behind.
func (p *platform) leftovers() []string {
	all, err := testenv.DockerClient(p.t).ContainerList(p.t.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", p.label))})
	require.NoError(p.t, err)
	var names []string
	for _, c := range all {
		if _, half := halfDone(strings.TrimPrefix(c.Names[0], "/")); half {
			names = append(names, c.Names[0])
		}
	}
	return names
}

func TestUpdateThatDoesNotBecomeHealthyIsUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before, id := p.state(), p.id()
	_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.ill, Within: 2 * second, Timeout: second})
	testenv.RequirePermanent(t, err, action.ErrCommand)
	require.ErrorContains(t, err, "not healthy")
	require.ErrorContains(t, err, "the previous container is back")
	require.ErrorContains(t, err, "logs-"+p.api+"-failed-update")
	require.NotEmpty(t, kept)
	testenv.AssertNoSecret(t, password, err)
	require.Equal(t, before, p.state())
	require.Equal(t, id, p.id(), "it is the very container that ran before")
	require.Empty(t, p.leftovers())
}

func TestUpdateThatDoesNotEvenStartIsUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	broken := p.build(":broken", `ENTRYPOINT ["/no-such-program"]`)
	a, _ := keeping(t)
	before := p.state()
	_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: broken, Timeout: second})
	testenv.RequirePermanent(t, err, action.ErrCommand)
	require.ErrorContains(t, err, "the previous container is back")
	require.Equal(t, before, p.state())
}

func TestUpdateThatIsCancelledIsUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before := p.state()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := a.update(ctx, UpdateInput{Host: "local", Container: p.api, Image: p.ill, Within: 60 * second, Timeout: second})
		ended <- err
	}()
	require.Eventually(t, func() bool { return p.image() == p.ill }, 2*time.Minute, 20*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, before, p.state())
}

// image is the id of the image that the API runs now; "" while there is none.
func (p *platform) image() string {
	c, err := testenv.DockerClient(p.t).ContainerInspect(p.t.Context(), p.api)
	if err != nil {
		return ""
	}
	return c.Image
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before := p.state()
	cases := map[string]struct {
		in   UpdateInput
		kind string
		want string
	}{
		"ANameThatMayMeanAnything":    {UpdateInput{Image: p.ref}, action.ErrInput, "may mean something else"},
		"WhatWasNotApproved":          {UpdateInput{Image: p.two, ExpectCurrent: p.ill}, action.ErrInput, "have it approved again"},
		"WhatWasNotApprovedDry":       {UpdateInput{Image: p.two, ExpectCurrent: p.ill, DryRun: true}, action.ErrInput, "have it approved again"},
		"AnImageThatIsNotThere":       {UpdateInput{Image: "sha256:" + strings.Repeat("0", 64)}, action.ErrNotFound, "can't be fetched"},
		"AnImageThatMayNotBeFetched":  {UpdateInput{Image: "example.org/x@sha256:" + strings.Repeat("0", 64), Pull: "never"}, action.ErrNotFound, "pull is never"},
		"ANameThatNothingUnderstands": {UpdateInput{Image: "Not A Name"}, action.ErrInput, "not a reference"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.in.Host, c.in.Container = "local", p.api
			_, err := a.update(t.Context(), c.in)
			testenv.RequirePermanent(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api + "x", Image: p.two})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	out, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two, DryRun: true})
	require.NoError(t, err)
	require.Equal(t, p.two, out.Image)
	require.Equal(t, p.one, out.PreviousImage)
	require.False(t, out.Updated)
	require.Equal(t, before, p.state(), "nothing of that changed anything")
}
