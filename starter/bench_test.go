package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/temporaltest"

	"github.com/orderly-ops/orderly/internal/setup"
)

// bench is one test's world: a Temporal server of its own, a folder with procedures, and a way to call
// the program as a shell would.
type bench struct {
	t      *testing.T
	server *temporaltest.TestServer
	worker worker.Worker // where a test stops it
	dir    string
	env    map[string]string
	stdin  string
}

// newBench makes a world without a server; its address is one where nobody listens.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), env: map[string]string{"ORDERLY_BY": "ann"}}
	b.configure("127.0.0.1:1", "default")
	return b
}

// withServer gives the world a Temporal server whose namespace is ready for Orderly.
func (b *bench) withServer() *bench {
	b.t.Helper()
	b.server = temporaltest.NewServer(temporaltest.WithT(b.t), temporaltest.WithBaseClientOptions(client.Options{Logger: silent{}}))
	b.configure(b.server.GetFrontendHostPort(), b.server.GetDefaultNamespace())
	_, err := setup.Attributes(b.ctx(), b.client(), b.server.GetDefaultNamespace())
	require.NoError(b.t, err)
	return b
}

func (b *bench) client() client.Client { return b.server.GetDefaultClient() }

// ctx ends a test that would hang.
func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) configure(address, namespace string) {
	b.write("orderly.yaml", "temporal: {address: \""+address+"\", namespace: "+namespace+"}\nprocedures: [sops]\njournal: {dsn: journal.db}\n")
	require.NoError(b.t, os.MkdirAll(filepath.Join(b.dir, "sops"), 0o750))
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(b.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// answered is what a call printed and how it ended.
type answered struct {
	code        int
	out, notice string
}

func (b *bench) orderly(args ...string) answered { return b.orderlyIn(b.ctx(), args...) }

func (b *bench) orderlyIn(ctx context.Context, args ...string) answered {
	b.t.Helper()
	var out, notice bytes.Buffer
	code := run(ctx, surroundings{
		args:  append([]string{"--config", filepath.Join(b.dir, "orderly.yaml")}, args...),
		stdin: bytes.NewBufferString(b.stdin), stdout: &out, stderr: &notice,
		getenv: func(key string) string { return b.env[key] },
	})
	return answered{code: code, out: out.String(), notice: notice.String()}
}

// json reads what a call printed with --json.
func (a answered) json(t *testing.T, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.out), into), "stdout %q, stderr %q", a.out, a.notice)
}

// silent is a logger for SDK clients: what goes wrong shows in what the program prints.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
