package images

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/client"
)

// Services stands in for the images that docker-compose.yml starts besides PostgreSQL and Redis: Temporal's
// server and administration tools, its web UI and versitygw. It is one image that holds each where the
// official one has it; UI and S3 are the same one, started as theirs are.
type Services struct {
	Debian, Temporal, UI, S3 string
}

// BuildServices makes the images on an engine. root is the top folder of the source.
func BuildServices(ctx context.Context, engine *client.Client, root string) (*Services, error) {
	debian, err := Debian(ctx, engine, root)
	if err != nil {
		return nil, err
	}
	p := &programs{root: root}
	defer p.close()
	files, version, err := p.files(ctx)
	if err != nil {
		return nil, err
	}
	all := "orderly-test/services:" + version
	s := &Services{Debian: debian, Temporal: all, UI: "orderly-test/temporal-ui:" + version, S3: "orderly-test/versitygw:" + version}
	if there(ctx, engine, s.Temporal) && there(ctx, engine, s.UI) && there(ctx, engine, s.S3) {
		return s, nil
	}
	var copies strings.Builder
	for _, f := range files {
		fmt.Fprintf(&copies, "COPY %s /%s\n", f.name, f.name)
	}
	if err := assemble(ctx, engine, all, recipe{
		dockerfile: "FROM " + debian + "\n" + copies.String() + "RUN useradd --uid 1000 temporal\n" +
			"WORKDIR /etc/temporal\nUSER temporal\nENTRYPOINT []\n" +
			"CMD [\"/etc/temporal/entrypoint.sh\"]\n",
		files: files,
	}); err != nil {
		return nil, err
	}
	if err := assemble(ctx, engine, s.UI, recipe{
		dockerfile: "FROM " + all + "\nWORKDIR /home/ui-server\nENTRYPOINT [\"./start-ui-server.sh\"]\nCMD []\n",
	}); err != nil {
		return nil, err
	}
	return s, assemble(ctx, engine, s.S3, recipe{dockerfile: "FROM " + all + "\nUSER root\nCMD [\"versitygw\"]\n"})
}

// files is what the official images hold, at the same places, and a name for this very selection.
func (p *programs) files(ctx context.Context) ([]file, string, error) {
	files := []file{{name: "usr/local/bin/versitygw", path: filepath.Join(p.root, ".cache", "bin", "versitygw")}}
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		path, version, err := p.path(ctx, name)
		if err != nil {
			return nil, "", err
		}
		versions = append(versions, strings.TrimPrefix(version, "v"))
		files = append(files, file{name: commands[name].to, path: path})
	}
	server, err := p.module(ctx, temporal)
	if err != nil {
		return nil, "", err
	}
	web, err := p.module(ctx, ui)
	if err != nil {
		return nil, "", err
	}
	// "pipefail is included in alpine", it says; in Debian it is bash that has it.
	entrypoint, err := os.ReadFile(filepath.Join(server, "docker", "scripts", "sh", "entrypoint.sh"))
	if err != nil {
		return nil, "", err
	}
	files = append(files,
		file{name: "etc/temporal/entrypoint.sh", content: bytes.Replace(entrypoint, []byte("#!/bin/sh"), []byte("#!/bin/bash"), 1)},
		file{name: "home/ui-server/start-ui-server.sh", path: filepath.Join(web, "docker", "start-ui-server.sh")},
		file{name: "home/ui-server/config/docker.yaml", path: filepath.Join(web, "config", "docker.yaml")},
	)
	return files, strings.Join(slices.Compact(versions), "-"), nil
}
