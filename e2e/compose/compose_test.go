// Package compose tests what a team would run: docker-compose.yml at the top of the repository, on a real
// Docker Engine, with stand-ins for the images that come from a registry.
package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/compose"
	"github.com/orderly-ops/orderly/internal/testenv/images"
)

// team is a running docker-compose.yml and an operator beside it.
type team struct {
	project *compose.Project
	secrets string // folder
	bin     string // folder of the programs, for the image and for the operator
	address string // of Temporal
	ui      string
}

func TestTheWholeThingAsATeamRunsIt(t *testing.T) {
	s := start(t)

	setUp := s.orderly(t, "setup")
	require.Contains(t, setUp, "search attributes: all there", "the compose file has done it")
	ran := s.orderly(t, "start", "daily-check", "--watch")
	require.Contains(t, ran, "succeeded")
	for _, what := range []string{"This machine", "Databases", "Caches", "Buckets", "HTTP services"} {
		require.Contains(t, ran, what)
	}
	shown := s.orderly(t, "show", "daily-check")
	for _, target := range []string{"orderly", "temporal", "cache", "backups", "temporal-ui"} {
		require.Regexp(t, "✓ "+target+" +succeeded", shown)
	}
	t.Log("\n" + shown)

	t.Run("BothWorkersServe", func(t *testing.T) { s.bothWorkersServe(t) })
	t.Run("TheWebUIShowsTheRun", func(t *testing.T) {
		require.Contains(t, get(t, s.ui+"/"), "<html")
		require.Contains(t, get(t, s.ui+"/api/v1/namespaces/default/workflows?query=WorkflowType%3D%22DailyCheck%22"), "daily-check/")
	})
	t.Run("OrderlyBacksItselfUp", func(t *testing.T) {
		require.Contains(t, s.orderly(t, "start", "backup", "-i", "database=orderly", "--watch"), "✓ succeeded")
		require.Contains(t, s.orderly(t, "show", "backup"), "1 of them verified")
	})
	t.Run("NoSecretShowsInAContainersSettings", func(t *testing.T) { s.noSecretShows(t) })
	t.Run("WhatRunsIsNotRoot", func(t *testing.T) {
		out, err := s.project.Run(t.Context(), "exec", "-T", "worker", "id", "-u")
		require.NoError(t, err, out)
		require.Equal(t, "10001", strings.TrimSpace(out))
		out, err = s.project.Run(t.Context(), "exec", "-T", "worker", "sh", "-c", "ls /usr/lib/postgresql/*/bin/pg_restore && orderly version")
		require.NoError(t, err, out)
	})
	t.Run("OnlyLoopbackPortsAreOpen", func(t *testing.T) { s.onlyLoopback(t) })
	t.Run("ItOutlivesItsContainers", func(t *testing.T) {
		began := time.Now()
		out, err := s.project.Run(t.Context(), "down")
		require.NoError(t, err, out)
		stopped := time.Now()
		s.project.Up(t)
		t.Logf("down took %s, up again %s", stopped.Sub(began).Round(time.Second), time.Since(stopped).Round(time.Second))
		require.Contains(t, s.orderly(t, "show", "daily-check"), "succeeded")
		require.Contains(t, s.orderly(t, "start", "daily-check", "--watch"), "succeeded")
	})
}

