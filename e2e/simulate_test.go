package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// nearly is how far a page on a busy real server may be from where the simulation has it.
const nearly = 2500 * time.Millisecond

// rehearsalStage is a real house, and the same procedures and people for simulations.
type rehearsalStage struct {
	*office
	sources []sops.Source
	env     simulate.Env
}

// stageFor lays out the procedures of testdata/simulate, in a house that is there already.
func stageFor(t *testing.T, o *office) *rehearsalStage {
	t.Helper()
	s := &rehearsalStage{office: o, sources: []sops.Source{{Name: "procedures", FS: os.DirFS(path.Join(o.dir, "procedures"))}}}
	org, err := sops.FindOrg(s.sources)
	require.NoError(t, err)
	lib, problems := sops.LoadLibrary(s.sources, sops.Env{Catalogue: activities.Catalogue()})
	require.NoError(t, problems.Err())
	s.env = simulate.Env{Catalogue: activities.Catalogue(), Procedures: lib.Get, IDs: lib.IDs(), Org: org}
	return s
}

// rehearsedProcedures are the procedures of testdata/simulate.
func rehearsedProcedures(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, id := range []string{"fire", "blaze", "lookout", "brittle"} {
		all = append(all, read(t, "testdata/simulate/"+id+".yaml"))
	}
	return all
}

// TestSimulationsPageAsARealServerDoes runs the scenarios of testdata/simulate on a real server, with the same
// people doing the same at the same time, and wants the same pages: to the same people, of the same tiers, over
// the same transports, in the same order, at the same time.
func TestSimulationsPageAsARealServerDoes(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {http: {nowhere: {url: \"http://127.0.0.1:1\"}}}\n", rehearsedProcedures(t)...)
	s := stageFor(t, o)
	for _, name := range []string{"fire/nobody-answers", "fire/acknowledged", "fire/lease", "blaze/severity-raised", "lookout/late", "brittle/held"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.compare(t, name, func(*simulate.Scenario, time.Time) {})
		})
	}
}

// TestASimulatedKillPagesAsARealOne kills the worker as the scenario says: what was due meanwhile is late by as
// much.
func TestASimulatedKillPagesAsARealOne(t *testing.T) {
	t.Parallel()
	o := apart(t, rehearsedProcedures(t)...)
	stageFor(t, o.office).compare(t, "fire/worker-dies", func(s *simulate.Scenario, started time.Time) {
		for _, k := range s.Kills {
			await(started, k.At.After)
			o.worker.kill()
			await(started, k.At.After+k.For)
			o.back()
		}
	})
}

// compare plays a scenario twice, simulated and real. meanwhile is what happens around the real run.
func (s *rehearsalStage) compare(t *testing.T, name string, meanwhile func(*simulate.Scenario, time.Time)) {
	t.Helper()
	file := "testdata/simulate/tests/" + name + ".yaml"
	scenario, problems := simulate.Parse(file, []byte(read(t, file)), s.env)
	require.NoError(t, problems.Err())
	simulated, err := simulate.Run(t.Context(), simulate.Options{Sources: s.sources}, scenario)
	require.NoError(t, err)
	require.Empty(t, scenario.Check(simulated), "the scenario is right")

	rec := s.play(t, scenario, simulated, meanwhile)
	want, got := simulatedPages(simulated), realPages(rec)
	require.Equal(t, texts(want), texts(got), "%s\n%s", name, timeline(rec))
	for i := range want {
		require.InDelta(t, want[i].after.Seconds(), got[i].after.Seconds(), nearly.Seconds(), "%s: %s\n%s", name, want[i].text, timeline(rec))
	}
	require.Equal(t, breaches(simulated.Record), breaches(rec), name)
	require.Equal(t, simulated.Record.State, rec.State, name)
	s.onTheWire(t, rec, simulated)
}

// play is the real run: everybody does what they do in the scenario, when they do it there.
func (s *rehearsalStage) play(t *testing.T, scenario *simulate.Scenario, simulated *simulate.Result, meanwhile func(*simulate.Scenario, time.Time)) *workflows.Record {
	t.Helper()
	var inputs []string
	for _, k := range slices.Sorted(maps.Keys(scenario.Inputs)) {
		inputs = append(inputs, fmt.Sprintf("%s=%v", k, scenario.Inputs[k]))
	}
	id := s.begin(scenario.Procedure, inputs...)
	started := s.watch(id, "it has begun", func(*workflows.Record) bool { return true }).Started
	meanwhile(scenario, started)
	for _, d := range scenario.People {
		await(started, d.When.After)
		payload := maps.Clone(d.Payload)
		payload["by"] = d.By
		s.update(t, id, d.Message, payload)
	}
	if !simulated.Horizon {
		return s.ended(id)
	}
	await(started, simulated.Ended.Sub(simulated.At))
	rec := s.record(s.c, id)
	require.NoError(t, s.c.TerminateWorkflow(context.Background(), id, "", "the scenario is over"))
	return rec
}

// update sends a message that has to be taken.
func (s *rehearsalStage) update(t *testing.T, id, name string, payload any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	handle, err := s.c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: []any{payload}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	var answer workflows.Answer
	require.NoError(t, handle.Get(ctx, &answer))
}

// sentPage is a page as both have it.
type sentPage struct {
	after time.Duration
	text  string
}

func texts(pages []sentPage) []string {
	out := make([]string, len(pages))
	for i, p := range pages {
		out[i] = p.text
	}
	return out
}

func pageText(ladder, policy string, tier, repeat int, person string, over []string) string {
	slices.Sort(over)
	return fmt.Sprintf("%s %s/%d again %d: %s over %s", ladder, policy, tier, repeat, person, strings.Join(over, ", "))
}

func simulatedPages(r *simulate.Result) []sentPage {
	var out []sentPage
	for _, p := range r.Pages {
		out = append(out, sentPage{p.At.Sub(r.At), pageText(p.Ladder, p.Policy, p.Tier, p.Repeat, p.Person, slices.Clone(p.Transports))})
	}
	return out
}

func realPages(rec *workflows.Record) []sentPage {
	var out []sentPage
	for _, p := range rec.Pages {
		for _, who := range p.People {
			var over []string
			for _, o := range who.Outcomes {
				if o.State != notify.Failed {
					over = append(over, o.Transport)
				}
			}
			out = append(out, sentPage{p.At.Sub(rec.Started), pageText(p.Ladder, p.Policy, p.Tier, p.Repeat, who.ID, over)})
		}
	}
	return out
}

// breaches are the promises that were not kept.
func breaches(rec *workflows.Record) []string {
	var ids []string
	for _, c := range rec.Clocks {
		if c.Breached != nil {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// onTheWire wants every simulated page to have really come out of Slack and the webhooks, once.
func (s *rehearsalStage) onTheWire(t *testing.T, rec *workflows.Record, simulated *simulate.Result) {
	t.Helper()
	want := map[string]int{}
	for _, p := range simulated.Pages {
		if slices.Contains(p.Transports, "webhook") {
			want[p.Person]++
		}
	}
	for person, n := range want {
		s.await(fmt.Sprintf("%d pages for %s", n, person), 30*time.Second, func() bool { return len(s.hooked(rec.WorkflowID, person)) >= n })
		require.Len(t, s.hooked(rec.WorkflowID, person), n, person)
	}
}
