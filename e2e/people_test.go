package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
	"github.com/orderly-ops/orderly/internal/testenv/smtpserver"
	"github.com/orderly-ops/orderly/internal/testenv/webhooks"
	"github.com/orderly-ops/orderly/workflows"
)

// hookSecret signs the webhooks of these tests.
const hookSecret = "e2e-webhook-secret"

// staff is an org.yaml for nights that last seconds. %[1]s is where webhooks go. Everybody can be reached
// over everything, but for Hal, who has only Slack, and Ida, whom Slack does not know.
const staff = `
people:
  ann:  {name: Ann,  slack: U01, email: ann@example.org,  webhook: "%[1]s/ann"}
  bob:  {name: Bob,  slack: U02, email: bob@example.org,  webhook: "%[1]s/bob"}
  cleo: {name: Cleo, slack: U03, email: cleo@example.org, webhook: "%[1]s/cleo"}
  dora: {name: Dora, slack: U04, email: dora@example.org, webhook: "%[1]s/dora"}
  eve:  {name: Eve,  slack: U05, email: eve@example.org,  webhook: "%[1]s/eve"}
  fay:  {name: Fay,  slack: U06, email: fay@example.org,  webhook: "%[1]s/fay"}
  hal:  {name: Hal,  slack: U08}
  ida:  {name: Ida,  slack: U0NOBODY}
roles:
  coordinator: {primary: ann}
  lead:        {primary: bob}
  boss:        {primary: cleo}
teams: {leads: [lead, boss]}
channels:
  health: {slack: "#health"}
  board:  {email: board@example.org}
stakeholders: {customers: [board]}
services: {api: {owner: lead}}
severities:
  platform: [{id: P0, respond: 1m, policy: level-2}, {id: P1, respond: 10m, resolve: 1h, policy: level-1}, {id: P2, respond: 2h, policy: level-1}]
policies:
  level-1:
    tiers: [{page: [coordinator], wait: 5s}, {page: [service.owner], wait: 5s}]
    channels: [health]
    stakeholders: [customers]
    updates: 30m
    lease: 30m
    next: level-2
  level-2: {tiers: [{page: [leads], wait: 5s}], channels: [health]}
  # One tier a person, and nobody stands in two of them.
  one-by-one: {tiers: [{page: [ann], wait: 4s}, {page: [bob], wait: 4s}, {page: [cleo], wait: 4s}, {page: [dora], wait: 4s}, {page: [eve], wait: 4s}, {page: [fay], wait: 1h}]}
  ann:  {tiers: [{page: [ann], wait: 1h}]}
  bob:  {tiers: [{page: [bob], wait: 1h}]}
  cleo: {tiers: [{page: [cleo], wait: 1h}]}
  dora: {tiers: [{page: [dora], wait: 1h}]}
  eve:  {tiers: [{page: [eve], wait: 1h}]}
  fay:  {tiers: [{page: [fay], wait: 1h}]}
  brief: {tiers: [{page: [fay], wait: 4s}], lease: 6s}
  hal:  {tiers: [{page: [hal], wait: 1h}, {page: [eve], wait: 1h}]}
  ida:  {tiers: [{page: [ida], wait: 1h}, {page: [eve], wait: 1h}]}
defaults: {policy: level-1, scale: platform}
`

// outageSOP is an incident from the first page to its end: people assess, agree on what to do, and do it.
const outageSOP = `
sop: outage
title: Outage
inputs:
  service: {type: string, default: api}
  level:   {type: string}
  reason:  {type: string, default: the API is down}
key: ${{ inputs.service }}
incident:
  severity: P1
  level: ${{ inputs.level }}
  services: [api]
  summary: ${{ inputs.reason }}
  channel: incident
phases:
  - id: assess
    title: How bad is it
    steps:
      - {id: acknowledged, title: Somebody has it, wait: {for: acknowledged}}
      - {id: quiet, title: Twice as long as a tier has, wait: 10s}
      - id: assess
        title: Assess
        ask: How bad is it?
        of: incident.owner
        within: 10m
        form:
          impact: {type: text, required: true}
          kind:   {type: choice, options: [slow, gone], required: true}
          users:  {type: int}
  - id: act
    title: Mend it
    steps:
      - {id: failover, title: Fail over, approve: Shall the other site take over, by: [leads], quorum: 2, within: 10m}
      - {id: support, title: Tell support, ask: Tell the support desk., of: boss, within: 10m, mitigates: true}
      - {id: resolved, title: It is over, wait: {for: resolved}}
`

