package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/enterprise"
	"github.com/orderly-ops/orderly/workflows"
)

// sundayOrg are the people of a Sunday.
const sundayOrg = `
people: {ana: {name: Ana, email: ana@example.org}, ben: {name: Ben, email: ben@example.org}, chloe: {name: Chloe, email: chloe@example.org}}
roles:
  maintenance-coordinator: {primary: ana}
  devops-lead: {primary: ben}
  backend-lead: {primary: chloe}
  database-lead: {primary: chloe}
channels: {maintenance-coordination: {slack: "#maintenance"}}
stakeholders: {maintenance-window: [ana, ben]}
services: {api: {owner: backend-lead}, database: {owner: database-lead}, cache: {owner: devops-lead}}
policies: {level-1: {tiers: [{page: [maintenance-coordinator], wait: 5m}]}}
defaults: {policy: level-1}
`

// quickCheck stands in for the daily check, which takes seconds and has tests of its own.
const quickCheck = `
sop: daily-check
title: Daily health check
inputs: {escalate: {type: bool, default: true}}
phases: [{id: look, steps: [{id: api, uses: http.check, with: {target: docs-api, samples: 1, must: true}, retry: {attempts: 30, initial: 1s, backoff: 1}}]}]
`

const quickInvestigation = `
sop: investigation
title: Investigation
inputs: {run: {type: string}, reason: {type: string}, where: {type: string}}
phases: [{id: note, steps: [{id: keep, uses: artifact.save, with: {name: investigation, data: "${{ inputs }}"}}]}]
`

// parish is a Temporal server with several sample platforms, each looked after by a worker of its own.
type parish struct {
	*house
	client client.Client
	steps  []broken
	sites  []*site
}

// site is a platform, its worker, and how it was before anybody touched it.
type site struct {
	*parish
	queue    string
	platform *enterprise.Platform
	worker   *process
	before   enterprise.State
	newer    string // an image
}

func openParish(t *testing.T, sites int) *parish {
	t.Helper()
	source, steps := breakable(t)
	p := &parish{steps: steps}
	p.house = open(t, setting{config: "targets: {}\nnotify: {console: {}}\n", procedures: map[string]string{
		"weekly-maintenance.yaml": source, "daily-check.yaml": quickCheck, "investigation.yaml": quickInvestigation,
		"backup.yaml": backupAlone(t), "org.yaml": sundayOrg,
	}})
	p.client = p.temporal()
	var opening sync.WaitGroup
	for n := range sites {
		s := &site{parish: p, queue: fmt.Sprintf("site-%d", n)}
		p.sites = append(p.sites, s)
		opening.Go(func() { s.platform = enterprise.Start(t) })
	}
	opening.Wait()
	for _, s := range p.sites {
		s.open(t)
	}
	return p
}

// backupAlone is the shipped backup, which calls nobody here.
func backupAlone(t *testing.T) string {
	text := read(t, "../sops/library/backup.yaml")
	at := strings.Index(text, "\nfinally:")
	require.Positive(t, at)
	return text[:at]
}

func (s *site) open(t *testing.T) {
	t.Helper()
	require.NotNil(s.t, s.platform, "the platform did not start")
	s.write(s.queue+".yaml", fmt.Sprintf(`
temporal: {address: %q, namespace: default, task_queue: %s}
procedures: [procedures]
http: {listen: "127.0.0.1:%d"}
journal: {dsn: %s.db}
artifacts: {dir: %s-artifacts}
notify: {console: {}}
%s`, s.address, s.queue, freePort(s.t), s.queue, s.queue, s.platform.Targets(testenv.S3(s.t))))
	s.worker = s.spawn("worker", "--config", s.queue+".yaml")
	s.newerImage(t)
	rec := s.ended(t, s.start("Backup", "backup/"+s.queue, map[string]any{}))
	require.Equal(s.t, workflows.Succeeded, rec.State, account(rec))
	s.platform.AwaitHealthy(s.t)
	s.before = s.platform.State(s.t)
}

// newerImage makes another image that the API could run.
func (s *site) newerImage(t *testing.T) {
	t.Helper()
	made, err := testenv.DockerClient(t).ContainerCommit(t.Context(), s.platform.Container("api"), container.CommitOptions{Changes: []string{"LABEL newer=yes"}})
	require.NoError(t, err)
	s.newer = made.ID
}

