package docker

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// snap takes a snapshot of the platform.
func (p *platform) snap(a *actions) Snapshot {
	p.t.Helper()
	out, err := a.snapshot(p.t.Context(), SnapshotInput{Host: "local", Filter: p.only()})
	require.NoError(p.t, err)
	p.t.Cleanup(func() {
		for _, i := range out.Images {
			_, _ = testenv.DockerClient(p.t).ImageRemove(context.Background(), i.Kept, removeOptions)
		}
	})
	return out
}

// restore restores a snapshot, which has to make the platform what it was.
func (p *platform) restore(a *actions, s Snapshot, want string) Restore {
	p.t.Helper()
	out, err := a.restore(p.t.Context(), RestoreInput{Host: "local", Snapshot: s.Key, Timeout: second})
	require.NoError(p.t, err)
	require.Equal(p.t, want, p.state())
	require.Empty(p.t, p.leftovers())
	testenv.AssertNoSecret(p.t, password, out)
	return out
}

func TestSnapshotHoldsWhatRestoringTakesAndShowsNoSecret(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	out := p.snap(a)
	require.Equal(t, before, p.state())
	require.Equal(t, []SnapContainer{{Name: p.api, State: stateRunning, Healthy: true, Image: p.ref, ImageID: p.one}}, out.Containers)
	require.Equal(t, []string{p.network, p.network + "-second"}, out.Networks)
	require.Len(t, out.Volumes, 2)
	require.Equal(t, []string{p.ref}, out.Images[0].Refs)
	require.Regexp(t, `^orderly/keep:\d{8}T\d{6}Z-[0-9a-f]{12}$`, out.Images[0].Kept)
	testenv.AssertNoSecret(t, password, out)
	require.Contains(t, kept[out.Key], password, "without it nothing could be restored")
	require.NotContains(t, kept[out.Key], "VERSION=one", "what the image gives is not the container's")
}

func TestRestoreDoesNothingWhereNothingDiffers(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before, id := p.state(), p.id()
	out := p.restore(a, p.snap(a), before)
	require.Zero(t, out.Changed)
	require.Empty(t, out.Containers)
	require.Equal(t, id, p.id())
}

