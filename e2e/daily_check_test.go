package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/workflows"
)

// platform is real systems of every kind as targets: a database, a cache, a bucket, a Docker host and an
// HTTP service.
func platform(t testing.TB, service string) string {
	t.Helper()
	bucket := testenv.S3(t)
	return fmt.Sprintf(`
targets:
  docker:   {local: {host: %q}}
  postgres: {docs-db: {dsn: %q}}
  redis:    {docs-cache: {url: %q}}
  http:     {docs-api: {url: %q, health: /health}}
  s3:       {backups: {bucket: %q, region: %q, endpoint: %q, path_style: true, access_key: %q, secret_key: %q}}
`, testenv.Docker(t), testenv.Postgres(t), testenv.Redis(t), service,
		bucket.Name, bucket.Region, bucket.Endpoint, bucket.AccessKey, bucket.SecretKey)
}

// checks maps what a record found: check → severity and text.
func checks(rec *workflows.Record) string {
	var b strings.Builder
	for _, f := range rec.Findings {
		fmt.Fprintf(&b, "%s | %s | %s\n", f.Severity, f.Check, f.Text)
	}
	return b.String()
}

func TestDailyCheckLooksAtEverythingThatIsConfigured(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(service.Close)
	well := testenv.RunContainer(t, testenv.ContainerSpec{Health: true})
	h := open(t, setting{config: platform(t, service.URL)})

	said := h.orderly("start", "daily-check", "--watch")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	rec := h.record(h.temporal(), latest(t, h, "daily-check"))
	require.Equal(t, workflows.Succeeded, rec.State)
	for _, path := range []string{"host", "dockers[0].containers", "databases[0].ping", "caches[0].info", "buckets[0].check", "endpoints[0].probe"} {
		require.Equal(t, workflows.Succeeded, stepOf(t, rec, path).State, "%s: %s", path, stepOf(t, rec, path).Error)
	}
	require.Contains(t, string(stepOf(t, rec, "dockers[0].containers").Outputs), well.Name)
	for _, name := range []string{"docs-api", "docs-db", "docs-cache", "backups"} {
		require.NotContains(t, checks(rec), name, "nothing is wrong with it")
	}
	require.NotContains(t, checks(rec), "not checked")
	t.Run("AndKeepsItInTheMaintenanceLog", func(t *testing.T) {
		runs := h.orderly("runs", "--procedure", "daily-check")
		require.Contains(t, runs.stdout, "succeeded")
		require.FileExists(t, filepath.Join(h.dir, "journal.db"))
	})
}

func TestDailyCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(service.Close)
	ill := testenv.RunContainer(t, testenv.ContainerSpec{Health: true, Args: []string{"-sick"}})
	testenv.AwaitContainer(t, ill.ID, func(s *container.State) bool { return s.Health != nil && s.Health.Status == container.Unhealthy })
	h := open(t, setting{config: platform(t, service.URL)})

	said := h.orderly("start", "daily-check", "--watch")
	require.Contains(t, said.stdout, ill.Name, "the table names the container")
	rec := h.record(h.temporal(), latest(t, h, "daily-check"))
	require.Contains(t, checks(rec), ill.Name)
	require.Contains(t, checks(rec), "docs-api")
	require.Equal(t, "emergency-response/main", stepOf(t, rec, "outage").Child.WorkflowID, "the people in charge are called")
}

func TestDailyCheckSaysWhatItDidNotCheckAndWhy(t *testing.T) {
	t.Parallel()
	h := open(t, setting{config: "targets: {}\n"})
	said := h.orderly("start", "daily-check", "--watch")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	rec := h.record(h.temporal(), latest(t, h, "daily-check"))
	for _, what := range []string{"containers", "databases", "caches", "buckets", "endpoints"} {
		require.Contains(t, checks(rec), what)
	}
	require.Contains(t, checks(rec), "not checked")
}

