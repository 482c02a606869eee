package simulate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// org has a ladder of two policies: the coordinator has 5 minutes, the lead 10, then all leads 5, for ever.
const org = `
people:
  ann: {name: Ann, slack: U01, email: ann@example.org}
  bob: {name: Bob, slack: U02, email: bob@example.org}
  carol: {name: Carol, email: carol@example.org}
  dora: {name: Dora, slack: U04, webhook: "https://pager.example.org/dora"}
  eve: {name: Eve, slack: U05}
rotations:
  first-line: {members: [ann, bob], every: 1w, hand_off: "Mon 09:00", from: 2026-11-02}
roles:
  coordinator: {rotation: first-line}
  lead: {primary: bob}
  boss: {primary: dora}
teams:
  leads: [lead, carol]
channels:
  alerts: {slack: "#alerts"}
  list: {email: list@example.org}
stakeholders:
  board: [list, eve]
services:
  api: {owner: lead, http: docs-api, containers: [web]}
severities:
  platform: [{id: P0, respond: 2m, policy: level-2}, {id: P1, respond: 15m, policy: level-1}, {id: P2, respond: 1h, policy: quiet}]
policies:
  level-1: {tiers: [{page: [coordinator], wait: 5m}, {page: [lead], via: [slack], wait: 10m}], lease: 30m, next: level-2, channels: [alerts]}
  level-2: {tiers: [{page: [leads], wait: 5m}, {page: [boss], wait: 5m}], updates: 30m, stakeholders: [board]}
  quiet: {tiers: [{page: [coordinator], wait: 5m}]}
  five: {tiers: [{page: [ann], wait: 5m}, {page: [bob], wait: 5m}, {page: [carol], wait: 5m}, {page: [dora], wait: 5m}, {page: [eve], wait: 5m}], updates: 30m, lease: 1h}
defaults: {policy: level-1, scale: platform}
`

// outage is an incident that lasts until somebody resolves it.
const outage = `
sop: outage
title: Outage
owners: [lead]
inputs: {level: {type: string, default: level-1}}
incident: {severity: P1, level: "${{ inputs.level }}", services: [api], summary: The API is down, updates: 30m}
phases:
  - id: a
    steps:
      - {id: over, wait: {for: resolved}}
`

// release has a bit of everything that does not page.
const release = `
sop: release
title: Release
owners: [lead]
within: 2h
on_failure: rollback
inputs: {database: {type: string, default: docs-db}}
key: ${{ inputs.database }}
phases:
  - id: save
    steps:
      - id: dump
        uses: postgres.backup
        with: {database: "${{ inputs.database }}"}
        timeout: 10m
        retry: {attempts: 3, initial: 5s}
        undo: {uses: postgres.restore, with: {database: "${{ inputs.database }}", backup: "${{ steps.dump.outputs.key }}"}}
      - id: restart
        uses: docker.restart
        with: {host: local, container: web}
        retry: {attempts: 2, initial: 5s}
        expect: outputs.health == "healthy"
  - id: people
    steps:
      - {id: ready, ask: Say that it is ready, of: lead, within: 15m, on_expire: fail, form: {plan: {type: string, required: true}}}
      - {id: go, approve: Let it go, by: [boss], within: 10m, on_expire: fail}
finally:
  - {id: tell, uses: notify.send, with: {to: [alerts], subject: "The release is over"}}
`

// sources is a folder with an org and some procedures.
func sources(procedures ...string) []sops.Source {
	fs := fstest.MapFS{"org.yaml": {Data: []byte(org)}}
	for _, src := range procedures {
		id, _, _ := strings.Cut(strings.SplitN(src, "sop: ", 2)[1], "\n")
		fs[id+".yaml"] = &fstest.MapFile{Data: []byte(src)}
	}
	return []sops.Source{{Name: "folder", FS: fs}}
}

func envOf(t testing.TB, from []sops.Source) simulate.Env {
	t.Helper()
	o, err := sops.FindOrg(from)
	require.NoError(t, err)
	lib, problems := sops.LoadLibrary(from, sops.Env{Catalogue: activities.Catalogue(), Org: o})
	require.NoError(t, problems.Err())
	return simulate.Env{Catalogue: activities.Catalogue(), Procedures: lib.Get, IDs: lib.IDs(), Org: o}
}

// parse reads a scenario as that of a procedure.
func parse(t *testing.T, from []sops.Source, procedure, text string) *simulate.Scenario {
	t.Helper()
	s, problems := simulate.Parse("tests/"+procedure+"/scenario.yaml", []byte(text), envOf(t, from))
	require.NoError(t, problems.Err())
	return s
}

// play simulates a scenario of the first of some procedures. Whatever it is, the turns that its coroutines take are
// those that they take in a worker, where the SDK hands them out.
func play(t *testing.T, scenario string, procedures ...string) *simulate.Result {
	t.Helper()
	from := sources(procedures...)
	id, _, _ := strings.Cut(strings.SplitN(procedures[0], "sop: ", 2)[1], "\n")
	s := parse(t, from, id, scenario)
	r, err := simulate.Run(t.Context(), simulate.Options{Sources: from}, s)
	require.NoError(t, err)
	for _, m := range s.Check(r) {
		t.Errorf("%s: %s: expected %s, actual %s\n%v\n%v", m.Pos, m.What, m.Expected, m.Actual, m.Want, m.Got)
	}
	if t.Failed() {
		t.Log(account(r))
	}
	same, err := simulate.Run(t.Context(), simulate.Options{Sources: from}.OnSDK(), s)
	require.NoError(t, err)
	requireSame(t, text(t, same), text(t, r))
	return r
}

// account is what happened, for a failed test to show.
func account(r *simulate.Result) string {
	var out strings.Builder
	for _, e := range r.Record.Timeline {
		fmt.Fprintf(&out, "%s %s %s\n", e.At.Sub(r.At), e.Kind, e.Text)
	}
	for _, a := range r.Attempts {
		fmt.Fprintf(&out, "%s–%s %s %s %d %s\n", a.At.Sub(r.At), a.Ended.Sub(r.At), a.Step, a.Action, a.N, a.Error)
	}
	for _, d := range r.Deeds {
		fmt.Fprintf(&out, "%s %s %s: %s%s\n", d.At.Sub(r.At), d.By, d.Message, d.Answer, d.Refused)
	}
	return out.String()
}

func text(t *testing.T, r *simulate.Result) string {
	t.Helper()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	return string(data)
}

// sent are the pages, as "5m0s bob slack".
func sent(r *simulate.Result) []string {
	var out []string
	for _, p := range r.Pages {
		if p.Reached {
			out = append(out, fmt.Sprintf("%s %s %s", p.At.Sub(r.At), p.Person, strings.Join(p.Transports, "+")))
		}
	}
	return out
}

// tries are the attempts of a step, as "5s–6s error".
func tries(r *simulate.Result, step string) []string {
	var out []string
	for _, a := range r.Attempts {
		if a.Step == step {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s–%s %s", a.At.Sub(r.At), a.Ended.Sub(r.At), a.Error)))
		}
	}
	return out
}

func stepOf(t *testing.T, r *simulate.Result, path string) *workflows.Step {
	t.Helper()
	for _, p := range r.Record.Phases {
		for _, s := range p.Steps {
			if s.Path == path {
				return s
			}
		}
	}
	require.Failf(t, "no such step", "%s", path)
	return nil
}

const minute = time.Minute