func TestRestoreUndoes(t *testing.T) {
	t.Parallel()
	docker := func(p *platform) *client.Client { return testenv.DockerClient(p.t) }
	cases := map[string]struct {
		change   func(p *platform, a *actions)
		differed []string
		did      []string
	}{
		"AnUpdate": {func(p *platform, a *actions) {
			_, err := a.update(p.t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two, Timeout: second})
			require.NoError(p.t, err)
		}, []string{"image"}, []string{"made again"}},
		"AMovedName": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ImageTag(p.t.Context(), p.two, p.ref))
		}, nil, nil},
		"AStop": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerStop(p.t.Context(), p.api, container.StopOptions{}))
		}, []string{"state"}, []string{"running"}},
		"APause": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerPause(p.t.Context(), p.api))
		}, []string{"state"}, []string{"running"}},
		"ANewName": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerRename(p.t.Context(), p.api, p.api+"-x"))
		}, []string{"name"}, []string{"put back"}},
		"ALostAlias": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).NetworkDisconnect(p.t.Context(), p.network, p.api, false))
			require.NoError(p.t, docker(p).NetworkConnect(p.t.Context(), p.network, p.api, nil))
		}, []string{"networks"}, []string{"reconnected"}},
		"AForeignNetwork": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).NetworkConnect(p.t.Context(), testenvNetwork(p.t), p.api, nil))
		}, []string{"networks"}, []string{"reconnected"}},
		"ARemoval": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerRemove(p.t.Context(), p.api, container.RemoveOptions{Force: true}))
		}, []string{"gone"}, []string{"made again"}},
		"ARemovalWithItsNetworkAndImageName": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerRemove(p.t.Context(), p.api, container.RemoveOptions{Force: true}))
			require.NoError(p.t, docker(p).NetworkRemove(p.t.Context(), p.network))
			_, err := docker(p).ImageRemove(p.t.Context(), p.ref, removeOptions)
			require.NoError(p.t, err, "the snapshot's own name keeps the image")
		}, []string{"gone"}, []string{"made again"}},
		"AnotherEnvironment": {func(p *platform, _ *actions) {
			require.NoError(p.t, docker(p).ContainerRename(p.t.Context(), p.api, p.api+"-old"))
			old, err := docker(p).ContainerInspect(p.t.Context(), p.api+"-old")
			require.NoError(p.t, err)
			require.NoError(p.t, docker(p).ContainerRemove(p.t.Context(), old.ID, container.RemoveOptions{Force: true}))
			old.Config.Env = append(old.Config.Env, "MORE=1")
			old.Config.Hostname = ""
			_, err = docker(p).ContainerCreate(p.t.Context(), old.Config, old.HostConfig, &network.NetworkingConfig{}, nil, p.api)
			require.NoError(p.t, err)
		}, []string{"environment", "mounts", "networks", "state"}, []string{"made again"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			a, _ := keeping(t)
			before := p.state()
			s := p.snap(a)
			c.change(p, a)
			require.NotEqual(t, before, p.state())

			dry, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: s.Key, DryRun: true})
			require.NoError(t, err)
			require.NotZero(t, dry.Changed)
			require.NotEqual(t, before, p.state(), "a dry run changes nothing")

			out := p.restore(a, s, before)
			require.Equal(t, dry.Changed, out.Changed)
			if c.differed == nil {
				require.Equal(t, []string{p.ref}, out.Tags)
			} else {
				require.Equal(t, []Restored{{Name: p.api, Differed: c.differed, Did: c.did}}, out.Containers)
			}
			again := p.restore(a, s, before)
			require.Zero(t, again.Changed, "the second time there is nothing left to do")
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	s := p.snap(a)
	kept["rubbish"] = "{}"
	kept["elsewhere"] = strings.Replace(kept[s.Key], `"host":"local"`, `"host":"other"`, 1)
	kept["newer"] = strings.Replace(kept[s.Key], `"version":1`, `"version":2`, 1)
	for key, want := range map[string]string{"rubbish": "is not a snapshot", "elsewhere": `is of docker "other"`, "newer": "newer Orderly"} {
		_, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: key})
		testenv.RequirePermanent(t, err, action.ErrInput)
		require.ErrorContains(t, err, want)
	}
	_, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: "none"})
	testenv.RequirePermanent(t, err, action.ErrNotFound)

	docker := testenv.DockerClient(t)
	require.NoError(t, docker.ContainerRemove(t.Context(), p.api, container.RemoveOptions{Force: true}))
	require.NoError(t, docker.VolumeRemove(t.Context(), p.volume, true))
	out, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: s.Key})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	require.ErrorContains(t, err, "its volume "+p.volume+" is gone")
	require.Zero(t, out.Changed)
	testenv.AssertNoSecret(t, password, err)
}

func TestSnapshotOfAHostLeftHalfWayIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	require.NoError(t, testenv.DockerClient(t).ContainerRename(t.Context(), p.api, p.api+markPrevious+stateRunning))
	_, err := a.snapshot(t.Context(), SnapshotInput{Host: "local", Filter: p.only()})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "left half-way")
}

// failing lets the store of artifacts fail.
type failing struct{ shelf }

func (failing) Copy(context.Context, string, io.Writer) error { return io.ErrUnexpectedEOF }

func TestRestoreThatCannotReadItsSnapshotDoesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	s := p.snap(a)
	a.keep = failing{kept}
	before := p.state()
	_, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: s.Key})
	testenv.RequireTransient(t, err)
	require.Equal(t, before, p.state())
}

func TestComparisonTellsNothingFromSomething(t *testing.T) {
	t.Parallel()
	type thing struct {
		Set  map[string]struct{}
		List []string
		Flag *bool
	}
	no := false
	require.True(t, same(thing{}, thing{Set: map[string]struct{}{}, List: []string{}, Flag: &no}))
	require.False(t, same(thing{}, thing{Set: map[string]struct{}{"8080/tcp": {}}}))
	require.False(t, same(thing{}, thing{List: []string{""}}))
	require.False(t, same(map[string]*thing{"a": {}}, map[string]*thing{"b": {}}))
}