// name gives the name of the API's image to an image: to a newer one, as whoever builds it does, and the API's own
// is outdated.
func (s *site) name(t *testing.T, image string) {
	t.Helper()
	require.NoError(t, testenv.DockerClient(t).ImageTag(t.Context(), image, s.before.Containers[s.platform.Container("api")].Ref))
}

func (s *site) start(kind, id string, inputs map[string]any) string {
	s.t.Helper()
	_, err := s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue}, kind, inputs)
	require.NoError(s.t, err)
	return id
}

// until follows a run until something holds, whether or not its worker is there to ask.
func (s *site) until(t *testing.T, id, what string, holds func(*workflows.Record) bool) *workflows.Record {
	t.Helper()
	const patience = 5 * time.Minute
	rec := &workflows.Record{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for since := time.Now(); time.Since(since) < patience; <-tick.C {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		answer, err := s.client.QueryWorkflow(ctx, id, "", workflows.QueryStatus)
		var now workflows.Record
		if err == nil && answer.Get(&now) == nil {
			rec = &now
		}
		cancel()
		if holds(rec) {
			return rec
		}
	}
	require.FailNow(t, "waited in vain for "+what+" of "+id, account(rec))
	return nil
}

func (s *site) ended(t *testing.T, id string) *workflows.Record {
	t.Helper()
	return s.until(t, id, "the end", func(rec *workflows.Record) bool { return rec.State.Done() })
}

// send sends a message; to a run that has ended by now there is nothing to say.
func (s *site) send(id, name string, payload map[string]any) {
	s.t.Helper()
	err := s.client.SignalWorkflow(context.Background(), id, "", name, payload)
	if _, gone := err.(*serviceerror.NotFound); !gone { //nolint:errorlint // the client gives it as it is
		require.NoError(s.t, err)
	}
}

// sayings are what people say when they are asked, by step.
var sayings = map[string]struct {
	name    string
	payload map[string]any
}{
	"available": {"complete", map[string]any{"by": "ana", "step": "available", "form": map[string]any{"work": "the usual"}}},
	"ready":     {"decide", map[string]any{"by": "ben", "step": "ready", "approve": true}},
	"audit":     {"complete", map[string]any{"by": "ben", "step": "audit", "form": map[string]any{"findings": "none", "rules": "none"}}},
	"go":        {"decide", map[string]any{"by": "ben", "step": "go", "approve": true}},
	"review":    {"complete", map[string]any{"by": "ana", "step": "review", "form": map[string]any{"thresholds": "none", "improvements": "none"}}},
	"undo:dump": {"decide", map[string]any{"by": "chloe", "step": "undo:dump", "approve": true}},
}

// asked are the steps that wait for people.
func asked(rec *workflows.Record) (paths []string) {
	each(rec, func(s *workflows.Step) {
		if s.State == workflows.Running && s.Ask != nil {
			paths = append(paths, s.Path)
		}
	})
	for _, q := range rec.Questions {
		if q.State == workflows.Running {
			paths = append(paths, q.Path)
		}
	}
	return paths
}

// each goes through the steps of all phases.
func each(rec *workflows.Record, use func(*workflows.Step)) {
	var walk func(steps []*workflows.Step)
	walk = func(steps []*workflows.Step) {
		for _, s := range steps {
			use(s)
			walk(s.Steps)
			for _, item := range s.Items {
				walk(item.Steps)
			}
		}
	}
	for _, p := range rec.Phases {
		walk(p.Steps)
	}
}

// account is what a run did, for a failed test to show.
func account(rec *workflows.Record) string {
	var out strings.Builder
	for _, e := range rec.Timeline {
		fmt.Fprintf(&out, "%s %s %s\n", e.At.Format("15:04:05.000"), e.Kind, e.Text)
	}
	return out.String()
}

// suffer runs a maintenance to which something happens at a step, and wants the platform as it was.
func (s *site) suffer(t *testing.T, m mishap, step string) {
	t.Helper()
	id := fmt.Sprintf("weekly-maintenance/%s-%s-%s", s.queue, step, strings.ReplaceAll(m.name, " ", "-"))
	inputs := map[string]any{"containers": []string{s.platform.Name + "-*"}}
	if m.fails {
		inputs["fail"] = step
	}
	s.name(t, s.before.Containers[s.platform.Container("api")].Image)
	s.start("WeeklyMaintenance", id, inputs)
	struck, built, told := m.strikes == nil, false, map[string]bool{}
	rec := s.until(t, id, "the end", func(rec *workflows.Record) bool {
		if !built && len(rec.Phases) > 0 && stepOf(t, rec, "containers").State == workflows.Succeeded {
			built = true
			s.name(t, s.newer)
		}
		if !struck && m.due(rec, step) {
			struck = true
			m.strikes(s, id, step)
		}
		for _, path := range asked(rec) {
			if told[path] || path == step && !m.fails {
				continue
			}
			told[path] = true
			s.answer(id, path, path == step || path == "go" && slices.Contains(unchanged, step))
		}
		return rec.State.Done()
	})
	require.True(t, struck, "it ended before anything could happen: %s", account(rec))
	s.asBefore(t, rec)
}

// answer says what people say, or the opposite.
func (s *site) answer(id, path string, no bool) {
	said, known := sayings[path]
	if !known {
		return
	}
	payload := maps.Clone(said.payload)
	switch {
	case no && said.name == "decide":
		payload["approve"], payload["reason"] = false, "not tonight"
	case no:
		delete(payload, "form")
		payload["skip"], payload["reason"] = true, "no time"
	}
	s.send(id, said.name, payload)
}

// asBefore wants the platform as it was, but for what the record says was left.
func (s *site) asBefore(t *testing.T, rec *workflows.Record) {
	t.Helper()
	require.Contains(t, []workflows.State{workflows.Failed, workflows.Cancelled}, rec.State, account(rec))
	if rec.Failure == nil || rec.Failure.Phase != "checklist" { // until then there is nothing to put back
		require.NotNil(t, rec.Rollback, account(rec))
		require.Equal(t, workflows.Succeeded, rec.Rollback.State, account(rec))
	}
	s.dropPrevious(t, rec)
	s.platform.AwaitHealthy(t)
	var after enterprise.State
	s.until(t, rec.WorkflowID, "health", func(*workflows.Record) bool { // which the engine looks at every few seconds
		after = s.platform.State(t)
		return !slices.ContainsFunc(slices.Collect(maps.Values(after.Containers)), func(c enterprise.Container) bool { return c.Health != "healthy" })
	})
	require.Equal(t, s.before, after, account(rec))
}

// dropPrevious drops the database that a restore has kept beside the one it put in its place: the record names it.
func (s *site) dropPrevious(t *testing.T, rec *workflows.Record) {
	t.Helper()
	for _, u := range rec.Undo {
		if u.Action != "postgres.restore" || u.State != workflows.Succeeded {
			continue
		}
		var out struct{ Previous string }
		require.NoError(t, json.Unmarshal(u.Outputs, &out))
		require.NotEmpty(t, out.Previous)
		conn, err := pgx.Connect(t.Context(), s.platform.Database)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "DROP DATABASE "+pgx.Identifier{out.Previous}.Sanitize()+" WITH (FORCE)")
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	}
}

// TestWhateverHappensToAWeeklyMaintenanceIsPutBack lets every step of the shipped procedure fail after it has done
// its work, be cancelled while it runs, and lose its worker while it runs and then fail; each time on real
// containers and a real database, which have to be afterwards what they were before.
func TestWhateverHappensToAWeeklyMaintenanceIsPutBack(t *testing.T) {
	t.Parallel()
	p := openParish(t, 4)
	type one struct {
		mishap
		step string
	}
	cases := make(chan one, len(p.steps)*len(mishaps))
	for _, m := range mishaps {
		for _, step := range p.steps {
			if m.wanted(step) {
				cases <- one{m, step.id}
			}
		}
	}
	close(cases)
	for _, s := range p.sites {
		t.Run(s.queue, func(t *testing.T) {
			t.Parallel()
			for c := range cases {
				if !t.Run(c.step+" "+c.name, func(t *testing.T) { s.suffer(t, c.mishap, c.step) }) {
					return // what comes next would begin with a platform that is not as it was
				}
			}
		})
	}
}
