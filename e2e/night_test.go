package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
	"github.com/orderly-ops/orderly/workflows"
)

// callerSOP is a procedure that calls for help and goes on.
const callerSOP = `
sop: caller
title: Caller
phases: [{id: only, steps: [{id: help, start: outage, with: {service: cellar, level: eve, reason: the cellar is wet}}]}]
`

// TestTheNight is the whole story: the API goes down, nobody answers, then Ann does, and in the morning the
// record tells what happened.
func TestTheNight(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", outageSOP, callerSOP)
	n := night{office: o, id: "outage/api"}
	n.begins(t)
	n.nobodyAnswers(t)
	n.annDoes(t)
	n.peopleWork(t)
	n.isOver(t)
}

type night struct {
	*office
	id string
}

// begins starts incidents in three ways; for each the first tier is told over everything at once.
func (n night) begins(t *testing.T) {
	started := n.start("outage")
	require.Equal(t, n.id, started.WorkflowID)
	ctx := t.Context()
	_, err := n.c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "outage/attic", TaskQueue: workflows.DefaultTaskQueue}, "Outage",
		json.RawMessage(`{"service": "attic", "level": "dora", "reason": "the attic burns"}`))
	require.NoError(t, err)
	n.start("caller")
	for id, called := range map[string]who{
		n.id:            {"ann", "U01", "ann@example.org"},
		"outage/attic":  {"dora", "U04", "dora@example.org"},
		"outage/cellar": {"eve", "U05", "eve@example.org"},
	} {
		rec := n.paged(id, 1)
		soon, cancel := context.WithTimeout(ctx, 30*time.Second)
		_, err := n.slack.Await(soon, func(m slackapi.Message) bool {
			return m.User == called.member && strings.Contains(m.Shows(), rec.Incident.Summary)
		})
		cancel()
		require.NoError(t, err)
		n.await("the mail to "+called.person, time.Minute, func() bool { return len(n.mails(called.address)) > 0 })
		n.await("the webhook of "+called.person, time.Minute, func() bool { return len(n.hooked(id, called.person)) == 1 })
		for _, call := range n.hooks.Calls() {
			if m := call.Event.Payload.CustomDetails; m.Run == id && m.Kind == notify.KindPage && call.Path == "/"+called.person {
				require.Less(t, call.At.Sub(rec.Started), lateness, "at once")
				require.Equal(t, "trigger", call.Event.EventAction)
				require.Contains(t, m.Commands, "orderly ack "+id)
			}
		}
		require.Equal(t, []string{"slack", "email", "webhook"}, ways(rec.Pages[0].People[0]))
	}
}

func ways(p workflows.PagedPerson) (names []string) {
	for _, o := range p.Outcomes {
		names = append(names, o.Transport)
	}
	return names
}

// nobodyAnswers sees the ladder climb, to the second, from tier to tier and from level to level.
func (n night) nobodyAnswers(t *testing.T) {
	rec := n.paged(n.id, 3)
	requireLadder(t, rec,
		rung{0, []string{"ann"}}, rung{5 * time.Second, []string{"bob"}}, rung{10 * time.Second, []string{"bob", "cleo"}})
	require.Equal(t, "level-2", rec.Incident.Level)
	require.Contains(t, timeline(rec), "going on from")
	for _, call := range n.hooks.Calls() {
		if m := call.Event.Payload.CustomDetails; m.Run == n.id && m.Kind == notify.KindPage && call.Path == "/cleo" {
			require.WithinDuration(t, rec.Started.Add(10*time.Second), call.At, lateness, "as it arrives, too")
			return
		}
	}
	n.await("cleo's webhook", 10*time.Second, func() bool { return len(n.hooked(n.id, "cleo")) > 0 })
}

// annDoes stops the paging and gives Ann the incident.
func (n night) annDoes(t *testing.T) {
	for _, paged := range []string{"ann", "cleo"} {
		require.Contains(t, n.says("", "inbox", "--by", paged), "orderly ack "+n.id, "it waits for everybody who was paged")
	}
	n.refuses("nobody called \"zoe\"", "ack", n.id, "--by", "zoe")
	n.refuses("Dora is not entitled", "ack", n.id, "--by", "dora")
	n.says("acknowledged by Ann", "ack", n.id, "on my way", "--by", "ann")
	pages := len(n.record(n.c, n.id).Pages)
	n.says("already acknowledged by Ann", "ack", n.id, "--by", "bob")
	rec := n.watch(n.id, "twice the time of a tier", func(r *workflows.Record) bool {
		return stepOf(t, r, "quiet").State == workflows.Succeeded
	})
	require.Len(t, rec.Pages, pages, "nobody is paged after the acknowledgement\n%s", timeline(rec))
	require.Equal(t, "ann", rec.Incident.Owner.ID)
	require.Equal(t, workflows.IncidentAcknowledged, rec.Incident.State)
	require.Contains(t, timeline(rec), "acknowledged by Ann: on my way")
	require.WithinDuration(t, time.Now(), rec.Incident.Acknowledged.At, time.Minute)
	shown := n.says("Ann", "show", n.id)
	require.Contains(t, shown, "acknowledged")
	require.Contains(t, n.says("", "timeline", n.id), "acknowledged by Ann")
}

