package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/workflows"
)

// shippedResponse is the shipped emergency response with all that belongs to it, for an API in a container.
func shippedResponse(t *testing.T, api string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"org.yaml", "emergency-response.yaml", "diagnosis.yaml", "post-incident.yaml"} {
		files[name] = read(t, "../sops/library/"+name)
	}
	files["org.yaml"] = strings.ReplaceAll(files["org.yaml"], "enterprise-docs-api", api)
	return files
}

// TestTheEmergencyResponseHelpsItselfAndKeepsTheEvidence stops the API's container. It is started again and
// everything is kept before anybody has answered; then Ana comes and closes it.
func TestTheEmergencyResponseHelpsItselfAndKeepsTheEvidence(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(service.Close)
	api := testenv.RunContainer(t, testenv.ContainerSpec{Health: true, Args: []string{"-lines", "300"}})
	require.NoError(t, testenv.DockerClient(t).ContainerStop(t.Context(), api.ID, container.StopOptions{}))
	h := open(t, setting{procedures: shippedResponse(t, api.Name), config: platform(t, service.URL) + "notify: {console: {}}\n"})
	c := h.temporal()
	const id = "emergency-response/main"

	said := h.orderly("start", "emergency-response", "-i", "reason=The API is down", "--by", "ben")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	h.await("the first mitigation", 2*time.Minute, func() bool { return h.record(c, id).Incident.Mitigated != nil })
	rec := h.record(c, id)
	require.Nil(t, rec.Incident.Acknowledged, "nobody has answered yet")
	require.NotEmpty(t, rec.Pages)
	testenv.AwaitContainer(t, api.ID, func(s *container.State) bool { return s.Running })

	for _, message := range [][]string{
		{"ack", id, "--by", "ana"},
		{"done", id, "assess", "--by", "ana", "-f", "users=all", "-f", "user_impact=high", "-f", "business_impact=low"},
		{"resolve", id, "it was stopped by hand", "--by", "ana"},
	} {
		if message[0] == "done" {
			h.await("the assessment to be asked", 2*time.Minute, func() bool {
				return stepOf(t, h.record(c, id), "assess").State == workflows.Running
			})
		}
		said := h.orderly(message...)
		require.Zero(t, said.exit, said.stdout+said.stderr)
	}
	require.NoError(t, c.GetWorkflow(context.Background(), id, "").Get(context.Background(), nil))
	rec = h.record(c, id)
	require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
	checkEvidence(t, h, rec, api.Name)

	follow := lastStep(t, rec, "follow-up").Child
	require.NotNil(t, follow, "the report is chased")
	require.Equal(t, workflows.Running, h.record(c, follow.WorkflowID).State)
}

// lastStep finds one of the steps that come last.
func lastStep(t *testing.T, rec *workflows.Record, id string) *workflows.Step {
	t.Helper()
	for _, s := range rec.Finally {
		if s.ID == id {
			return s
		}
	}
	require.Failf(t, "no such step", "%s", id)
	return nil
}

// checkEvidence reads the list of artifacts and every artifact in it.
func checkEvidence(t *testing.T, h *house, rec *workflows.Record, api string) {
	t.Helper()
	var manifest struct {
		Key   string `json:"key"`
		Count int    `json:"count"`
	}
	require.NoError(t, json.Unmarshal(lastStep(t, rec, "evidence").Outputs, &manifest))
	dir := filepath.Join(h.dir, "artifacts")
	list := read(t, filepath.Join(dir, manifest.Key))
	require.Equal(t, manifest.Count, strings.Count(list, "\n"))
	for line := range strings.Lines(list) {
		sum, key, _ := strings.Cut(strings.TrimSpace(line), "  ")
		is := sha256.Sum256([]byte(read(t, filepath.Join(dir, key))))
		require.Equal(t, sum, hex.EncodeToString(is[:]), key)
	}
	for _, name := range []string{"host.json", "containers-local.json", "database-docs-db.json", "cache-docs-cache.json", "http-docs-api.json", "before-restart-" + api + ".log"} {
		require.Contains(t, list, name)
	}
}
