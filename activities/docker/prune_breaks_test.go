package docker

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// serving has an engine of a test's own making on a socket.
func serving(t *testing.T, mux http.Handler) (host string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "unix://" + path
}

// TestPruneThatBreaksOffSaysWhatIsGone has an engine that removes the first of two volumes and stumbles over the
// second: what went does not come back, so whoever looks at the step has to find it there.
func TestPruneThatBreaksOffSaysWhatIsGone(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("1", 64), strings.Repeat("2", 64)
	left, ill := []string{first, second}, true
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	for _, path := range []string{"/v1.41/containers/json", "/v1.41/images/json", "/v1.41/networks"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answer(w, []string{}) })
	}
	mux.HandleFunc("GET /v1.41/system/df", func(w http.ResponseWriter, _ *http.Request) {
		var df types.DiskUsage
		for _, name := range left {
			df.Volumes = append(df.Volumes, &volume.Volume{Name: name, CreatedAt: "2020-01-01T00:00:00Z", UsageData: &volume.UsageData{Size: 5}})
		}
		answer(w, df)
	})
	mux.HandleFunc("DELETE /v1.41/volumes/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") == second && ill {
			http.Error(w, `{"message": "the driver does not answer"}`, http.StatusInternalServerError)
			return
		}
		left = left[1:]
		w.WriteHeader(http.StatusNoContent)
	})
	a := at(t, serving(t, mux), answerWithin)
	in := PruneInput{Host: "local", Volumes: true, OlderThan: sops.Duration(time.Hour)}

	_, err := a.prune(t.Context(), in)
	require.ErrorContains(t, err, "the driver does not answer")
	require.ErrorContains(t, err, "removed before that, and nobody used it: volume "+first)

	ill = false
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.prune)
	env.SetHeartbeatDetails(pruned{
		Used:    Recovered{Volumes: 10, Total: 10},
		Removed: []Pruned{{Kind: kindVolume, Name: first, ID: short(first), Bytes: 5}},
	})
	value, err := env.ExecuteActivity(a.prune, in)
	require.NoError(t, err)
	var out Prune
	require.NoError(t, value.Get(&out))
	require.Equal(t, 2, out.Volumes)
	require.Equal(t, []string{first, second}, []string{out.Removed[0].Name, out.Removed[1].Name})
	require.EqualValues(t, 10, out.Recovered.Total)
}

func TestPruneKeepsTheNetworksOfIsolatedContainers(t *testing.T) {
	t.Parallel()
	const id = "3333333333333333333333333333333333333333333333333333333333333333"
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("GET /v1.41/containers/json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, []container.Summary{{ID: id, Names: []string{"/web"}, State: "paused"}})
	})
	mux.HandleFunc("GET /v1.41/images/json", func(w http.ResponseWriter, _ *http.Request) { answer(w, []string{}) })
	mux.HandleFunc("GET /v1.41/system/df", func(w http.ResponseWriter, _ *http.Request) { answer(w, types.DiskUsage{}) })
	mux.HandleFunc("GET /v1.41/networks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, []network.Inspect{{ID: "n1", Name: "own", Scope: "local"}, {ID: "n2", Name: "lonely", Scope: "local"}})
	})
	a := at(t, serving(t, mux), answerWithin)
	a.keep = shelf{}
	isolated := memory{ID: id, Name: "web", Was: spec{Endpoints: map[string]*network.EndpointSettings{"own": {}}}}
	require.NoError(t, a.memorise(t.Context(), "local", isolated))
	in := PruneInput{Host: "local", Networks: true, DryRun: true}
	out, err := a.prune(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []Spared{{Kind: kindNetwork, Name: "own", Why: "web is isolated from it, and rejoins it"}}, out.Kept)
	require.Len(t, out.Removed, 1)
	isolated.Rejoined = true
	require.NoError(t, a.memorise(t.Context(), "local", isolated))
	out, err = a.prune(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, out.Removed, 2)
}

func TestPruneOfWhatWasPulledByDigestFromTwoRegistries(t *testing.T) {
	testenv.OwnDocker(t)
	a := setup(t)
	a.now = func() time.Time { return time.Now().Add(time.Hour) }
	one, two := newRegistry(t), newRegistry(t)
	digest := one.push("1", "1")
	two.blobs, two.manifests = one.blobs, one.manifests
	e, err := a.engines.Get("local")
	require.NoError(t, err)
	for _, r := range []*registry{one, two} {
		require.NoError(t, e.pull(t.Context(), r.host+"/app@"+digest))
	}
	in := PruneInput{Host: "local", Images: "dangling", OlderThan: sops.Duration(time.Minute), KeepImages: []string{two.host + "/app*"}}
	out, err := a.prune(t.Context(), in)
	require.NoError(t, err)
	require.Zero(t, out.Images)
	require.Contains(t, []string{one.host + "/app@" + digest, two.host + "/app@" + digest}, out.Kept[0].Name)
	require.Equal(t, "keep_images names it", out.Kept[0].Why)
	in.KeepImages = nil
	out, err = a.prune(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 1, out.Images, "%+v", out.Kept)
	_, err = e.image(t.Context(), one.host+"/app@"+digest)
	require.True(t, missing(err))
}
