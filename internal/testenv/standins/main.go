// Command standins makes the images that `make demo` needs on the engine at DOCKER_HOST, where no registry can
// be reached, and prints the variables that lead compose files to them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/docker/docker/client"

	"github.com/orderly-ops/orderly/internal/testenv/images"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := build(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "standins:", err)
		return 1
	}
	return 0
}

func build(ctx context.Context) error {
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	made, err := images.BuildServices(ctx, engine, ".")
	if err != nil {
		return err
	}
	fmt.Printf("POSTGRES_IMAGE=%s\nREDIS_IMAGE=%s\nS3_IMAGE=%s\n", made.Debian, made.Debian, made.S3)
	fmt.Printf("BASE_IMAGE=%s\nTEMPORAL_IMAGE=%s\nTEMPORAL_ADMIN_IMAGE=%s\nTEMPORAL_UI_IMAGE=%s\n",
		made.Debian, made.Temporal, made.Temporal, made.UI)
	return nil
}
