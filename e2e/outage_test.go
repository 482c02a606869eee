package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// apart opens an office whose worker is a process of its own, so that it can die alone.
func apart(t *testing.T, procedures ...string) *lonely {
	t.Helper()
	o := &lonely{office: people(t, "targets: {}\n", procedures...)}
	o.port = freePort(t)
	// What the CLI reads is the worker's; the server keeps its own.
	o.write("server.yaml", read(t, filepath.Join(o.dir, "orderly.yaml")))
	o.server.args[slices.Index(o.server.args, "orderly.yaml")] = "server.yaml"
	o.write("orderly.yaml", fmt.Sprintf(`
temporal: {address: %q, namespace: default, task_queue: people}
procedures: [procedures]
http: {listen: "127.0.0.1:%d"}
journal: {dsn: worker.db}
artifacts: {dir: artifacts}
`, o.address, o.port)+o.notify())
	o.worker = o.spawn("worker", "--config", "orderly.yaml")
	o.readyAt(o.port)
	return o
}

// lonely is an office with a worker process beside the dev server, which serves another task queue.
type lonely struct {
	*office
	port   int
	worker *process
}

// again kills the worker and starts it anew.
func (o *lonely) again() {
	o.t.Helper()
	o.worker.kill()
	o.back()
}

// back starts a worker that was killed.
func (o *lonely) back() {
	o.t.Helper()
	o.worker = o.restart(o.worker)
	o.readyAt(o.port)
}

// who is somebody and where they can be reached.
type who struct{ person, member, address string }

// oneByOne are the people of the policy of that name, in its order.
var oneByOne = []who{
	{"ann", "U01", "ann@example.org"}, {"bob", "U02", "bob@example.org"}, {"cleo", "U03", "cleo@example.org"},
	{"dora", "U04", "dora@example.org"}, {"eve", "U05", "eve@example.org"}, {"fay", "U06", "fay@example.org"},
}

// tierLasts is how long the policy waits for each of them.
const tierLasts = 4 * time.Second

// TestAWorkerThatDiesAllNightSkipsNobodyAndPagesNobodyTwice kills the worker just before a tier is due, in
// the very moment of paging, right after, and for longer than a tier has.
func TestAWorkerThatDiesAllNightSkipsNobodyAndPagesNobodyTwice(t *testing.T) {
	t.Parallel()
	o := apart(t, fireSOP)
	id := o.start("fire").WorkflowID
	started := o.paged(id, 1).Started

	await(started, 3500*time.Millisecond) // before bob is due
	o.again()
	o.await("bob's page on its way", time.Minute, func() bool { return len(o.hooked(id, "bob")) > 0 })
	o.again() // as soon as one transport has it: the others may not
	await(started, 8*time.Second)
	o.again() // while cleo is due
	o.paged(id, 3)
	o.worker.kill() // when the record has it, and for the whole time of the next one, dora as a rule, and a part of the one after
	next := int(time.Since(started)/tierLasts) + 1
	require.Less(t, next, len(oneByOne), "the worker took too long to start: nobody is left whom nobody pages")
	await(started, time.Duration(next)*tierLasts+5*time.Second)
	o.back()

	rec := o.paged(id, 6)
	o.arrived(id)
	requireInOrder(t, rec, started)
	require.GreaterOrEqual(t, lateOf(t, rec.Pages[next]), 4900*time.Millisecond, "somebody was paged late, and the record says so")
	if next+2 < len(rec.Pages) {
		require.Less(t, lateOf(t, rec.Pages[5]), overdue, "lateness does not add up")
	}
	require.Contains(t, timeline(rec), " late")

	o.says("acknowledged by Eve", "ack", id, "--by", "eve")
	o.again()
	rec = o.record(o.c, id)
	require.Equal(t, "eve", rec.Incident.Owner.ID, "the owner is kept")
	require.Equal(t, started.Add(10*time.Minute), clockOf(t, rec, "respond").Due, "and so are the clocks")
	require.Len(t, rec.Pages, 6)
	o.says("resolved by Eve", "resolve", id, "it is out", "--by", "eve")
	o.ended(id)
	o.pagedOnce(id)
}

// TestEverythingDiesAtOnceAndNobodyIsForgotten kills server, worker and database together, again and again.
func TestEverythingDiesAtOnceAndNobodyIsForgotten(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", fireSOP)
	id := o.start("fire").WorkflowID
	started := o.paged(id, 1).Started
	for n := 2; n <= len(oneByOne); n++ {
		if n%2 == 0 { // before it is due, or in the moment when a page leaves
			await(started, time.Duration(n-1)*4*time.Second-200*time.Millisecond)
		} else {
			o.await("the page before", time.Minute, func() bool { return len(o.hooked(id, oneByOne[n-1].person)) > 0 })
		}
		o.server.kill()
		o.server = o.restart(o.server)
		o.ready()
	}
	rec := o.paged(id, len(oneByOne))
	o.arrived(id)
	requireInOrder(t, rec, started)
	o.says("acknowledged by Fay", "ack", id, "--by", "fay")
	o.server.kill()
	o.server = o.restart(o.server)
	o.ready()
	rec = o.watch(id, "an answer", func(*workflows.Record) bool { return true })
	require.Equal(t, "fay", rec.Incident.Owner.ID)
	o.pagedOnce(id)
}

