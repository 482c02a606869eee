package targets

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
)

func TestListNamesWhatThereIsAndWhatThereIsNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orderly.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
targets:
  docker:   {local: {}}
  postgres: {docs-db: {dsn: "postgres://u:hunter2@127.0.0.1:1/x"}, audit: {dsn: "postgres://u:hunter2@127.0.0.1:1/y"}}
`), 0o600))
	cfg, err := config.Load(path)
	require.NoError(t, err)
	out, err := actions{cfg: cfg, socket: "/nowhere/docker.sock"}.list(t.Context(), ListInput{})
	require.NoError(t, err)
	require.Equal(t, List{
		Docker:   []string{"local"}, // orderly.yaml names it: that it is down is a finding
		Postgres: []string{"audit", "docs-db"}, Redis: []string{}, HTTP: []string{}, S3: []string{},
		Missing: []Missing{
			{What: "caches", Why: "no redis target in orderly.yaml"},
			{What: "endpoints", Why: "no http target in orderly.yaml"},
			{What: "buckets", Why: "no s3 target in orderly.yaml"},
		},
	}, out)
}

func TestTheEmbeddedDockerTargetCountsOnlyWhereDockerIs(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DOCKER_HOST", "")
	cfg, err := config.Load("")
	require.NoError(t, err)
	a := actions{cfg: cfg, socket: "docker.sock"}

	out, err := a.list(t.Context(), ListInput{})
	require.NoError(t, err)
	require.Empty(t, out.Docker)
	require.Contains(t, out.Missing, Missing{What: "containers", Why: "no Docker socket at docker.sock"})
	require.Len(t, out.Missing, 5)

	require.NoError(t, os.WriteFile("docker.sock", nil, 0o600))
	out, err = a.list(t.Context(), ListInput{})
	require.NoError(t, err)
	require.Equal(t, []string{"local"}, out.Docker)
	require.Len(t, out.Missing, 4)

	require.NoError(t, os.Remove("docker.sock"))
	t.Setenv("DOCKER_HOST", "tcp://docker:2376")
	out, err = a.list(t.Context(), ListInput{})
	require.NoError(t, err)
	require.Equal(t, []string{"local"}, out.Docker, "somebody named it")
}

func TestListIsDescribedWithoutAConfiguration(t *testing.T) {
	t.Parallel()
	defs := Actions(nil)
	require.Equal(t, "targets.list", defs[0].Name)
	_, err := actions{}.list(t.Context(), ListInput{})
	require.ErrorContains(t, err, "no configuration")
}
