package server

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// startRedis serves an empty Redis that keeps nothing and has enough databases for every test to own one.
func startRedis(ctx context.Context, dir string) (*server, error) {
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
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, "--port", port, "--bind", "127.0.0.1",
		"--dir", dir, "--save", "", "--appendonly", "no", "--databases", "4096", "--requirepass", word)
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
