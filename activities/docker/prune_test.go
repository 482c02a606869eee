package docker

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"archive/tar"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// attic is a host on which a lot lies about. Tests of it have an engine of their own: what they remove may
// be anybody's.
type attic struct {
	t      testing.TB
	docker *client.Client
	a      *actions
	kept   shelf
	snap   Snapshot
}

func newAttic(t *testing.T) *attic {
	testenv.OwnDocker(t)
	a, kept := keeping(t)
	a.now = func() time.Time { return time.Now().Add(time.Hour) }
	h := &attic{t: t, docker: testenv.DockerClient(t), a: a, kept: kept}
	for _, ref := range []string{"used:1", "unused:1", "base:keep", "rolled-back:1"} {
		h.image(ref, "LABEL ref="+ref)
	}
	h.image("protected:1", "LABEL orderly.protect=yes")
	h.image("dangling:1", "LABEL ref=dangling")
	h.image("dangling:1", "LABEL ref=newer") // takes the name away
	h.volume("data")
	h.volume("listed")
	h.volume("listed-in-use")
	h.volume("forgotten")
	for _, net := range []string{"lonely", "of-stopped", "of-snapshot"} {
		_, err := h.docker.NetworkCreate(t.Context(), net, network.CreateOptions{})
		require.NoError(t, err)
	}
	h.container("web", "used:1", "none", "data", true)
	h.container("ended", "used:1", "none", "", false)
	h.container("protected", "used:1", "none", "listed-in-use", false, "orderly.protect")
	h.container("precious", "used:1", "of-stopped", "", false, "team=data")
	h.container("rolled-back", "rolled-back:1", "of-snapshot", "", false)
	var err error
	h.snap, err = a.snapshot(t.Context(), SnapshotInput{Host: "local", Filter: Filter{Names: []string{"rolled-back"}}})
	require.NoError(t, err)
	h.container("api.orderly-previous-running", "used:1", "none", "", false)
	h.buildWithCache()
	return h
}

func (h *attic) image(ref, more string) string {
	return testenv.BuildImage(h.t, ref, "FROM "+testenv.ProbeImage(h.t)+"\n"+more+"\n")
}

func (h *attic) volume(name string) {
	_, err := h.docker.VolumeCreate(h.t.Context(), volume.CreateOptions{Name: name})
	require.NoError(h.t, err)
}

// container makes a container with a volume without a name, and with one of that name where one is given.
func (h *attic) container(name, ref, net, vol string, start bool, labels ...string) {
	h.t.Helper()
	config := container.Config{Image: ref, Volumes: map[string]struct{}{"/cache": {}}, Labels: map[string]string{}}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		config.Labels[key] = value
	}
	host := container.HostConfig{NetworkMode: container.NetworkMode(net)}
	if vol != "" {
		host.Binds = []string{vol + ":/data"}
	}
	made, err := h.docker.ContainerCreate(h.t.Context(), &config, &host, nil, nil, name)
	require.NoError(h.t, err)
	if start {
		require.NoError(h.t, h.docker.ContainerStart(h.t.Context(), made.ID, container.StartOptions{}))
	}
}

// buildWithCache builds an image with BuildKit, which keeps a cache.
func (h *attic) buildWithCache() {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	text := "FROM scratch\nCOPY Dockerfile /a\nCOPY Dockerfile /b\n"
	require.NoError(h.t, w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(text))}))
	_, err := io.WriteString(w, text)
	require.NoError(h.t, err)
	require.NoError(h.t, w.Close())
	answer, err := h.docker.ImageBuild(h.t.Context(), &archive, build.ImageBuildOptions{Version: build.BuilderBuildKit, Tags: []string{"built:1"}})
	require.NoError(h.t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(h.t, err)
	require.NoError(h.t, answer.Body.Close())
}

// everything asks for all that can be asked for.
func (h *attic) everything() PruneInput {
	return PruneInput{
		Host: "local", Containers: true, Images: "unused", Networks: true, Volumes: true, BuildCache: true,
		NamedVolumes: []string{"listed", "listed-in-use", "never-was"}, OlderThan: sops.Duration(time.Millisecond),
		Protect: []string{"team=data"}, KeepImages: []string{"base:*"}, KeepSnapshot: h.snap.Key,
	}
}

func (h *attic) prune(in PruneInput) Prune {
	h.t.Helper()
	out, err := h.a.prune(h.t.Context(), in)
	require.NoError(h.t, err)
	return out
}

