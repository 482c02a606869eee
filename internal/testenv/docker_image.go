package testenv

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// ProbeImage is the image of the tests' containers, to build others from.
func ProbeImage(t testing.TB) string {
	t.Helper()
	return need(t, "ORDERLY_TEST_DOCKER_IMAGE", "docker")
}

// BuildImage builds an image and removes it, with all its names, when the test ends. The Dockerfile can only
// begin with an image that is there, such as ProbeImage: nothing is pulled. It answers the image's id.
func BuildImage(t testing.TB, ref, dockerfile string) string {
	t.Helper()
	engine := DockerClient(t)
	ctx, cancel := bounded()
	defer cancel()
	answer, err := engine.ImageBuild(ctx, contextOf(t, dockerfile), build.ImageBuildOptions{Tags: []string{ref}, Remove: true, ForceRemove: true})
	if err != nil {
		t.Fatalf("build image %s: %v", ref, err)
	}
	defer answer.Body.Close()
	if err := built(answer.Body); err != nil {
		t.Fatalf("build image %s: %v", ref, err)
	}
	seen, err := engine.ImageInspect(ctx, ref)
	if err != nil {
		t.Fatalf("inspect image %s: %v", ref, err)
	}
	t.Cleanup(func() { removeImage(t, seen.ID) })
	return seen.ID
}

// contextOf is a build context of one file.
func contextOf(t testing.TB, dockerfile string) io.Reader {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))})
	if err == nil {
		_, err = io.WriteString(w, dockerfile)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatalf("build context: %v", err)
	}
	return &archive
}

// built reads the engine's account of a build to its end.
func built(account io.Reader) error {
	for d := json.NewDecoder(account); ; {
		var line struct {
			Error string `json:"error"`
		}
		switch err := d.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Error != "":
			return errors.New(line.Error)
		}
	}
}

func removeImage(t testing.TB, id string) {
	t.Helper()
	engine, err := client.NewClientWithOpts(client.WithHost(Docker(t)), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("use the test Docker Engine: %v", err)
	}
	defer engine.Close()
	ctx, cancel := bounded()
	defer cancel()
	_, err = engine.ImageRemove(ctx, id, image.RemoveOptions{Force: true, PruneChildren: true})
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) { // another test's image may be built on it
		t.Errorf("remove image %s: %v", id, err)
	}
}
