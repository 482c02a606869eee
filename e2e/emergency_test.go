package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/workflows"
)

// shipped is the library as it is shipped, but for the name of one container, which is the test's own.
func shipped(t *testing.T, redis string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../sops/library/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	library := map[string]string{}
	for _, file := range files {
		library[filepath.Base(file)] = read(t, file)
	}
	require.Contains(t, library["org.yaml"], "enterprise-docs-redis")
	library["org.yaml"] = strings.ReplaceAll(library["org.yaml"], "enterprise-docs-redis", redis)
	return library
}

// TestTheShippedProceduresFromTheCheckToTheFollowUp lets the daily check find an ill cache. It starts the
// emergency response, which restarts the container while people are still being called; they see it through
// to the end. Then somebody reports an incident, which takes the other way.
func TestTheShippedProceduresFromTheCheckToTheFollowUp(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, setting{withUI: true})
	sees := e.browse(t)
	e.check(t, "started")
	e.restartDoesNotHelp(t)
	e.check(t, "joined")
	sees.anOpenIncident(t)
	e.heal(t)
	e.respond(t, sees.anOwnedIncident)
	e.leaves(t)
	sees.aResolvedIncident(t)
	e.incident(t)
}

type emergency struct {
	*office
	ill container.InspectResponse
}

func newEmergency(t *testing.T, s setting) *emergency {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(service.Close)
	ill := testenv.RunContainer(t, testenv.ContainerSpec{Name: pictured("docs-redis"), Health: true, Publish: true, Args: []string{"-sick", "-lines", "40"}})
	testenv.AwaitContainer(t, ill.ID, func(s *container.State) bool { return s.Health != nil && s.Health.Status == container.Unhealthy })
	s.config += platform(t, service.URL)
	e := &emergency{}
	var err error
	e.ill, err = testenv.DockerClient(t).ContainerInspect(t.Context(), ill.ID)
	require.NoError(t, err)
	s.procedures = shipped(t, ill.Name)
	e.office = peopleIn(t, s)
	for i := range 7 {
		e.slack.AddUser(fmt.Sprintf("U0EXAMPLE%d", i+1), "somebody")
	}
	for _, name := range []string{"system-health-alerts", "incident-response", "maintenance-coordination", "performance-metrics"} {
		e.slack.AddChannel(name)
	}
	return e
}

const emergencyID = "emergency-response/main"

// check runs the daily check, which finds the container and starts the emergency response or joins it.
func (e *emergency) check(t *testing.T, how string) {
	run := e.start("daily-check")
	rec := e.ended(run.WorkflowID)
	name := strings.TrimPrefix(e.ill.Name, "/")
	if how == "started" {
		require.Contains(t, checks(rec), name)
	}
	started := stepOf(t, rec, "outage")
	require.Equal(t, workflows.Succeeded, started.State, started.Error+started.Reason)
	require.Equal(t, emergencyID, started.Child.WorkflowID)
	require.Equal(t, how == "joined", started.Child.Joined)
}

// restartDoesNotHelp waits until the recovery has restarted the container, which is ill again at first.
func (e *emergency) restartDoesNotHelp(t *testing.T) {
	before := e.ill.State.StartedAt
	testenv.AwaitContainer(t, e.ill.ID, func(s *container.State) bool {
		return s.StartedAt != before && s.Health != nil && s.Health.Status == container.Unhealthy
	})
}

// heal makes the container well, as many a thing is some time after a restart. The recovery waits for that.
func (e *emergency) heal(t *testing.T) {
	now, err := testenv.DockerClient(t).ContainerInspect(t.Context(), e.ill.ID)
	require.NoError(t, err)
	for _, bound := range now.NetworkSettings.Ports["8080/tcp"] {
		address := fmt.Sprintf("http://127.0.0.1:%s/health", bound.HostPort)
		e.await("the container to listen", 20*time.Second, func() bool {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, http.NoBody)
			require.NoError(t, err)
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				return false
			}
			return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
		})
		return
	}
	require.Fail(t, "the container has no port")
}

// answers waits until a step asks, and answers it through the CLI.
func (o *office) answers(id, step, by string, form ...string) {
	o.t.Helper()
	o.watch(id, step+" to be asked", func(r *workflows.Record) bool {
		s := findStep(r, step)
		return s != nil && s.Ask != nil && s.State == workflows.Running
	})
	args := []string{"done", id, step, "--by", by}
	for _, f := range form {
		args = append(args, "-f", f)
	}
	o.says("done by", args...)
}

// findStep finds a step by its path, in the phases as well as after them.
func findStep(rec *workflows.Record, path string) *workflows.Step {
	all := rec.Finally
	for _, p := range rec.Phases {
		all = append(all, p.Steps...)
	}
	for len(all) > 0 {
		s := all[0]
		if s.Path == path {
			return s
		}
		all = append(all[1:], s.Steps...)
		for _, item := range s.Items {
			all = append(all, item.Steps...)
		}
	}
	return nil
}

