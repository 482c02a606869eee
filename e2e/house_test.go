// Package e2e tests the whole house: the binaries as an operator runs them, on a real Temporal server and
// against real PostgreSQL, Redis, S3 and Docker Engine. `make test` starts those.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/orderly-ops/orderly/workflows"
)

// bin is the folder of the binaries under test.
var bin string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "orderly-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	for name, pkg := range map[string]string{"orderly": "starter", "worker": "worker", "devserver": "devserver"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), "../"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	return m.Run()
}

// house is a dev server with its folder, configuration and ports.
type house struct {
	t       testing.TB
	dir     string
	address string // of Temporal
	ui      string // URL, "" without a UI
	http    string // URL of the worker's listener
	env     []string
	server  *process
}

// setting is what a test wants of its house.
type setting struct {
	// config is added to orderly.yaml: targets and exec.
	config string
	// procedures are files by name; none means the shipped library.
	procedures map[string]string
	env        []string
	withUI     bool
}

// open lays out a house and starts its dev server.
func open(t testing.TB, s setting) *house {
	t.Helper()
	temporal, ui, listen := freePort(t), freePort(t), freePort(t)
	h := &house{
		t: t, dir: t.TempDir(), env: s.env,
		address: fmt.Sprintf("127.0.0.1:%d", temporal), http: fmt.Sprintf("http://127.0.0.1:%d", listen),
	}
	config := fmt.Sprintf("temporal: {address: %q, namespace: default}\nhttp: {listen: 127.0.0.1:%d}\n", h.address, listen)
	config += "journal: {dsn: journal.db}\nartifacts: {dir: artifacts}\n"
	if s.procedures != nil {
		config += "procedures: [procedures]\n"
		require.NoError(t, os.Mkdir(filepath.Join(h.dir, "procedures"), 0o755))
		for name, src := range s.procedures {
			h.write("procedures/"+name, src)
		}
	}
	h.write("orderly.yaml", config+s.config)
	args := []string{"--config", "orderly.yaml", "--data", "data", "--port", fmt.Sprint(temporal), "--ui-port", fmt.Sprint(ui)}
	if s.withUI {
		h.ui = fmt.Sprintf("http://127.0.0.1:%d", ui)
	} else {
		args = append(args, "--headless")
	}
	h.server = h.spawn("devserver", args...)
	h.ready()
	return h
}

func (h *house) write(name, text string) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644))
}

// process is a binary under test that goes on in the background.
type process struct {
	cmd  *exec.Cmd
	out  *os.File
	args []string
	name string
	done chan struct{}
}

func (h *house) spawn(name string, args ...string) *process {
	h.t.Helper()
	out, err := os.OpenFile(filepath.Join(h.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(h.t, err)
	p := &process{cmd: exec.Command(filepath.Join(bin, name), args...), out: out, args: args, name: name, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = h.dir, out, out
	p.cmd.Env = append(os.Environ(), h.env...)
	require.NoError(h.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	h.t.Cleanup(func() {
		p.kill()
		_ = out.Close()
		if h.t.Failed() {
			text, _ := os.ReadFile(out.Name())
			h.t.Logf("%s:\n%s", name, text[max(0, len(text)-8000):])
		}
	})
	return p
}

// kill ends the process without any warning, as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// restart starts a killed process again, as it was.
func (h *house) restart(p *process) *process {
	h.t.Helper()
	return h.spawn(p.name, p.args...)
}

// ready waits until the worker serves.
func (h *house) ready() {
	h.t.Helper()
	h.await("the worker to be ready", 90*time.Second, func() bool {
		select {
		case <-h.server.done:
			text, _ := os.ReadFile(h.server.out.Name())
			require.FailNow(h.t, "the dev server ended", "%s", text)
		default:
		}
		resp, err := http.Get(h.http + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// await asks until something holds; what it waits for happens in another process.
func (h *house) await(what string, patience time.Duration, holds func() bool) {
	h.t.Helper()
	require.Eventually(h.t, holds, patience, 50*time.Millisecond, "waited for %s", what)
}

// answer is what a command said.
type answer struct {
	stdout, stderr string
	exit           int
}

// orderly runs the CLI.
func (h *house) orderly(args ...string) answer {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "orderly"), args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), h.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok {
		require.NoError(h.t, err)
	} else if failed.ExitCode() < 0 {
		require.Fail(h.t, "orderly hung", "%v\n%s%s", args, &stdout, &stderr)
	}
	return answer{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// temporal is a client of the house's Temporal.
func (h *house) temporal() client.Client {
	h.t.Helper()
	c, err := client.Dial(client.Options{HostPort: h.address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(h.t, err)
	h.t.Cleanup(c.Close)
	return c
}

// record asks a run how it stands.
func (h *house) record(c client.Client, id string) *workflows.Record {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	value, err := c.QueryWorkflow(ctx, id, "", workflows.QueryStatus)
	require.NoError(h.t, err)
	var rec workflows.Record
	require.NoError(h.t, value.Get(&rec))
	return &rec
}

// history is all that Temporal keeps of a run, as text.
func (h *house) history(c client.Client, id string) string {
	h.t.Helper()
	var b strings.Builder
	events := c.GetWorkflowHistory(context.Background(), id, "", false, 0)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(h.t, err)
		line, err := json.Marshal(e)
		require.NoError(h.t, err)
		b.Write(line)
		b.WriteString(e.String())
	}
	return b.String()
}

// nextPort walks through ports below those that the system gives to outgoing connections, so that nobody
// takes a port between its being found free and its being used.
var nextPort atomic.Int32

const firstPort, lastPort = 15000, 32000

func freePort(t testing.TB) int {
	t.Helper()
	nextPort.CompareAndSwap(0, int32(firstPort+os.Getpid()%10000))
	for {
		port := int(nextPort.Add(1))
		require.Less(t, port, lastPort, "no port is free")
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		require.NoError(t, l.Close())
		return port
	}
}
