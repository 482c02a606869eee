package server

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// probeSource is the program that the tests' containers run.
const probeSource = "github.com/orderly-ops/orderly/internal/testenv/probe"

// importProbe makes the image of the tests' containers and answers its name. It holds one static program
// and nothing else: no registry has to be reached.
func importProbe(ctx context.Context, dir string, engine *client.Client) (string, error) {
	binary := filepath.Join(dir, "probe")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, probeSource)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", probeSource, err, out)
	}
	layer, err := tarOf(binary, "probe")
	if err != nil {
		return "", err
	}
	ref := "orderly-test/probe:" + filepath.Base(filepath.Dir(dir))
	answer, err := engine.ImageImport(ctx, image.ImportSource{Source: layer, SourceName: "-"}, ref,
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["/probe"]`}})
	if err != nil {
		return "", err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer) // the image is there once the answer has ended
	return ref, err
}

func removeProbe(ctx context.Context, engine *client.Client, ref string) {
	_, _ = engine.ImageRemove(ctx, ref, image.RemoveOptions{Force: true}) // best effort, as its caller says
}

// tarOf is a tar archive of one executable file.
func tarOf(path, name string) (io.Reader, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	return &archive, w.Close()
}