// TestTemporalDiesAndTheWorkerStays kills the server for as long as a tier has, under a worker that serves.
func TestTemporalDiesAndTheWorkerStays(t *testing.T) {
	t.Parallel()
	o := apart(t, fireSOP)
	id := o.begin("fire")
	started := o.paged(id, 1).Started
	await(started, 3*time.Second)
	o.server.kill()
	said := o.orderly("ack", id, "--by", "ann")
	require.Equal(t, 3, said.exit, "nothing is pretended: %s%s", said.stdout, said.stderr)
	await(started, 8500*time.Millisecond) // bob and cleo are overdue
	o.server = o.restart(o.server)
	o.ready()
	back := time.Now()
	rec := o.paged(id, 3)
	require.Less(t, rec.Pages[1].At.Sub(back), overdue, "the overdue page leaves soon after")
	require.GreaterOrEqual(t, lateOf(t, rec.Pages[1]), 4*time.Second)
	rec = o.paged(id, len(oneByOne))
	requireInOrder(t, rec, started)
	require.Less(t, lateOf(t, rec.Pages[5]), lateness, "lateness does not add up")
	o.arrived(id)
	o.pagedOnce(id)
	o.says("acknowledged by Ann", "ack", id, "--by", "ann")
}

// TestAnAcknowledgementThatWaitedForTheWorkerBeatsThePage signals while nobody serves and a tier falls due.
func TestAnAcknowledgementThatWaitedForTheWorkerBeatsThePage(t *testing.T) {
	t.Parallel()
	o := apart(t, fireSOP)
	id := o.start("fire").WorkflowID
	started := o.paged(id, 1).Started
	o.worker.kill()
	await(started, 5*time.Second) // bob has been due for a second
	type plain = map[string]string
	o.signal(id, "acknowledge", plain{"by": "ann"})
	o.signal(id, "note", plain{"by": "ann", "text": "smoke everywhere"})
	o.signal(id, "handover", plain{"by": "ann", "to": "dora"})
	o.signal(id, "resolve", plain{"by": "dora", "resolution": "it is out"})
	o.back()
	rec := o.ended(id)
	require.Equal(t, "dora", rec.Incident.Owner.ID)
	require.Equal(t, "dora", rec.Incident.Resolved.By.ID)
	requireLines(t, rec, "acknowledged by Ann", "smoke everywhere", "handed over by Ann to Dora", "resolved by Dora")
	require.NotContains(t, timeline(rec), "refused")
	require.Len(t, rec.Pages, 1, "no page has gone out")
	require.Empty(t, o.hooked(id, "bob"))
	require.Empty(t, o.slack.Messages("U02"))
	require.Empty(t, o.mails("bob@example.org"))
}

// await lets a moment come in which nothing happens that could be waited for: nobody serves, or it is the
// moment before something.
func await(started time.Time, moment time.Duration) { <-time.After(time.Until(started.Add(moment))) }

// requireLines wants these in the timeline, in this order.
func requireLines(t *testing.T, rec *workflows.Record, lines ...string) {
	t.Helper()
	rest := timeline(rec)
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		require.True(t, found, "%s is missing or out of order:\n%s", line, timeline(rec))
		rest = after
	}
}

// arrived waits until everybody has their page over everything.
func (o *office) arrived(id string) {
	o.t.Helper()
	for _, one := range oneByOne {
		o.await("everything for "+one.person, time.Minute, func() bool {
			return len(o.hooked(id, one.person)) > 0 && len(o.slack.Messages(one.member)) > 0 && len(o.mails(one.address)) > 0
		})
	}
}

// pagedOnce wants everybody to have had one page over each transport. Slack has it once; of a mail or webhook
// that was in the air when its sender died there may be a copy, under the same id, by which it is known.
func (o *office) pagedOnce(id string) {
	o.t.Helper()
	for _, one := range oneByOne {
		require.Equal(o.t, []int{1}, slices.Collect(maps.Values(o.slackPages(one.member))), "%s over Slack", one.person)
		require.Len(o.t, o.mailPages(one.address), 1, "%s by mail", one.person)
		require.Len(o.t, o.hooked(id, one.person), 1, "the webhook of %s", one.person)
	}
}

// slackPages are a member's direct messages with a page, by id.
func (o *office) slackPages(member string) map[string]int {
	return only(o.slacked(member), func(id string) bool { return strings.Contains(id, ":incident:") })
}

// mailPages are the mails with a page, by Message-ID.
func (o *office) mailPages(address string) map[string]int {
	got := map[string]int{}
	for _, head := range o.mails(address) {
		if strings.Contains(head.Get("Subject"), "fire in") && !strings.Contains(head.Get("Subject"), "Resolved") {
			got[head.Get("Message-ID")]++
		}
	}
	return got
}

func only(got map[string]int, keep func(string) bool) map[string]int {
	maps.DeleteFunc(got, func(id string, _ int) bool { return !keep(id) })
	return got
}

// requireInOrder wants a page for each tier, in order, due when the ladder says however late it was.
func requireInOrder(t *testing.T, rec *workflows.Record, started time.Time) {
	t.Helper()
	for i, one := range oneByOne {
		page := rec.Pages[i]
		require.Len(t, page.People, 1, timeline(rec))
		require.Equal(t, one.person, page.People[0].ID, timeline(rec))
		require.Equal(t, started.Add(time.Duration(i)*4*time.Second), page.Due, timeline(rec))
	}
	require.Len(t, rec.Pages, len(oneByOne), timeline(rec))
}

func lateOf(t *testing.T, page *workflows.Page) time.Duration {
	t.Helper()
	late, err := time.ParseDuration(page.Lateness)
	require.NoError(t, err)
	return late
}

func clockOf(t *testing.T, rec *workflows.Record, id string) *workflows.Clock {
	t.Helper()
	for _, c := range rec.Clocks {
		if c.ID == id {
			return c
		}
	}
	require.Fail(t, "no such clock", id)
	return nil
}
