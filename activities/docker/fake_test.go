package docker

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"
)

// fake is an engine with more containers, and worse ones, than a test can have of real ones.
type fake struct {
	host              string
	count             int
	hang, gone, ended map[string]bool // by name
	closing           chan struct{}

	mu        sync.Mutex
	now, high int // inspections at the same time
}

func newFake(t testing.TB, count int) *fake {
	t.Helper()
	f := &fake{count: count, hang: map[string]bool{}, gone: map[string]bool{}, ended: map[string]bool{}, closing: make(chan struct{})}
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	f.host = "unix://" + path
	server := &http.Server{Handler: f.routes()}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		close(f.closing)
		_ = server.Close()
	})
	return f
}

func (f *fake) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("GET /v1.41/containers/json", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.list()) })
	mux.HandleFunc("GET /v1.41/containers/{id}/json", f.one(func(i int) any {
		return container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{
			ID: f.id(i), Name: "/" + name(i), HostConfig: &container.HostConfig{},
			State: &container.State{Status: f.state(i), StartedAt: time.Now().Format(time.RFC3339Nano)},
		}}
	}))
	mux.HandleFunc("GET /v1.41/containers/{id}/stats", f.one(func(int) any {
		now := time.Now()
		return container.StatsResponse{Read: now, PreRead: now.Add(-time.Second)}
	}))
	return mux
}

func (f *fake) list() []container.Summary {
	all := make([]container.Summary, f.count)
	for i := range all {
		all[i] = container.Summary{
			ID: f.id(i), Names: []string{"/" + name(i)}, Image: "registry.example.org/team/project/service:2026.11.21-3ba33d9",
			ImageID: "sha256:" + f.id(i), State: f.state(i),
			Labels: map[string]string{labelProject: "documentation-platform", labelService: "service-" + name(i)},
		}
	}
	return all
}

// one answers a question about one container in that container's manner.
func (f *fake) one(about func(int) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.count1(1)
		defer f.count1(-1)
		var i int
		_, _ = fmt.Sscanf(strings.TrimLeft(r.PathValue("id"), "0"), "%x", &i)
		switch {
		case f.hang[name(i)]:
			select {
			case <-r.Context().Done():
			case <-f.closing:
			}
		case f.gone[name(i)]:
			w.WriteHeader(http.StatusNotFound)
			answer(w, map[string]string{"message": "No such container"})
		default:
			answer(w, about(i))
		}
	}
}

func (f *fake) count1(by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now += by
	f.high = max(f.high, f.now)
}

func (f *fake) most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.high
}

func (f *fake) state(i int) string {
	if f.ended[name(i)] {
		return "exited"
	}
	return "running"
}

func (f *fake) id(i int) string { return fmt.Sprintf("%064x", i) }

func name(i int) string { return fmt.Sprintf("c%04d", i) }

func answer(w http.ResponseWriter, what any) { _ = json.NewEncoder(w).Encode(what) }
