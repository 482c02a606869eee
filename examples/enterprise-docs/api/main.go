// Command api is the sample platform's service: documents, kept in PostgreSQL and cached in Redis. There is
// just enough of it to have something to watch, back up, break and repair.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	listen = ":5001"
	// stopWithin bounds how long requests in flight may take after the process was told to end.
	stopWithin = 5 * time.Second
)

func main() { os.Exit(run()) }

func run() int {
	check := flag.Bool("check", false, "ask the service on this machine whether it is well, and exit: for a container's health check")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := serve
	if *check {
		work = ask
	}
	if err := work(ctx); err != nil {
		slog.Error("enterprise-docs api", "error", err)
		return 1
	}
	return 0
}

// ask is the health check: the image holds no other program that could ask.
func ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin+time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1"+listen+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/health answered %s", resp.Status)
	}
	return nil
}

// serve answers requests until ctx ends. The database and the cache may come later, or go and come back:
// /health says which of them is missing.
func serve(ctx context.Context) error {
	db, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return errors.New("DATABASE_URL is not the URL of a PostgreSQL database") // its error may quote the password
	}
	defer db.Close()
	opts, err := redis.ParseURL(os.Getenv("CACHE_URL"))
	if err != nil {
		return errors.New("CACHE_URL is not the URL of a Redis")
	}
	cache := redis.NewClient(opts)
	defer func() { _ = cache.Close() }()

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: (&api{db: db, cache: cache}).routes(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	slog.Info("serving documents", "listen", listen)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return server.Shutdown(ctx)
}
