// Package images makes container images out of what a machine can reach without a registry of images: Debian's
// packages (the root that .ci/rootfs packs) and Go programs from the module proxy. They stand in for the
// official images of PostgreSQL, Redis, Temporal, its UI and versitygw in the compose files, and are started
// in the same way: same paths, same variables, same entrypoints.
//
// An image is named after what it is made of and stays on the engine, where the next test run finds it; on the
// private engine of a test run it goes with that.
package images

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/jsonmessage"
)

//go:embed debian-entrypoint.sh
var entrypoint []byte

// Debian makes the image of a Debian that stands in for the official ones of PostgreSQL and Redis, and is what
// images of our own can be built on. It answers its name. root is the top folder of the source.
func Debian(ctx context.Context, engine *client.Client, root string) (string, error) {
	archive, err := debianRoot(root)
	if err != nil {
		return "", err
	}
	version := fmt.Sprintf("%s-%08x", tagOf(archive), crc32.ChecksumIEEE(entrypoint))
	name := "orderly-test/debian:" + version
	if there(ctx, engine, name) {
		return name, nil
	}
	base := "orderly-test/debian-root:" + version
	if err := load(ctx, engine, archive, base); err != nil {
		return "", fmt.Errorf("import %s: %w", archive, err)
	}
	return name, assemble(ctx, engine, name, recipe{
		dockerfile: "FROM " + base + "\n" +
			"COPY docker-entrypoint.sh /usr/local/bin/\n" +
			"ENV PGDATA=/var/lib/postgresql/data\n" +
			"VOLUME /var/lib/postgresql/data\n" +
			"STOPSIGNAL SIGINT\n" +
			"ENTRYPOINT [\"docker-entrypoint.sh\"]\nCMD [\"postgres\"]\n",
		files: []file{{name: "docker-entrypoint.sh", content: entrypoint}},
	})
}

// debianRoot finds the archive that .ci/rootfs made.
func debianRoot(root string) (string, error) {
	found, err := filepath.Glob(filepath.Join(root, ".cache", "images", "debian-*.tar"))
	if err != nil || len(found) == 0 {
		return "", errors.New("there is no root for images in .cache/images: run .ci/rootfs (`make deps` does)")
	}
	return found[len(found)-1], nil
}

// tagOf is the part of an archive's name that changes with its contents.
func tagOf(archive string) string {
	name := filepath.Base(archive)
	return name[len("debian-") : len(name)-len(".tar")]
}

func there(ctx context.Context, engine *client.Client, name string) bool {
	_, err := engine.ImageInspect(ctx, name)
	return err == nil
}

// load imports a root as an image of one layer.
func load(ctx context.Context, engine *client.Client, archive, name string) error {
	source, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer source.Close()
	answer, err := engine.ImageImport(ctx, image.ImportSource{Source: source, SourceName: "-"}, name, image.ImportOptions{})
	if err != nil {
		return err
	}
	defer answer.Close()
	return finished(answer)
}

// recipe is an image: what its Dockerfile says and what that copies.
type recipe struct {
	dockerfile string
	files      []file
}

// file is an executable in a build's context. Its content is that of the file at path, or content.
type file struct {
	name, path string
	content    []byte
}

func assemble(ctx context.Context, engine *client.Client, name string, r recipe) error {
	files := append([]file{{name: "Dockerfile", content: []byte(r.dockerfile)}}, r.files...)
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(pack(writer, files)) }()
	answer, err := engine.ImageBuild(ctx, reader, build.ImageBuildOptions{
		Tags: []string{name}, Version: build.BuilderV1, Remove: true, ForceRemove: true,
		NetworkMode: "none", // nothing has to be fetched, and a private engine has no other
	})
	_ = reader.Close() // where the engine refused the packing is still under way
	if err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	defer answer.Body.Close()
	if err := finished(answer.Body); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return nil
}

// finished reads what the engine says about its work up to the end, which is when the work is done.
func finished(answer io.Reader) error {
	var said bytes.Buffer
	if err := jsonmessage.DisplayJSONMessagesStream(answer, &said, 0, false, nil); err != nil {
		return fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return nil
}

func pack(to io.Writer, files []file) error {
	w := tar.NewWriter(to)
	for _, f := range files {
		if err := add(w, f); err != nil {
			return err
		}
	}
	return w.Close()
}

func add(w *tar.Writer, f file) error {
	content := io.Reader(bytes.NewReader(f.content))
	size := int64(len(f.content))
	if f.path != "" {
		source, err := os.Open(f.path)
		if err != nil {
			return err
		}
		defer source.Close()
		info, err := source.Stat()
		if err != nil {
			return err
		}
		content, size = source, info.Size()
	}
	if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o755, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(w, content)
	return err
}
