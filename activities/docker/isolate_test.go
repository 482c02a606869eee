package docker

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// networks names the networks that the API is on.
func (p *platform) networks() (names []string) {
	c, err := testenv.DockerClient(p.t).ContainerInspect(p.t.Context(), p.api)
	require.NoError(p.t, err)
	for name := range c.NetworkSettings.Networks {
		names = append(names, name)
	}
	return names
}

func TestIsolateAndRejoin(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	in := IsolateInput{Host: "local", Container: p.api, Pause: true}
	dry := in
	dry.DryRun = true
	seen, err := a.isolate(t.Context(), dry)
	require.NoError(t, err)
	require.Equal(t, []string{p.network, p.network + "-second"}, seen.Networks)
	require.Equal(t, before, p.state())
	require.Empty(t, kept)

	out, err := a.isolate(t.Context(), in)
	require.NoError(t, err)
	require.True(t, out.Changed)
	require.True(t, out.Paused)
	require.Equal(t, seen.Networks, out.Networks)
	require.Empty(t, p.networks())
	testenv.AssertNoSecret(t, password, out, kept[out.Memory])

	again, err := a.isolate(t.Context(), in)
	require.NoError(t, err)
	require.False(t, again.Changed, "it is isolated")
	require.Equal(t, out.Networks, again.Networks, "and what it was on is not forgotten")

	back, err := a.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api})
	require.NoError(t, err)
	require.True(t, back.Changed)
	require.True(t, back.Unpaused)
	require.Equal(t, out.Networks, back.Networks)
	require.Equal(t, before, p.state())
	again2, err := a.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api, Memory: out.Memory})
	require.NoError(t, err)
	require.False(t, again2.Changed)
}

func TestIsolateLeavesTheNetworksThatItIsToldTo(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before := p.state()
	out, err := a.isolate(t.Context(), IsolateInput{Host: "local", Container: p.api, Except: []string{p.network + "-second"}})
	require.NoError(t, err)
	require.Equal(t, []string{p.network}, out.Networks)
	require.Equal(t, []string{p.network + "-second"}, p.networks())
	require.False(t, out.Paused)
	_, err = a.isolate(t.Context(), IsolateInput{Host: "local", Container: p.api})
	require.NoError(t, err)
	require.Empty(t, p.networks(), "a second isolation may go further")
	_, err = a.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api})
	require.NoError(t, err)
	require.Equal(t, before, p.state(), "and both are undone at once")
}

func TestRejoinOfWhatWasNotIsolatedDoesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	before := p.state()
	out, err := a.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api})
	require.NoError(t, err)
	require.False(t, out.Changed)
	require.Equal(t, before, p.state())
}

// full lets everything that is to be kept fail.
type full struct{ shelf }

var errFull = errors.New("no space left on device")

func (full) KeepExact(context.Context, string, func(io.Writer) error) (artifact.Saved, error) {
	return artifact.Saved{}, errFull
}

func (full) KeepAt(context.Context, string, func(io.Writer) error) (artifact.Saved, error) {
	return artifact.Saved{}, errFull
}

func TestNothingIsChangedThatCouldNotBeUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	a.keep = full{kept}
	before := p.state()
	_, err := a.isolate(t.Context(), IsolateInput{Host: "local", Container: p.api, Pause: true})
	require.ErrorIs(t, err, errFull)
	require.Equal(t, before, p.state())
	_, err = a.export(t.Context(), ExportInput{Host: "local", Container: p.api})
	require.ErrorIs(t, err, errFull)
}

func TestIsolateRefusesANetworkThatCannotBeLeft(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, _ := keeping(t)
	side := testenv.RunContainer(t, testenv.ContainerSpec{Network: "container:" + p.api, Args: []string{"-listen", ":8090"}})
	_, err := a.isolate(t.Context(), IsolateInput{Host: "local", Container: side.Name})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "pause it")
	out, err := a.isolate(t.Context(), IsolateInput{Host: "local", Container: side.Name, Pause: true})
	require.NoError(t, err)
	require.True(t, out.Paused)

	_, err = a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, side.Name+" uses the network or the processes of "+p.api)
}

func TestUpdateRefusesWhatWouldEndAnother(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a := setup(t)
	docker, name := testenv.DockerClient(t), p.api+"-debugger"
	_, err := docker.ContainerCreate(t.Context(), &container.Config{Image: p.ref, Labels: p.labels()},
		&container.HostConfig{NetworkMode: "none", PidMode: container.PidMode("container:" + p.api)}, nil, nil, name)
	require.NoError(t, err)
	t.Cleanup(func() { _ = docker.ContainerRemove(context.Background(), name, container.RemoveOptions{Force: true}) })
	_, err = a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, name+" uses the network or the processes of "+p.api)
}

func TestExportKeepsEvidence(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	out, err := a.export(t.Context(), ExportInput{Host: "local", Container: p.api, Commit: true})
	require.NoError(t, err)
	require.Empty(t, out.Missed)
	t.Cleanup(func() { _, _ = testenv.DockerClient(t).ImageRemove(context.Background(), out.Image, removeOptions) })
	require.Equal(t, before, p.state())
	require.Len(t, out.Files, 5)
	require.Contains(t, kept["evidence-"+p.api+".inspect.json"], password, "evidence is kept as it is")
	require.Contains(t, kept["evidence-"+p.api+".processes.json"], "/probe")
	require.Contains(t, kept["evidence-"+p.api+".tar"], "probe\x00", "its files")
	require.Equal(t, 5, strings.Count(kept[out.Manifest.Key], "\n"))
	require.Regexp(t, `^orderly/evidence:\d{8}T\d{6}Z-[0-9a-f]{12}$`, out.Image)
	testenv.AssertNoSecret(t, password, out)

	ended := testenv.RunContainer(t, testenv.ContainerSpec{Created: true})
	no := false
	out, err = a.export(t.Context(), ExportInput{Host: "local", Container: ended.Name, Filesystem: &no})
	require.NoError(t, err)
	require.Equal(t, "processes", out.Missed[0].What, "what does not run has none")
	require.Len(t, out.Files, 3)
}