func TestDailyCheckEndsInBoundedTimeWhenEverythingIsAway(t *testing.T) {
	t.Parallel()
	hanging := testenv.Silent(t)
	h := open(t, setting{config: fmt.Sprintf(`
targets:
  docker:   {local: {host: "tcp://%[1]s"}}
  postgres: {docs-db: {dsn: "postgres://docs:s3cret@%[1]s/docs"}, refused: {dsn: "postgres://docs:s3cret@127.0.0.1:1/docs"}}
  redis:    {docs-cache: {url: "redis://:s3cret@%[1]s"}}
  http:     {docs-api: {url: "http://%[1]s", health: /health}}
  s3:       {backups: {bucket: docs, region: us-east-1, endpoint: "http://%[1]s", path_style: true, access_key: key, secret_key: s3cret}}
`, hanging)})

	began := time.Now()
	said := h.orderly("start", "daily-check", "--watch")
	require.Less(t, time.Since(began), 3*time.Minute, "far inside its fifteen minutes")
	rec := h.record(h.temporal(), latest(t, h, "daily-check"))
	require.Equal(t, workflows.Succeeded, rec.State, said.stderr)
	for _, name := range []string{"local", "docs-db", "refused", "docs-cache", "docs-api", "backups"} {
		require.Contains(t, checks(rec), name)
	}
	history := h.history(h.temporal(), rec.WorkflowID)
	testenv.AssertNoSecret(t, "s3cret", said.stdout, said.stderr, history, rec)
}

func TestPlainTemporalClientsStartRunsLikeOurs(t *testing.T) {
	t.Parallel()
	h := open(t, setting{config: "targets: {}\n"})
	c := h.temporal()
	for name, c2 := range map[string]struct {
		input string
		want  string
	}{
		"AnEmptyObject":   {`{}`, ""},
		"NoInputAtAll":    {``, ""},
		"AnUnknownInput":  {`{"memory_hihg": 3}`, "memory_hihg"},
		"SomethingElse":   {`"daily"`, "one JSON object"},
		"AWrongValueType": {`{"memory_high": "much"}`, "memory_high"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := startPlain(t, c, "plain-"+name, c2.input).Get(context.Background(), nil)
			if c2.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c2.want)
		})
	}
}

// startPlain starts a run as `temporal workflow start` and `tctl` do: by type name, with JSON of unknown
// origin.
func startPlain(t *testing.T, c client.Client, id, input string) client.WorkflowRun {
	t.Helper()
	request := &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: id, RequestId: id,
		WorkflowType: &commonpb.WorkflowType{Name: "DailyCheck"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: workflows.DefaultTaskQueue},
	}
	if input != "" {
		request.Input = &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(input),
		}}}
	}
	_, err := c.WorkflowService().StartWorkflowExecution(context.Background(), request)
	require.NoError(t, err)
	return c.GetWorkflow(context.Background(), id, "")
}

// latest is the workflow id of a procedure's newest run.
func latest(t testing.TB, h *house, procedure string) string {
	t.Helper()
	const nobodyAnswers = 3 // for ten seconds after a worker was killed, Temporal may still ask that one
	var said answer
	h.await("somebody to answer for "+procedure, 30*time.Second, func() bool {
		said = h.orderly("show", procedure, "--json")
		return said.exit != nobodyAnswers
	})
	require.Zero(t, said.exit, said.stderr)
	var rec workflows.Record
	require.NoError(t, json.Unmarshal([]byte(said.stdout), &rec), said.stdout)
	return rec.WorkflowID
}

// stepOf finds a step by its path.
func stepOf(t *testing.T, rec *workflows.Record, path string) *workflows.Step {
	t.Helper()
	var look func(steps []*workflows.Step) *workflows.Step
	look = func(steps []*workflows.Step) *workflows.Step {
		for _, s := range steps {
			if s.Path == path {
				return s
			}
			if found := look(s.Steps); found != nil {
				return found
			}
			for _, item := range s.Items {
				if found := look(item.Steps); found != nil {
					return found
				}
			}
		}
		return nil
	}
	for _, p := range rec.Phases {
		if s := look(p.Steps); s != nil {
			return s
		}
	}
	require.Fail(t, "no such step", path)
	return nil
}
