package docker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// registry is an image registry as the engine meets one: it answers for blobs and manifests, and no more.
// The engine speaks plain HTTP to those on the loopback interface.
type registry struct {
	t    testing.TB
	host string

	mu        sync.Mutex
	blobs     map[string][]byte // by digest
	manifests map[string][]byte // by tag and by digest
	down      bool
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func newRegistry(t testing.TB) *registry {
	r := &registry{t: t, blobs: map[string][]byte{}, manifests: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/v2/app/manifests/{ref}", r.serve(func() map[string][]byte { return r.manifests }, manifestType))
	mux.HandleFunc("/v2/app/blobs/{ref}", r.serve(func() map[string][]byte { return r.blobs }, "application/octet-stream"))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *registry) serve(from func() map[string][]byte, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		content, ok := from()[q.PathValue("ref")]
		switch {
		case r.down:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Docker-Content-Digest", digestOf(content))
		_, _ = w.Write(content)
	}
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (r *registry) ref(tag string) string { return r.host + "/app:" + tag }

// push puts an image with the tests' program under a tag and answers its digest.
func (r *registry) push(tag, version string) string {
	r.t.Helper()
	layer, diff := probeLayer(r.t)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{
			"Entrypoint": []string{"/probe"}, "Labels": map[string]string{"version": version},
			"Healthcheck": map[string]any{"Test": []string{"CMD", "/probe", "-check"}, "Interval": 200_000_000, "Timeout": 5_000_000_000, "Retries": 2},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{diff}},
	})
	require.NoError(r.t, err)
	part := func(kind string, content []byte) map[string]any {
		return map[string]any{"mediaType": "application/vnd.docker." + kind, "size": len(content), "digest": digestOf(content)}
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": part("container.image.v1+json", config),
		"layers": []any{part("image.rootfs.diff.tar.gzip", layer)},
	})
	require.NoError(r.t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs[digestOf(layer)], r.blobs[digestOf(config)] = layer, config
	r.manifests[tag], r.manifests[digestOf(manifest)] = manifest, manifest
	return digestOf(manifest)
}

func (r *registry) close(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// probeLayer is the tests' program as a layer, and the digest of its plain archive.
func probeLayer(t testing.TB) (compressed []byte, diff string) {
	t.Helper()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Created: true})
	archive, err := testenv.DockerClient(t).ContainerExport(t.Context(), c.ID)
	require.NoError(t, err)
	defer archive.Close()
	plain, err := io.ReadAll(archive)
	require.NoError(t, err)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.Bytes(), digestOf(plain)
}

// run runs a container of the registry's image.
func (r *registry) run(a *actions, tag string) (name string) {
	r.t.Helper()
	e, err := a.engines.Get("local")
	require.NoError(r.t, err)
	require.NoError(r.t, e.pull(r.t.Context(), r.ref(tag)))
	name = strings.ToLower(r.t.Name()) + "-app"
	docker := testenv.DockerClient(r.t)
	made, err := docker.ContainerCreate(r.t.Context(), &container.Config{Image: r.ref(tag), Labels: map[string]string{"orderly.test": r.t.Name()}},
		&container.HostConfig{NetworkMode: "none"}, nil, nil, name)
	require.NoError(r.t, err)
	require.NoError(r.t, docker.ContainerStart(r.t.Context(), made.ID, container.StartOptions{}))
	testenv.AwaitContainer(r.t, made.ID, health(container.Healthy))
	return name
}

func TestImagesOutdatedAndUpdatedFromARegistry(t *testing.T) {
	testenv.OwnDocker(t)
	a, _ := keeping(t)
	r := newRegistry(t)
	one := r.push("stable", "1")
	name := r.run(a, "stable")
	look := func() ImageAge {
		t.Helper()
		out, err := a.imagesOutdated(t.Context(), OutdatedInput{Host: "local", Filter: only(t)})
		require.NoError(t, err)
		require.Len(t, out.Images, 1)
		require.Equal(t, 1, out.Current+out.Outdated+out.Unknown+out.Pinned)
		require.Equal(t, []string{name}, out.Images[0].Containers)
		return out.Images[0]
	}
	now := look()
	require.Equal(t, imageCurrent, now.Status)
	require.Equal(t, one, now.Digest)

	two := r.push("stable", "2")
	now = look()
	require.Equal(t, imageOutdated, now.Status)
	require.Equal(t, two, now.NewestDigest)
	require.Equal(t, r.ref("stable")+"@"+two, now.Update)

	r.close(true)
	now2 := look()
	require.Equal(t, imageUnknown, now2.Status, "a registry that does not answer says nothing")
	_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: name, Image: now.Update, Timeout: second})
	testenv.RequireTransient(t, err)
	r.close(false)

	snap, err := a.snapshot(t.Context(), SnapshotInput{Host: "local", Filter: only(t)})
	require.NoError(t, err)
	before := testenv.DockerState(t, "orderly.test")
	out, err := a.update(t.Context(), UpdateInput{Host: "local", Container: name, Image: now.Update, ExpectCurrent: one, Timeout: second})
	require.NoError(t, err)
	require.True(t, out.Pulled)
	require.Equal(t, imagePinned, look().Status, "it is named by digest now")

	// Its old image is gone from under every name but the snapshot's.
	back, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: snap.Key, Timeout: second})
	require.NoError(t, err)
	require.Equal(t, 1, back.Changed)
	require.Equal(t, before, testenv.DockerState(t, "orderly.test"))
	require.Equal(t, imageOutdated, look().Status)

	// Even with the image gone it is found again, by its digest.
	_, err = a.update(t.Context(), UpdateInput{Host: "local", Container: name, Image: now.Update, Timeout: second})
	require.NoError(t, err)
	docker := testenv.DockerClient(t)
	_, err = docker.ImageRemove(t.Context(), out.PreviousImage, image.RemoveOptions{Force: true})
	require.NoError(t, err)
	_, err = docker.ImageInspect(t.Context(), out.PreviousImage)
	require.True(t, missing(err))
	_, err = a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: snap.Key, Timeout: second})
	require.NoError(t, err)
	require.Equal(t, before, testenv.DockerState(t, "orderly.test"))
}

func TestImagesOfTheHostAreOutdatedWhenTheirNameMoved(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a := setup(t)
	out, err := a.imagesOutdated(t.Context(), OutdatedInput{Host: "local", Filter: p.only()})
	require.NoError(t, err)
	require.Equal(t, imageUnknown, out.Images[0].Status, "nobody knows of a newer one")
	require.NoError(t, testenv.DockerClient(t).ImageTag(t.Context(), p.two, p.ref))
	out, err = a.imagesOutdated(t.Context(), OutdatedInput{Host: "local", Filter: p.only()})
	require.NoError(t, err)
	require.Equal(t, ImageAge{
		Ref: p.ref, Containers: []string{p.api}, ImageID: p.one, LocalID: p.two, Status: imageOutdated,
		Why: "the name means a newer image on the host", Update: p.two,
	}, out.Images[0])
}
