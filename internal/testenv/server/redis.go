package server

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// startRedis serves an empty Redis that keeps nothing and has enough databases for every test to own one.
func startRedis(ctx context.Context, dir string) (*server, error) { return serveRedis(ctx, dir) }

// StartRedis serves a Redis that one test has for itself, with settings as --name value. Stop ends it.
func StartRedis(ctx context.Context, settings ...string) (url string, stop func(), err error) {
	dir, err := newFolder()
	if err != nil {
		return "", nil, err
	}
	set := &Set{dir: dir}
	one, err := serveRedis(ctx, filepath.Join(dir, "redis"), settings...)
	if err != nil {
		set.Stop()
		return "", nil, err
	}
	set.servers = []*server{one}
	return one.env[leaders["redis"]], set.Stop, nil
}

func serveRedis(ctx context.Context, dir string, settings ...string) (*server, error) {
	path, err := program("redis-server")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	word := password()
	args := append([]string{"--port", port, "--bind", "127.0.0.1",
		"--dir", dir, "--save", "", "--appendonly", "no", "--databases", "4096", "--requirepass", word}, settings...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, args...)
	proc, err := launch(dir, cmd, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	at := url.URL{Scheme: "redis", User: url.UserPassword("", word), Host: "127.0.0.1:" + port, Path: "/0"}
	opts, err := redis.ParseURL(at.String())
	if err != nil {
		return nil, err
	}
	opts.MaxRetries = -1 // asking again is done here
	client := redis.NewClient(opts)
	defer client.Close()
	if err := proc.ready(ctx, func(ctx context.Context) error { return client.Ping(ctx).Err() }); err != nil {
		return nil, err
	}
	return &server{env: map[string]string{leaders["redis"]: at.String()}, stop: proc.stop}, nil
}