// fireSOP is an incident that does nothing but page until it is resolved.
const fireSOP = `
sop: fire
title: Fire
inputs:
  place:  {type: string, default: hall}
  level:  {type: string, default: one-by-one}
key: ${{ inputs.place }}
incident: {severity: P1, level: "${{ inputs.level }}", services: [api], summary: "fire in ${{ inputs.place }}"}
phases: [{id: fight, steps: [{id: resolved, title: It is out, wait: {for: resolved}}]}]
`

// office is a house with people in it, and with everything that reaches them.
type office struct {
	*house
	c     client.Client
	slack *slackapi.Server
	mail  *smtpserver.Server
	hooks *webhooks.Receiver
}

// people opens a house with the staff above. Procedures are added to the org; more goes into orderly.yaml.
func people(t testing.TB, more string, procedures ...string) *office {
	t.Helper()
	return peopleIn(t, setting{config: more}, procedures...)
}

// peopleIn takes procedures and an org.yaml of the test's own, if there are any.
func peopleIn(t testing.TB, s setting, procedures ...string) *office {
	t.Helper()
	o := &office{slack: slackapi.New(t), mail: smtpserver.Start(t, smtpserver.Options{}), hooks: webhooks.Start(t, hookSecret)}
	for i, name := range []string{"ann", "bob", "cleo", "dora", "eve", "fay", "gus", "hal"} {
		o.slack.AddUser(fmt.Sprintf("U%02d", i+1), name)
	}
	o.slack.AddChannel("health")
	if s.procedures == nil {
		s.procedures = map[string]string{"org.yaml": fmt.Sprintf(staff, o.hooks.URL())}
	}
	for _, src := range procedures {
		s.procedures[idOf(src)+".yaml"] = src
	}
	s.config += o.notify()
	s.env = append(s.env, "SLACK_TOKEN="+slackapi.Token, "HOOK_SECRET="+hookSecret)
	o.house = open(t, s)
	o.c = o.temporal()
	return o
}

// notify is the part of orderly.yaml that reaches people.
func (o *office) notify() string {
	m := o.mail.Config()
	return fmt.Sprintf(`
notify:
  slack:   {token: "${SLACK_TOKEN}", api_url: %q}
  email:   {host: %q, port: %d, from: %q, tls: %s}
  webhook: {secret: "${HOOK_SECRET}"}
`, o.slack.URL(), m.Host, m.Port, m.From, m.TLS)
}

