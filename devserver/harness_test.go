package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/internal/service"
)

// beDevserver makes this test program behave as the devserver binary, which spares linking it twice.
const beDevserver = "ORDERLY_TEST_BE_DEVSERVER"

func TestMain(m *testing.M) {
	if os.Getenv(beDevserver) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// quiet logs errors only.
func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// options are those of a server of a test's own, with a database in dir.
func options(t testing.TB, dir string) serverOptions {
	t.Helper()
	ports, err := freePorts(t.Context(), 1)
	require.NoError(t, err)
	return serverOptions{
		dir: dir, ip: loopback, port: ports[0], namespace: "default", retention: defaultRetention, logger: quiet(),
	}
}

// server starts a Temporal server in this process and connects to it.
func server(t testing.TB, o serverOptions) client.Client {
	t.Helper()
	stop, err := startServer(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	c, err := dialServer(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// serviceOptions are those of a worker on that server which runs what register says.
func serviceOptions(o serverOptions, cfg *config.Config, register func(worker.Registry)) service.Options {
	cfg.HTTP.Listen = loopback + ":0"
	return service.Options{
		Config: cfg, Logger: o.logger, Namespace: o.namespace,
		Connect: func(ctx context.Context, opts ...connect.Option) (client.Client, error) {
			return dialServer(ctx, o, opts...)
		},
		Program: func(context.Context, service.Parts) (*service.Program, error) {
			return &service.Program{Register: register}, nil
		},
	}
}

// process is a devserver in a process of its own.
type process struct {
	*exec.Cmd
	stderr lockedBuffer
	stdout chan string // lines
	t      *testing.T
}

// install is what somebody has on disk who runs the devserver: a folder with orderly.yaml, procedures
// and data.
type install struct {
	dir                    string
	port, uiPort, httpPort int
}

func newInstall(t *testing.T, procedures map[string]string) install {
	t.Helper()
	ports, err := freePorts(t.Context(), 3)
	require.NoError(t, err)
	in := install{dir: t.TempDir(), port: ports[0], uiPort: ports[1], httpPort: ports[2]}
	folder := filepath.Join(in.dir, "procedures")
	require.NoError(t, os.Mkdir(folder, 0o700))
	for name, text := range procedures {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	settings := fmt.Sprintf("temporal: {address: \"not.used.example:1\"}\nprocedures: [procedures]\nhttp: {listen: \"127.0.0.1:%d\"}\njournal: {dsn: journal.db}\nnotify: {console: {}}\n", in.httpPort)
	require.NoError(t, os.WriteFile(filepath.Join(in.dir, "orderly.yaml"), []byte(settings), 0o600))
	return in
}

// start runs the devserver and waits until it says where everything is.
func (in install) start(t *testing.T, more ...string) *process {
	t.Helper()
	p := in.launch(t, more...)
	for line := range p.stdout {
		if strings.Contains(line, "Data") {
			return p
		}
	}
	require.Fail(t, "the devserver ended while starting", p.stderr.String())
	return nil
}

// launch runs the devserver.
func (in install) launch(t *testing.T, more ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args := append([]string{
		"--config", filepath.Join(in.dir, "orderly.yaml"), "--data", filepath.Join(in.dir, "data"),
		"--port", strconv.Itoa(in.port), "--ui-port", strconv.Itoa(in.uiPort),
	}, more...)
	p := &process{Cmd: exec.Command(self, args...), stdout: make(chan string, 100), t: t}
	p.Env = append(os.Environ(), beDevserver+"=1", "TEMPORAL_ADDRESS=not.used.example:1", "TEMPORAL_API_KEY=not-used")
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.stdout)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.stdout <- lines.Text()
		}
	}()
	return p
}

// client connects to the server of the installation.
func (in install) client(t *testing.T) client.Client {
	t.Helper()
	c, err := connect.DialPlain(t.Context(), join(loopback, in.port), "default", connect.Logger(quiet()))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// get answers a GET of the worker's own listener.
func (in install) get(t *testing.T, port int, path string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+join(loopback, port)+path, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	if into != nil {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
	}
	return resp.StatusCode
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.Process.Kill())
	for range p.stdout { // until the pipe closes
	}
	require.Error(p.t, p.Wait())
}

// stop ends the process as an operator would and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.Process.Signal(os.Interrupt))
	return p.exitCode()
}

func (p *process) exitCode() int {
	p.t.Helper()
	for range p.stdout {
	}
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

// lockedBuffer can be read while a process still writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// patience bounds what a test waits for.
const patience = 60 * time.Second