func start(t *testing.T) *team {
	t.Helper()
	engine := testenv.DockerClient(t)
	made, err := images.BuildServices(t.Context(), engine, compose.Root())
	require.NoError(t, err)
	name := fmt.Sprintf("orderly-test-%d", os.Getpid())
	ports := freePorts(t, 6)
	s := &team{
		secrets: filepath.Join(t.TempDir(), "secrets"), bin: build(t),
		address: fmt.Sprintf("127.0.0.1:%d", ports[0]), ui: fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
	}
	run(t, filepath.Join(compose.Root(), "deploy", "secrets"), s.secrets)
	s.project = &compose.Project{
		Name: name, Docker: testenv.Docker(t), File: filepath.Join(compose.Root(), "docker-compose.yml"),
		Env: []string{
			"ORDERLY_PROJECT=" + name, "ORDERLY_IMAGE=" + name, "ORDERLY_SECRETS=" + s.secrets,
			"ORDERLY_BINARIES=prebuilt", "BUILD_NETWORK=none", "ORDERLY_CONTEXT=" + filepath.Dir(s.bin),
			"ORDERLY_DOCKERFILE=" + filepath.Join(compose.Root(), "Dockerfile"),
			"BASE_IMAGE=" + made.Debian, "POSTGRES_IMAGE=" + made.Debian, "REDIS_IMAGE=" + made.Debian,
			"TEMPORAL_IMAGE=" + made.Temporal, "TEMPORAL_ADMIN_IMAGE=" + made.Temporal,
			"TEMPORAL_UI_IMAGE=" + made.UI, "S3_IMAGE=" + made.S3, "TEMPORAL_UI=" + s.ui,
			fmt.Sprintf("TEMPORAL_PORT=%d", ports[0]), fmt.Sprintf("TEMPORAL_UI_PORT=%d", ports[1]),
			fmt.Sprintf("POSTGRES_PORT=%d", ports[2]), fmt.Sprintf("REDIS_PORT=%d", ports[3]),
			fmt.Sprintf("S3_PORT=%d", ports[4]), fmt.Sprintf("ORDERLY_PORTS=%d-%d", ports[5], ports[5]+9),
		},
	}
	t.Cleanup(func() {
		_, _ = engine.ImageRemove(context.WithoutCancel(t.Context()), name, image.RemoveOptions{}) // some MB at worst
	})
	s.project.Up(t, "--build")
	shown, err := s.project.Run(t.Context(), "ps", "--all", "--format", "table {{.Service}}\t{{.Status}}\t{{.Ports}}")
	require.NoError(t, err, shown)
	t.Log("\n" + shown)
	return s
}

// build compiles the programs into <folder>/bin.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bin")
	for name, pkg := range map[string]string{"orderly": "starter", "worker": "worker"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(bin, name),
			"github.com/orderly-ops/orderly/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return bin
}

// orderly runs the CLI as an operator on this machine would, and expects that it goes well.
func (s *team) orderly(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, filepath.Join(s.bin, "orderly"), append([]string{"--address", s.address, "--ui", s.ui}, args...)...)
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir() // without an orderly.yaml
	cmd.Env = append(os.Environ(), "TEMPORAL_CONFIG_FILE=/dev/null", "ORDERLY_CONFIG=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "%s %v\n%s", program, args, &out)
	return out.String()
}

func (s *team) bothWorkersServe(t *testing.T) {
	c, err := client.Dial(client.Options{HostPort: s.address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer c.Close()
	require.Eventually(t, func() bool {
		seen, err := c.DescribeTaskQueue(t.Context(), "orderly", enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		identities := map[string]bool{}
		for _, p := range seen.GetPollers() {
			identities[p.GetIdentity()] = true
		}
		return err == nil && len(identities) == 2
	}, time.Minute, 200*time.Millisecond)
}

// containers inspects all of the project.
func (s *team) containers(t *testing.T) []container.InspectResponse {
	t.Helper()
	engine := testenv.DockerClient(t)
	found, err := engine.ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", "com.docker.compose.project="+s.project.Name)),
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(found), 9)
	var all []container.InspectResponse
	for _, one := range found {
		seen, err := engine.ContainerInspect(t.Context(), one.ID)
		require.NoError(t, err)
		all = append(all, seen)
	}
	return all
}

func (s *team) noSecretShows(t *testing.T) {
	names, err := os.ReadDir(s.secrets)
	require.NoError(t, err)
	require.Len(t, names, 6)
	logs, err := s.project.Run(t.Context(), "logs", "--no-color")
	require.NoError(t, err)
	processes, err := s.project.Run(t.Context(), "top")
	require.NoError(t, err)
	settings, err := json.Marshal(s.containers(t))
	require.NoError(t, err)
	for _, name := range names {
		secret, err := os.ReadFile(filepath.Join(s.secrets, name.Name()))
		require.NoError(t, err)
		testenv.AssertNoSecret(t, string(secret), logs, processes, settings)
	}
}

func (s *team) onlyLoopback(t *testing.T) {
	open := 0
	for _, one := range s.containers(t) {
		for _, bound := range one.HostConfig.PortBindings {
			for _, b := range bound {
				require.Equal(t, "127.0.0.1", b.HostIP, one.Name)
				open++
			}
		}
	}
	require.GreaterOrEqual(t, open, 7)
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, body.String())
	return body.String()
}

// freePorts finds ports in a row, below those that the system gives to outgoing connections. Behind the last
// one are nine more for the workers.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	const first, last, spare = 9000, 12000, 9
search:
	for from := first + os.Getpid()%(last-first-100); from < last; from++ {
		ports := []int{}
		for port := from; port < from+n+spare; port++ {
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue search
			}
			require.NoError(t, l.Close())
			ports = append(ports, port)
		}
		return ports[:n]
	}
	require.Fail(t, "no ports are free")
	return nil
}
