package enterprise_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/enterprise"
)

func TestThePlatformServesDocumentsAndSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	p := enterprise.Start(t)
	before := p.State(t)
	require.EqualValues(t, 5000, before.Tables["documents"].Rows)
	require.Equal(t, "healthy", before.Containers[p.Container("api")].Health)

	var shown struct {
		Title    string
		Comments int
	}
	for range 2 { // from the database, then from the cache
		get(t, p.API+"/documents/7", http.StatusOK, &shown)
		require.Equal(t, "Document 7", shown.Title)
		require.Equal(t, 4, shown.Comments)
	}
	var listed []struct{ Title string }
	get(t, p.API+"/documents", http.StatusOK, &listed)
	require.Equal(t, "Document 5000", listed[0].Title)
	get(t, p.API+"/documents/nine", http.StatusBadRequest, nil)
	get(t, p.API+"/documents/999999", http.StatusNotFound, nil)

	require.Equal(t, before, p.State(t), "looking changes nothing")
	engine := testenv.DockerClient(t)
	require.NoError(t, engine.ContainerStop(t.Context(), p.Container("redis"), container.StopOptions{}))
	said := map[string]string{}
	get(t, p.API+"/health", http.StatusServiceUnavailable, &said)
	require.Equal(t, "does not answer", said["cache"])
	require.Equal(t, "ok", said["database"])
	require.NotEqual(t, before, p.State(t))
	require.NoError(t, engine.ContainerStart(t.Context(), p.Container("redis"), container.StartOptions{}))
	p.AwaitHealthy(t)
}

func get(t *testing.T, url string, status int, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, status, resp.StatusCode)
	if into != nil {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
	}
}
