// Package enterprise starts the sample platform of examples/enterprise-docs for a test: its compose file on the
// tests' Docker Engine, an API, a PostgreSQL and a Redis in containers of their own.
package enterprise

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/compose"
	"github.com/orderly-ops/orderly/internal/testenv/images"
)

// Platform is a running sample platform. All of it goes when the test ends.
type Platform struct {
	// Name is what its containers' names begin with: <Name>-api, <Name>-db, <Name>-redis.
	Name string
	// Docker is the engine's address.
	Docker string
	// API is the URL of the API, Database and Cache those of PostgreSQL and Redis, with a password in them.
	// The database's user is a superuser.
	API, Database, Cache string

	project *compose.Project
}

// Start brings up a platform with its tables filled and everything healthy: about ten seconds, and some more
// for the first one on an engine.
func Start(t testing.TB) *Platform {
	t.Helper()
	engine := testenv.DockerClient(t)
	debian, err := images.Debian(t.Context(), engine, compose.Root())
	if err != nil {
		t.Fatalf("image of the sample platform's database: %v", err)
	}
	password := rand.Text()
	api, db, cache := freePort(t), freePort(t), freePort(t)
	p := &Platform{
		Name:     "docs-" + strings.ToLower(rand.Text()[:8]),
		Docker:   testenv.Docker(t),
		API:      fmt.Sprintf("http://127.0.0.1:%d", api),
		Database: fmt.Sprintf("postgres://docs:%s@127.0.0.1:%d/docs?sslmode=disable", password, db),
		Cache:    fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", password, cache),
	}
	p.project = &compose.Project{
		Name: p.Name, Docker: p.Docker,
		File: filepath.Join(compose.Root(), "examples", "enterprise-docs", "docker-compose.yml"),
		Env: []string{
			"DOCS_NAME=" + p.Name, "DOCS_PASSWORD=" + password,
			fmt.Sprintf("DOCS_API_PORT=%d", api), fmt.Sprintf("DOCS_DB_PORT=%d", db), fmt.Sprintf("DOCS_CACHE_PORT=%d", cache),
			"POSTGRES_IMAGE=" + debian, "REDIS_IMAGE=" + debian,
			"DOCS_API_IMAGE=orderly-test/" + p.Name, "DOCS_BINARY=prebuilt", "DOCS_CONTEXT=" + buildAPI(t),
			"DOCS_DOCKERFILE=" + filepath.Join(compose.Root(), "examples", "enterprise-docs", "Dockerfile"),
		},
	}
	t.Cleanup(func() { // after the containers have gone
		_, _ = engine.ImageRemove(context.WithoutCancel(t.Context()), "orderly-test/"+p.Name, image.RemoveOptions{}) // some MB at worst
	})
	p.project.Up(t, "--build")
	return p
}

// Container is the name of one of the platform's containers: "api", "db" or "redis".
func (p *Platform) Container(part string) string { return p.Name + "-" + part }

// Healthy says whether the API answers that all of the platform is well.
func (p *Platform) Healthy(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.API+"/health", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Targets is the part of orderly.yaml that leads to the platform and to a bucket for its backups, by the names
// that the shipped org.yaml and procedures use.
func (p *Platform) Targets(bucket testenv.Bucket) string {
	return fmt.Sprintf(`
targets:
  docker:   {local: {host: %q}}
  postgres: {docs-db: {dsn: %q, backups: backups}}
  redis:    {docs-cache: {url: %q}}
  http:     {docs-api: {url: %q, health: /health}}
  s3:       {backups: {bucket: %q, region: %q, endpoint: %q, path_style: true, access_key: %q, secret_key: %q}}
`, p.Docker, p.Database, p.Cache, p.API,
		bucket.Name, bucket.Region, bucket.Endpoint, bucket.AccessKey, bucket.SecretKey)
}

// buildAPI compiles the API and answers the folder that its image is built from.
func buildAPI(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", //nolint:gosec // our own arguments
		"-o", filepath.Join(dir, "bin", "enterprise-docs-api"), "github.com/orderly-ops/orderly/examples/enterprise-docs/api")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the sample platform's API: %v\n%s", err, out)
	}
	return dir
}

// nextPort walks through ports below those that the system gives to outgoing connections, so that nobody takes
// one between its being found free and a container's publishing it, and each restart finds it free again.
var nextPort atomic.Int32

const firstPort, lastPort = 12000, 15000

func freePort(t testing.TB) int {
	t.Helper()
	nextPort.CompareAndSwap(0, int32(firstPort+os.Getpid()%2500))
	for {
		port := int(nextPort.Add(1))
		if port > lastPort {
			t.Fatal("no port is free for the sample platform")
		}
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
}

// AwaitHealthy waits until the API answers that all is well.
func (p *Platform) AwaitHealthy(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !p.Healthy(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("the sample platform at %s is not well within a minute", p.API)
		case <-tick.C:
		}
	}
}
