package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// kindsOf waits until visibility knows what waits, and names it.
func (b *bench) inboxOf(want []string, args ...string) []inboxItem {
	b.t.Helper()
	var items []inboxItem
	b.eventually(func() bool {
		b.orderly(append([]string{"inbox", "--json"}, args...)...).json(b.t, &items)
		var got []string
		for _, i := range items {
			got = append(got, i.Kind)
		}
		return strings.Join(got, " ") == strings.Join(want, " ")
	})
	return items
}

func TestTheInboxShowsWhatWaitsForMeTheSoonestFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t).withEngine()
	b.says("nothing waits for Ann\n", "inbox")
	b.refuses(exitUsage, "nobody called", "inbox", "--by", "zoe")
	b.says("outage/api@", "start", "outage")
	b.waitsFor("outage/api", "assess")
	items := b.inboxOf([]string{"acknowledge", "ask"})
	require.Equal(t, "orderly ack outage/api", items[0].Command)
	require.Equal(t, "orderly done outage/api assess", items[1].Command)
	require.Equal(t, []string{"on-call"}, items[1].For)
	require.Equal(t, "P1", items[1].Severity)
	require.Equal(t, "The API is down", items[1].About)
	b.inboxOf(nil, "--by", "cleo")
	next := b.inboxOf([]string{"next"}, "--by", "bob")
	require.Equal(t, []string{"service.owner"}, next[0].For)

	b.says("acknowledged by Ann", "ack", "outage/api")
	items = b.inboxOf([]string{"ask", "respond", "update", "resolve"})
	require.Equal(t, "orderly done outage/api respond", items[1].Command)
	b.says("done by Ann", "done", "outage/api", "-f", "impact=all", "-f", "kind=gone")
	b.inboxOf([]string{"approve"}, "--by", "bob")
	b.inboxOf([]string{"respond", "update", "resolve", "approve"}, "--all")
	got := b.orderly("inbox", "--by", "bob")
	require.Equal(t, "approve  no time is set\n  Restart the API · P1 The API is down (for lead)\n  orderly approve outage/api restart\n", got.out)
	requireWidth(t, b.orderly("inbox", "--all").out, defaultWidth)
}

func TestAnInboxWithoutAWorkerSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t).withHouse()
	w := b.work()
	b.says("outage/api@", "start", "outage")
	b.inboxOf([]string{"acknowledge", "ask"})
	w.Stop()
	b.refuses(exitUnreachable, "1 run may wait for you: no worker is answering", "inbox")
}

func TestAnInboxOnEightyColumns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	soon, tomorrow, gone := now.Add(4*time.Minute), now.Add(24*time.Hour), now.Add(-30*time.Second)
	var lines []string
	for _, item := range []inboxItem{
		{Kind: "acknowledge", Due: &gone, Title: "The API is down", About: "The API is down", Severity: "P1", Command: "orderly ack outage/api"},
		{Kind: "ask", Due: &soon, Title: "Assess", For: []string{"on-call"}, Severity: "P1", About: "The API answers 503 to everybody who is not logged in", Command: "orderly done outage/api assess"},
		{Kind: "approve", Due: &tomorrow, Title: "Restore", For: []string{"devops-lead", "backend-lead"}, About: "Weekly maintenance", Command: "orderly approve weekly/docs restore"},
	} {
		lines = append(lines, item.lines(screen.Painter{}, defaultWidth, now)...)
	}
	require.Equal(t, `acknowledge  overdue by 30s, due 02:13:30Z
  P1 The API is down
  orderly ack outage/api
ask  4:00 left, due 02:18:00Z
  Assess · P1 The API answers 503 to everybody who is not logged in (for
  on-call)
  orderly done outage/api assess
approve  1d 00:00 left, due 11-22 02:14:00Z
  Restore · Weekly maintenance (for devops-lead, backend-lead)
  orderly approve weekly/docs restore`, strings.Join(lines, "\n"))
}

func TestItemsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	soon, later := time.Unix(1, 0), time.Unix(2, 0)
	first := inboxItem{Kind: "ask", Due: &soon}
	for _, other := range []inboxItem{
		{Kind: "acknowledge", Due: &later}, {Kind: "acknowledge"}, {Kind: "approve", Due: &soon}, {Kind: "ask", Due: &soon, WorkflowID: "b"},
	} {
		require.Negative(t, first.compare(other))
		require.Positive(t, other.compare(first))
	}
}

func TestAnApprovalIsNotMineOnceIHaveDecided(t *testing.T) {
	t.Parallel()
	step := &workflows.Step{
		ID: "go", Path: "go", Title: "Go?", Kind: string(sops.KindApprove), State: workflows.Running,
		Ask: &workflows.Ask{Of: []string{"ann", "bob"}, Quorum: 2, Decisions: []workflows.Decision{{By: workflows.Party{ID: "ann"}, Approve: true}}},
	}
	r := &workflows.Record{State: workflows.Running, WorkflowID: "a/b", Phases: []*workflows.Phase{{Steps: []*workflows.Step{step}}}}
	require.Empty(t, reader{id: "ann"}.items(r))
	require.Len(t, reader{id: "bob"}.items(r), 1)
	require.Len(t, reader{}.items(r), 1)
	require.Equal(t, "orderly approve a/b go", r.AnswerCommand(step))
}
