package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// shards are what a small cluster has; each works by itself.
const shards = 8

// BenchmarkIncidentsDueTogetherOnACluster is BenchmarkIncidentsDueTogether on a Temporal server with its
// data in PostgreSQL and several history shards, with workers in processes of their own.
func BenchmarkIncidentsDueTogetherOnACluster(b *testing.B) {
	for _, n := range sizes(b) {
		for workers := 1; workers <= 2; workers++ {
			b.Run(fmt.Sprintf("%d/workers=%d", n, workers), func(b *testing.B) {
				u, p := newBurst(n), newPager(b)
				h := cluster(b, map[string]string{"blackout.yaml": blackout, "org.yaml": u.org(p)}, p.notify())
				for i := range workers {
					h.worker(fmt.Sprintf("worker%d", i+1), blackoutQueue)
				}
				c := h.temporal()
				u.report(b, u.lateness(b, c, p, blackouts, u.start(b, c, p, blackouts)))
			})
		}
	}
}

// cluster is a house whose Temporal server is not the dev server; it has no worker yet.
func cluster(b *testing.B, procedures map[string]string, config string) *house {
	b.Helper()
	server := filepath.Join(bin, "temporal")
	build := exec.Command("go", "build", "-trimpath", "-o", server, "../internal/testenv/temporal")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	port := freePorts(b)
	h := &house{t: b, dir: b.TempDir(), address: fmt.Sprintf("127.0.0.1:%d", port), http: "http://127.0.0.1:0"}
	require.NoError(b, os.Mkdir(filepath.Join(h.dir, "procedures"), 0o755))
	for name, text := range procedures {
		h.write("procedures/"+name, text)
	}
	h.write("orderly.yaml", fmt.Sprintf("temporal: {address: %q, namespace: default}\nhttp: {listen: 127.0.0.1:0}\n"+
		"procedures: [procedures]\njournal: {dsn: %q}\nartifacts: {dir: artifacts}\n%s", h.address, testenv.Postgres(b), config))
	h.server = h.spawn("temporal", "--store", testenv.Postgres(b), "--visibility", testenv.Postgres(b),
		"--port", fmt.Sprint(port), "--shards", fmt.Sprint(shards))
	h.await("the server to be ready", 2*time.Minute, func() bool {
		text, err := os.ReadFile(filepath.Join(h.dir, "temporal.log"))
		return err == nil && strings.Contains(string(text), "ready")
	})
	return h
}

// freePorts finds four ports in a row, one for each of the server's services.
func freePorts(b *testing.B) int {
	b.Helper()
	first := freePort(b)
	for next := first + 1; next < first+4; {
		if port := freePort(b); port == next {
			next++
		} else {
			first, next = port, port+1
		}
	}
	return first
}
