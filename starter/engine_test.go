package main

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/service"
	"github.com/orderly-ops/orderly/workflows"
)

// nightOrgYAML is a house with two roles and nobody to wake.
const nightOrgYAML = `people:
  ann:  {name: Ann, email: ann@example.org}
  bob:  {name: Bob, email: bob@example.org}
  cleo: {name: Cleo, email: cleo@example.org}
roles:
  on-call: {title: On call, primary: ann}
  lead:    {title: Lead, primary: bob}
services: {api: {title: API, owner: lead}}
severities:
  platform:
    - {id: P0, when: it is down, respond: 2m, policy: level-2}
    - {id: P1, when: it is ill, respond: 30m, resolve: 4h, policy: level-1}
policies:
  level-1:
    tiers: [{page: [on-call], wait: 5m}, {page: [service.owner], wait: 10m}]
    updates: 30m
    lease: 30m
    next: level-2
  level-2: {tiers: [{page: [lead], wait: 5m}]}
defaults: {scale: platform, policy: level-1}
`

// outageYAML is an incident that asks twice.
const outageYAML = `sop: outage
title: Outage
owners: [lead]
inputs:
  service: {type: string, default: api}
  summary: {type: string, default: The API is down}
key: ${{ inputs.service }}
incident:
  severity: P1
  services: [api]
  summary: ${{ inputs.summary }}
phases:
  - id: triage
    title: Find out
    steps:
      - id: assess
        title: How bad is it?
        ask: Look at the dashboards and say how bad it is.
        of: on-call
        within: 10m
        form:
          impact: {type: text, title: Who notices, required: true, sets: user_impact}
          kind:   {type: choice, options: [slow, gone], required: true}
          users:  {type: int, default: 0}
      - {id: restart, title: Restart the API, approve: 'May the API be restarted?', by: [lead]}
      - {id: told, title: Tell support, ask: Tell support., of: lead}
`

// withHouse gives the world an org.yaml and an incident procedure, and withEngine a real worker besides.
func (b *bench) withHouse() *bench {
	b.withServer()
	b.write("sops/org.yaml", nightOrgYAML)
	return b.procedure(outageYAML)
}

func (b *bench) withEngine() *bench {
	b.withHouse().work()
	return b
}

// work starts a worker as in production.
func (b *bench) work() worker.Worker {
	b.t.Helper()
	cfg, err := config.Load(filepath.Join(b.dir, "orderly.yaml"))
	require.NoError(b.t, err)
	program, err := service.Orderly(b.ctx(), service.Parts{
		Config: cfg, Client: b.client(), Logger: slog.New(slog.DiscardHandler), Metrics: client.MetricsNopHandler,
	})
	require.NoError(b.t, err)
	w := b.server.NewWorker(workflows.DefaultTaskQueue, program.Register)
	b.t.Cleanup(func() {
		w.Stop()
		require.NoError(b.t, program.Close())
	})
	return w
}

// says calls the program and wants it to succeed with this on stdout.
func (b *bench) says(want string, args ...string) {
	b.t.Helper()
	got := b.orderly(args...)
	require.Equal(b.t, exitOK, got.code, "%v: %s", args, got.notice)
	require.Contains(b.t, got.out, want, args)
}

// refuses calls the program and wants that exit code with this on stderr.
func (b *bench) refuses(code int, want string, args ...string) {
	b.t.Helper()
	got := b.orderly(args...)
	require.Equal(b.t, code, got.code, "%v: %s%s", args, got.out, got.notice)
	require.Contains(b.t, got.notice, want, args)
	require.Empty(b.t, got.out, args)
}

// waitsFor waits until a step of the run waits for people.
func (b *bench) waitsFor(run, step string) {
	b.t.Helper()
	b.eventually(func() bool {
		got := b.orderly("show", run, "--json")
		var r workflows.Record
		return got.code == exitOK && json.Unmarshal([]byte(got.out), &r) == nil &&
			slices.ContainsFunc(r.Waiting(), func(s *workflows.Step) bool { return s.Path == step })
	})
}