// respond sees the emergency through as Ana, with nothing but the CLI.
func (e *emergency) respond(t *testing.T, look func(*testing.T)) {
	id := emergencyID
	require.Contains(t, e.says("", "inbox", "--by", "ana"), id)
	e.says("acknowledged by Ana", "ack", id, "--by", "ana")
	rec := e.watch(id, "the recovery", func(r *workflows.Record) bool { return findStep(r, "recovery").State.Done() })
	require.Contains(t, restarted(rec), strings.TrimPrefix(e.ill.Name, "/"), timeline(rec))
	e.answers(id, "assess", "ana", "users=all of them", "user_impact=high", "business_impact=high", "services=cache", "suspected=memory", "severity=P1")
	e.says("", "update", id, "The cache is back, we look why it went.", "--by", "ana")
	look(t)
	e.answers(id, "mitigate", "ana", "measure=restarted")
	e.answers(id, "tell", "ana", "estimate=03:00")
	e.answers(id, "cause", "ana", "cause=it ran out of memory", "plan=give it more")
	e.answers(id, "fix", "ana", "done=twice the memory")
	e.answers(id, "confirm", "ana")
	e.says("resolved by Ana", "resolve", id, "the cache has twice the memory", "--by", "ana")
}

// restarted names the containers that the recovery has restarted with success.
func restarted(rec *workflows.Record) (names []string) {
	for i := range findStep(rec, "recovery").Items {
		restarts := findStep(rec, fmt.Sprintf("recovery[%d].restarts", i))
		if restarts == nil {
			continue
		}
		for j, item := range restarts.Items {
			if s := findStep(rec, fmt.Sprintf("recovery[%d].restarts[%d].restart", i, j)); s != nil && s.State == workflows.Succeeded {
				names = append(names, fmt.Sprint(item.Item))
			}
		}
	}
	return names
}

// leaves looks at what the emergency has left: evidence, a timeline, and work.
func (e *emergency) leaves(t *testing.T) {
	rec := e.ended(emergencyID)
	require.Equal(t, workflows.Succeeded, rec.State, timeline(rec))
	require.Equal(t, "ana", rec.Incident.Owner.ID)
	require.Equal(t, []string{"cache"}, rec.Incident.Services)
	require.NotEmpty(t, rec.Incident.Alerts, "the second check is in the record")
	require.Contains(t, timeline(rec), rec.Incident.Alerts[0].Summary)

	kept := evidence(t, rec)
	require.Greater(t, len(kept), 5)
	for _, a := range kept {
		text, err := os.ReadFile(filepath.Join(e.dir, "artifacts", a.Key))
		require.NoError(t, err, a.Key)
		sum := sha256.Sum256(text)
		require.Equal(t, a.SHA256, hex.EncodeToString(sum[:]), a.Key)
	}
	follow := findStep(rec, "follow-up")
	require.Equal(t, workflows.Succeeded, follow.State, follow.Error+follow.Reason)
	e.owes(t, follow.Child.WorkflowID, "reported[0].account")
	require.Contains(t, e.says("", "show", emergencyID), "resolved")
	require.NotEmpty(t, e.mails("stakeholder-updates@example.org"), "the executives have heard of it")
}

// artifact is one piece of evidence in the list of the run.
type artifact struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

func evidence(t *testing.T, rec *workflows.Record) []artifact {
	t.Helper()
	var list struct {
		Artifacts []artifact `json:"artifacts"`
	}
	s := findStep(rec, "evidence")
	require.Equal(t, workflows.Succeeded, s.State, s.Error)
	require.NoError(t, json.Unmarshal(s.Outputs, &list), string(s.Outputs))
	return list.Artifacts
}

// incident goes through the incident response, from its report to the post-mortem that is owed.
func (e *emergency) incident(t *testing.T) {
	id := e.begin("incident-response", "reason=the cache answers slowly", "severity=P2", `services=["cache"]`)
	e.says("acknowledged by", "ack", id, "--by", "dev")
	e.answers(id, "triage", "dev", "real=yes", "severity=P2")
	e.says("", "update", id, "We look into the cache.", "--by", "dev")
	e.answers(id, "status", "dev")
	e.answers(id, "cause", "dev", "cause=a deployment", "remedy=roll back")
	e.watch(id, "the decision", func(r *workflows.Record) bool { return findStep(r, "rollback").Ask != nil })
	e.refuses("not entitled", "approve", id, "rollback", "--by", "ella")
	e.says("approved by Chloe", "approve", id, "rollback", "--by", "chloe")
	e.answers(id, "mitigated", "dev", "measure=took it back", "verified=tried it")
	e.answers(id, "confirm", "dev")
	e.says("resolved by Dev", "resolve", id, "the last deployment is taken back", "--by", "dev")
	rec := e.ended(id)
	require.Equal(t, workflows.Succeeded, rec.State, timeline(rec))
	require.NotEmpty(t, evidence(t, rec))
	e.owes(t, findStep(rec, "follow-up").Child.WorkflowID, "written[0].analysis")
}

// owes says that a post-mortem has drafted its report from the record and asks somebody for the rest.
func (e *emergency) owes(t *testing.T, id, ask string) {
	owed := e.watch(id, "what is still to be said", func(r *workflows.Record) bool {
		s := findStep(r, ask)
		return s != nil && s.Ask != nil
	})
	require.Equal(t, workflows.Running, owed.State)
	draft := findStep(owed, "draft")
	require.Equal(t, workflows.Succeeded, draft.State, draft.Error)
}