// things names what a list holds, volumes without a name as one word.
func things(list []Pruned) []string {
	var names []string
	for _, p := range list {
		name := p.Name
		if anonymous(name) || p.Kind == kindCache {
			name = "?"
		}
		names = append(names, p.Kind+" "+name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (out Prune) why(kind, name string) string {
	for _, k := range out.Kept {
		if k.Kind == kind && k.Name == name {
			return k.Why
		}
	}
	return ""
}

func TestPrune(t *testing.T) {
	h := newAttic(t)
	nothing := h.prune(PruneInput{Host: "local", OlderThan: sops.Duration(time.Millisecond)})
	require.Empty(t, nothing.Removed, "every kind has to be asked for")
	young := h.everything()
	young.OlderThan = 0
	require.Empty(t, h.prune(young).Removed, "nothing is a day old")

	in := h.everything()
	in.DryRun = true
	dry := h.prune(in)
	require.True(t, dry.DryRun)
	in.DryRun = false
	out := h.prune(in)
	want := []string{
		"build-cache ?", "container ended", "image built:1", "image dangling:1", "image unused:1",
		"network lonely", "volume ?", "volume listed",
	}
	got := things(out.Removed)
	nameless := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "image ") && !strings.Contains(s, ":") })
	require.GreaterOrEqual(t, nameless, 0, "the image without a name: %v", got)
	require.Equal(t, want, slices.Delete(slices.Clone(got), nameless, nameless+1))
	require.Equal(t, got, things(dry.Removed), "the dry run said what would go")
	require.Equal(t, 1, out.Containers)
	require.Equal(t, 4, out.Images)
	require.Equal(t, 1, out.Networks)
	require.Equal(t, 2, out.Volumes)
	require.Positive(t, out.BuildCache)
	require.Positive(t, out.Recovered.BuildCache)
	require.Equal(t, out.Recovered.Containers+out.Recovered.Images+out.Recovered.Volumes+out.Recovered.BuildCache, out.Recovered.Total)

	require.Contains(t, out.why(kindContainer, "protected"), "orderly.protect")
	require.Contains(t, out.why(kindContainer, "precious"), "team=data")
	require.Contains(t, out.why(kindContainer, "rolled-back"), "snapshot")
	require.Contains(t, out.why(kindContainer, "api.orderly-previous-running"), "half-way")
	require.Contains(t, out.why(kindImage, "protected:1"), "orderly.protect")
	require.Contains(t, out.why(kindImage, "base:keep"), "keep_images")
	require.Contains(t, out.why(kindVolume, "listed-in-use"), "protected uses it")
	h.require("the volumes with a name", []string{"data", "forgotten", "listed-in-use"}, h.volumes())
	h.require("the networks", []string{"of-snapshot", "of-stopped"}, h.networks())

	require.Empty(t, h.prune(in).Removed, "the second time there is nothing left to do")
	restored, err := h.a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: h.snap.Key})
	require.NoError(t, err)
	require.Zero(t, restored.Changed)

	h.forgetTheSnapshot(in)
}

// forgetTheSnapshot shows that an image is kept by its snapshot as long as it is young, and no longer.
func (h *attic) forgetTheSnapshot(in PruneInput) {
	require.NoError(h.t, h.docker.ContainerRemove(h.t.Context(), "rolled-back", container.RemoveOptions{}))
	in.KeepSnapshot = ""
	out := h.prune(in)
	require.Contains(h.t, out.why(kindImage, "rolled-back:1"), "a snapshot keeps it")
	in.ReleaseKept = sops.Duration(time.Millisecond)
	h.prune(in)
	_, err := h.docker.ImageInspect(h.t.Context(), h.snap.Images[0].ID)
	require.True(h.t, missing(err))
}

func (h *attic) require(what string, want, got []string) {
	h.t.Helper()
	slices.Sort(got)
	require.Equal(h.t, want, got, what)
}

func (h *attic) volumes() (names []string) {
	all, err := h.docker.VolumeList(h.t.Context(), volume.ListOptions{})
	require.NoError(h.t, err)
	for _, v := range all.Volumes {
		if !anonymous(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

func (h *attic) networks() (names []string) {
	e, err := h.a.engines.Get("local")
	require.NoError(h.t, err)
	all, err := e.networks(h.t.Context())
	require.NoError(h.t, err)
	for _, n := range all {
		names = append(names, n.Name)
	}
	return names
}

func TestPruneMeasuresWhatItRecovers(t *testing.T) {
	testenv.OwnDocker(t)
	a := setup(t)
	a.now = func() time.Time { return time.Now().Add(time.Hour) }
	docker := testenv.DockerClient(t)
	const size = 3 << 20
	layer := make([]byte, size)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "big", Mode: 0o644, Size: size}))
	_, err := w.Write(layer)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	answer, err := docker.ImageImport(t.Context(), image.ImportSource{Source: &archive, SourceName: "-"}, "big:1", image.ImportOptions{})
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer)
	require.NoError(t, err)
	in := PruneInput{Host: "local", Images: "unused", KeepImages: []string{"orderly-test/*:*"}, OlderThan: sops.Duration(time.Minute)}
	out, err := a.prune(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 1, out.Images)
	require.EqualValues(t, size, out.Recovered.Images)
	require.EqualValues(t, size, out.Recovered.Total)
}

func TestPruneRefusesWithoutItsSnapshot(t *testing.T) {
	t.Parallel()
	a, _ := keeping(t)
	_, err := a.prune(t.Context(), PruneInput{Host: "local", KeepSnapshot: "gone"})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	_, err = a.prune(t.Context(), PruneInput{Host: "local", KeepImages: []string{"["}})
	testenv.RequirePermanent(t, err, action.ErrInput)
}
