package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
	"github.com/orderly-ops/orderly/internal/testenv/smtpserver"
	"github.com/orderly-ops/orderly/internal/testenv/webhooks"
	"github.com/orderly-ops/orderly/workflows"
)

// TestWhoeverAcknowledgesAndFallsAsleepIsAskedAndPagedAgain lets Fay acknowledge a drill and say no more.
// The worker dies while her lease runs.
func TestWhoeverAcknowledgesAndFallsAsleepIsAskedAndPagedAgain(t *testing.T) {
	t.Parallel()
	o := apart(t, fireSOP)
	said := o.says("fire/drill-hall", "start", "fire", "--drill", "-i", "level=brief")
	require.Contains(t, said, "drill")
	const id = "fire/drill-hall"
	o.paged(id, 1)
	o.says("acknowledged by Fay", "ack", id, "--by", "fay")
	acknowledged := o.record(o.c, id).Incident.Acknowledged.At
	o.again()

	check := o.told(id, "fay", notify.KindCheck)
	require.Contains(t, check.Headline, "Still on it?")
	require.True(t, check.Drill)
	rec := o.paged(id, 2)
	silent := rec.Pages[1].Due.Sub(acknowledged)
	require.GreaterOrEqual(t, silent, 10*time.Second, "her lease, then the time of a tier")
	require.Less(t, silent, 10*time.Second+overdue)
	require.Less(t, lateOf(t, rec.Pages[1]), lateness)
	requireLines(t, rec, "acknowledged by Fay", "asked whether they are still on it", "paging begins again", "paged tier 1")
	require.Equal(t, workflows.IncidentOpen, rec.Incident.State)
	for _, m := range o.slack.Messages("U06") {
		require.Contains(t, m.Shows(), "DRILL")
	}
	o.says("acknowledged by Fay", "ack", id, "I am awake", "--by", "fay")
	o.says("resolved by Fay", "resolve", id, "only a drill", "--by", "fay")
	require.Len(t, o.ended(id).Pages, 2)
}

// overdue bounds how late something is that fell due while a worker or Temporal was away, from when they are
// back.
const overdue = 4 * time.Second

// told waits for a message of a kind at somebody's webhook.
func (o *office) told(run, person string, kind notify.Kind) notify.Message {
	o.t.Helper()
	var found notify.Message
	o.await(string(kind)+" for "+person, time.Minute, func() bool {
		for _, call := range o.hooks.Calls() {
			if m := call.Event.Payload.CustomDetails; m.Run == run && m.Kind == kind && call.Path == "/"+person {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// TestAPageInTheAirWhenTheWorkerDiesIsOnePage kills the worker while every transport has taken the page but
// has not said so. Slack is looked into before it is sent again; mail and webhook are sent again under the
// same id, by which their receivers know it.
func TestAPageInTheAirWhenTheWorkerDiesIsOnePage(t *testing.T) {
	t.Parallel()
	o := apart(t, fireSOP)
	held := make(chan struct{}, 1)
	o.slack.Fail("chat.postMessage", 1, slackapi.Fault{Hang: true, Stored: true})
	o.mail.Script(smtpserver.Data, 1, smtpserver.Answer{Hold: make(chan struct{}), Held: func() { held <- struct{}{} }, Keep: true})
	o.hooks.Script(webhooks.Answer{Hang: true})
	id := o.begin("fire", "level=ann")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := o.slack.Await(ctx, func(m slackapi.Message) bool { return strings.Contains(m.ID(), ":incident:") })
	require.NoError(t, err)
	<-held
	o.hooks.Await(ctx, 1)
	o.again()

	rec := o.watch(id, "the page over everything", func(r *workflows.Record) bool {
		return len(r.Pages) == 1 && !slices.ContainsFunc(r.Pages[0].People[0].Outcomes, func(out notify.Outcome) bool { return out.State != notify.Sent })
	})
	require.Equal(t, []int{1}, slices.Collect(maps.Values(o.slackPages("U01"))), "once in Slack")
	require.Len(t, o.mailPages("ann@example.org"), 1, "one Message-ID")
	require.Len(t, o.hooked(id, "ann"), 1)
	ids := map[string]bool{}
	for _, call := range o.hooks.Calls() {
		ids[call.Header.Get("Idempotency-Key")] = true
	}
	require.Len(t, ids, 1, "one Idempotency-Key")
	require.Equal(t, workflows.IncidentOpen, rec.Incident.State)
}