// peopleWork says everything that can be said, and answers what is asked.
func (n night) peopleWork(t *testing.T) {
	n.says("noted", "note", n.id, "the pool is exhausted", "--by", "ann")
	n.says("the stakeholders are being told", "update", n.id, "We are on it.", "--by", "ann")
	n.await("the mail to the stakeholders", time.Minute, func() bool { return len(n.mails("board@example.org")) > 0 })
	n.says("is due", "extend", n.id, "assess", "15m", "the dashboards are slow", "--by", "ann")
	n.says("the severity is P2", "severity", n.id, "P2", "some can work", "--by", "ann")
	n.says("Bob has it now", "handover", n.id, "bob", "--by", "ann")
	require.Contains(t, n.says("", "inbox", "--by", "bob"), "orderly done "+n.id+" assess")

	said := n.orderly("done", n.id, "assess", "--by", "bob", "-f", "impact=nobody can log in", "-f", "kind=grey")
	require.Equal(t, 2, said.exit, "what is no option is not sent: %s", said.stderr)
	n.says("done by Bob", "done", n.id, "assess", "--by", "bob", "-f", "impact=nobody can log in", "-f", "kind=gone", "-f", "users=12")
	n.watch(n.id, "the approval", func(r *workflows.Record) bool { return stepOf(t, r, "failover").Ask != nil })
	n.refuses("not entitled", "approve", n.id, "failover", "--by", "ann")
	require.Contains(t, n.says("", "inbox", "--by", "cleo"), "orderly approve "+n.id+" failover")
	n.says("Bob", "approve", n.id, "failover", "--by", "bob")
	require.Equal(t, workflows.Running, stepOf(t, n.record(n.c, n.id), "failover").State, "one is not enough")
	n.says("approved", "approve", n.id, "failover", "go ahead", "--by", "cleo")
	n.watch(n.id, "the next ask", func(r *workflows.Record) bool { return stepOf(t, r, "support").Ask != nil })
	n.says("done by Cleo", "done", n.id, "support", "--by", "cleo")
	rec := n.watch(n.id, "the last step", func(r *workflows.Record) bool { return stepOf(t, r, "resolved").State == workflows.Running })
	require.JSONEq(t, `"gone"`, field(t, stepOf(t, rec, "assess").Outputs, "kind"))
	require.JSONEq(t, `12`, field(t, stepOf(t, rec, "assess").Outputs, "users"))
	require.Equal(t, "bob", rec.Incident.Owner.ID)
	require.Equal(t, "P2", rec.Incident.Severity)
	require.NotNil(t, rec.Incident.Mitigated)
}

// field is one field of an object, as JSON.
func field(t *testing.T, object json.RawMessage, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(object, &fields), string(object))
	return string(fields[name])
}

// isOver resolves the incident and looks at what is left of it.
func (n night) isOver(t *testing.T) {
	room := n.record(n.c, n.id).Incident.Room
	require.NotNil(t, room)
	n.says("resolved by Bob", "resolve", n.id, "raised the pool", "--by", "bob")
	rec := n.ended(n.id)
	require.Equal(t, workflows.Succeeded, rec.State)
	require.Equal(t, "raised the pool", rec.Incident.Resolved.Text)
	n.refuses("is over since", "note", n.id, "too late", "--by", "bob")

	var board slackapi.Message
	for _, m := range n.slack.Messages("#health") {
		if m.ID() == rec.RunID+":board@health" {
			board = m
		}
	}
	require.Contains(t, board.Shows(), "Resolved", "the board says so")
	require.Contains(t, board.Shows(), "raised the pool")
	require.Positive(t, board.Edits, "it is one message, edited")
	var thread strings.Builder
	for _, m := range n.slack.Thread(board.Channel, board.TS) {
		thread.WriteString(m.Shows() + "\n")
	}
	for _, event := range []string{"incident opened, P1", "paged tier 1", "acknowledged by Ann", "the pool is exhausted", "resolved by Bob: raised the pool"} {
		require.Contains(t, thread.String(), event)
	}
	there, ok := n.slack.Channel(room.Name)
	require.True(t, ok)
	require.True(t, there.Archived, "the room is archived")
	require.Subset(t, there.Members, []string{"U01", "U02", "U03"})
	n.isThreaded(t)
	for _, line := range []string{"incident opened, P1", "acknowledged by Ann", "handed over by Ann to Bob", "approved by", "resolved by Bob"} {
		require.Contains(t, n.says("", "timeline", n.id), line)
	}
}

// isThreaded wants all mails to a person about the incident to belong together.
func (n night) isThreaded(t *testing.T) {
	roots := map[string]bool{}
	mails := n.mails("bob@example.org")
	require.Greater(t, len(mails), 2)
	for _, head := range mails {
		if head.Get("References") == "" || strings.Contains(head.Get("Subject"), "matters") {
			continue // a digest stands for itself
		}
		roots[head.Get("References")] = true
		require.Equal(t, head.Get("References"), head.Get("In-Reply-To"))
	}
	require.Len(t, roots, 1, "one thread: %v", roots)
}