// readyAt waits until the worker that listens there serves.
func (o *office) readyAt(port int) {
	o.t.Helper()
	o.await("the worker to be ready", 90*time.Second, func() bool {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// idOf is the id of a procedure's text.
func idOf(src string) string {
	_, rest, _ := strings.Cut(src, "sop: ")
	id, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(id)
}

// says runs the CLI, wants it to succeed, and gives what it said.
func (o *office) says(want string, args ...string) string {
	o.t.Helper()
	said := o.orderly(args...)
	require.Zero(o.t, said.exit, "%v\n%s%s", args, said.stdout, said.stderr)
	require.Contains(o.t, said.stdout, want, "%v", args)
	return said.stdout
}

// refuses runs the CLI and wants it to end with exit code 7 and this reason.
func (o *office) refuses(want string, args ...string) {
	o.t.Helper()
	said := o.orderly(args...)
	require.Equal(o.t, 7, said.exit, "%v\n%s%s", args, said.stdout, said.stderr)
	require.Contains(o.t, said.stderr, want, "%v", args)
}

// begin starts a run with inputs and gives its workflow id.
func (o *office) begin(procedure string, inputs ...string) string {
	o.t.Helper()
	args := []string{"start", procedure, "--json"}
	for _, in := range inputs {
		args = append(args, "-i", in)
	}
	var run started
	require.NoError(o.t, json.Unmarshal([]byte(o.says("", args...)), &run))
	return run.WorkflowID
}

// watch looks at a run's record until something holds, and gives the record.
func (o *office) watch(id, what string, holds func(*workflows.Record) bool) *workflows.Record {
	o.t.Helper()
	var rec *workflows.Record
	o.await(what, 90*time.Second, func() bool {
		rec = o.look(id)
		return rec != nil && holds(rec)
	})
	return rec
}

// look is a run's record, nil while nobody answers for it.
func (o *office) look(id string) *workflows.Record {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	value, err := o.c.QueryWorkflow(ctx, id, "", workflows.QueryStatus)
	if err != nil {
		return nil
	}
	var rec workflows.Record
	require.NoError(o.t, value.Get(&rec))
	return &rec
}

// signal sends what `temporal workflow signal --name … --input …` sends: JSON of unknown origin.
func (o *office) signal(id, name string, payload any) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(o.t, o.c.SignalWorkflow(ctx, id, "", name, payload))
}

// ended waits for the end of a run.
func (o *office) ended(id string) *workflows.Record {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(o.t, o.c.GetWorkflow(ctx, id, "").Get(ctx, nil))
	return o.record(o.c, id)
}

// paged waits until so many pages have been handed out.
func (o *office) paged(id string, n int) *workflows.Record {
	o.t.Helper()
	return o.watch(id, fmt.Sprintf("page %d of %s", n, id), func(r *workflows.Record) bool { return len(r.Pages) >= n })
}

// timeline is what happened, one line each.
func timeline(rec *workflows.Record) string {
	var b strings.Builder
	for _, e := range rec.Timeline {
		fmt.Fprintf(&b, "%s %s [%s] %s\n", e.At.Format("15:04:05.000"), e.Kind, e.By, e.Text)
	}
	return b.String()
}

// lateness bounds how late a page may be on a busy machine.
const lateness = 2 * time.Second

// requireLadder wants pages at exactly these times after the start, each with these people.
func requireLadder(t *testing.T, rec *workflows.Record, tiers ...rung) {
	t.Helper()
	require.GreaterOrEqual(t, len(rec.Pages), len(tiers), timeline(rec))
	for i, tier := range tiers {
		page := rec.Pages[i]
		var who []string
		for _, p := range page.People {
			who = append(who, p.ID)
		}
		require.Equal(t, tier.people, who, "page %d\n%s", i+1, timeline(rec))
		require.Equal(t, tier.after, page.Due.Sub(rec.Started), "page %d is due\n%s", i+1, timeline(rec))
		late, err := time.ParseDuration(page.Lateness)
		require.NoError(t, err)
		require.Less(t, late, lateness, "page %d", i+1)
	}
}

// rung is a tier as it should have been paged.
type rung struct {
	after  time.Duration
	people []string
}

// hooked are the pages that a person's webhook got of a run: message id → how often it was taken.
func (o *office) hooked(run, person string) map[string]int {
	got := map[string]int{}
	for _, call := range o.hooks.Calls() {
		m := call.Event.Payload.CustomDetails
		if m.Kind == notify.KindPage && m.Run == run && call.Path == "/"+person && call.Status == 200 {
			got[m.ID]++
		}
	}
	return got
}

// slacked are the direct messages to a member: delivery id → how often it is there.
func (o *office) slacked(member string) map[string]int {
	got := map[string]int{}
	for _, m := range o.slack.Messages(member) {
		got[m.ID()]++
	}
	return got
}

// mails are the heads of the mails to an address.
func (o *office) mails(address string) []mail.Header {
	o.t.Helper()
	var heads []mail.Header
	for _, m := range o.mail.Messages() {
		if strings.Join(m.To, ",") != address {
			continue
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
		require.NoError(o.t, err)
		heads = append(heads, parsed.Header)
	}
	return heads
}
