package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/webhook"
	"github.com/orderly-ops/orderly/internal/config"
)

// burst is many incidents whose three tiers fall due together: at one moment the first tier of all of
// them, some time later the second, and so on. They can't all be started at one moment, so a level before
// these, with another wait for each, takes up the difference. The tier that leads from that level to the
// one that they share is due together too, and is measured as well.
type burst struct {
	n      int
	lead   time.Duration // from the first start to the moment
	step   time.Duration // how exactly the moment is met
	wait   time.Duration // from tier to tier
	moment time.Time
}

// benchTiers are the people behind the tiers that are measured; "start" is behind the one before them. With
// the tier of "level" the level changes, of which the search attributes are told.
var benchTiers = []string{"level", "first", "second", "third"}

const (
	leads = 100 // of different length
	// startsPerSecond is how many incidents can be started while the machine is busy.
	startsPerSecond = 25
	starters        = 24
)

func newBurst(n int) *burst {
	lead := 5*time.Second + time.Duration(n)*time.Second/startsPerSecond
	return &burst{
		n: n, lead: lead, step: (lead / leads).Truncate(time.Millisecond),
		wait: max(5*time.Second, time.Duration(n)*15*time.Millisecond),
	}
}

// org has one policy for each length of the wait before, and one for the tiers that all share.
func (u *burst) org(p *pager) string {
	var b strings.Builder
	b.WriteString(p.people(append([]string{"start"}, benchTiers...)...))
	b.WriteString("policies:\n  main:\n    tiers:\n")
	for _, person := range benchTiers {
		fmt.Fprintf(&b, "      - {page: [%s], wait: %s}\n", person, u.waitAfter(person))
	}
	for i := range leads {
		fmt.Fprintf(&b, "  lead-%d: {tiers: [{page: [start], wait: %s}], next: main}\n", i+1, time.Duration(i+1)*u.step)
	}
	b.WriteString("defaults: {policy: main}\n")
	return b.String()
}

// waitAfter is how long a tier has; the last one is not paged again while the benchmark goes on.
func (u *burst) waitAfter(person string) time.Duration {
	if person == benchTiers[len(benchTiers)-1] {
		return time.Hour
	}
	return u.wait
}

// due is when a tier should be paged, for an incident with a lead.
func (u *burst) due(lead time.Duration, tier int) time.Duration {
	return lead + time.Duration(tier)*u.wait
}

// contestant is one way of doing it.
type contestant struct {
	workflowType, queue string
	input               func(lead int) any
}

// start starts all incidents and gives the lead of each. The next one is started when an earlier one has
// paged, so that none waits long for its turn.
func (u *burst) start(b *testing.B, c client.Client, p *pager, who contestant) map[string]time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	u.moment = time.Now().Add(u.lead)
	var mu sync.Mutex
	chosen := map[string]time.Duration{}
	numbers := make(chan int)
	var all sync.WaitGroup
	for range starters {
		all.Go(func() {
			for i := range numbers {
				lead := min(leads, int(time.Until(u.moment)/u.step))
				id := fmt.Sprintf("%s/%d", strings.ToLower(who.workflowType), i)
				_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: who.queue}, who.workflowType, who.input(lead))
				if err == nil {
					err = p.await(ctx, func(arrived map[paging][]time.Time) bool { return arrived[paging{id, "start"}] != nil })
				}
				if err != nil || lead < 1 {
					b.Errorf("%s: with %d steps left: %v", id, lead, err)
					cancel()
					return
				}
				mu.Lock()
				chosen[id] = time.Duration(lead) * u.step
				mu.Unlock()
			}
		})
	}
	for i := range u.n {
		select {
		case numbers <- i:
		case <-ctx.Done():
		}
	}
	close(numbers)
	all.Wait()
	require.Equal(b, u.n, len(chosen), "incidents that began") //nolint:testifylint // the whole map would be printed
	return chosen
}

// lateness waits for all pages and gives, for each tier, how long after the ideal time each arrived. The
// ideal is counted from when Temporal began the run, by the clock of this process.
func (u *burst) lateness(b *testing.B, c client.Client, p *pager, who contestant, chosen map[string]time.Duration) []spread {
	b.Helper()
	ctx, cancel := context.WithDeadline(b.Context(), u.moment.Add(3*u.wait+3*time.Minute))
	defer cancel()
	err := p.await(ctx, func(arrived map[paging][]time.Time) bool { return len(arrived) >= u.n*(len(benchTiers)+1) })
	require.NoError(b, err, "pages are missing")
	require.Empty(b, p.refused)
	began := startTimes(b, c, who.workflowType, u.n)
	late := make([]spread, len(benchTiers))
	for id, lead := range chosen {
		for tier, person := range benchTiers {
			at, times := p.at(paging{id, person})
			require.Equal(b, 1, times, "pages of %s to %s", id, person)
			late[tier] = append(late[tier], at.Sub(began[id].Add(u.due(lead, tier))))
		}
	}
	for i := range late {
		late[i] = late[i].sorted()
	}
	return late
}

// worst is the 99th percentile of the worst of the three tiers.
func worst(late []spread) time.Duration {
	return max(late[1].at(99), late[2].at(99), late[3].at(99))
}

// report gives percentiles of each tier, and what the pages took from the first to the last.
func (u *burst) report(b *testing.B, late []spread) {
	b.Helper()
	for tier, person := range benchTiers {
		late[tier].report(b, person)
	}
	b.ReportMetric(0, "ns/op") // a round's length says nothing
}

// handwrittenLadder is what a Go programmer would write: a timer, an activity that pages, the next timer.
func handwrittenLadder(ctx workflow.Context, waits []time.Duration) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	due := workflow.Now(ctx)
	for tier, person := range append([]string{"start"}, benchTiers...) {
		if err := workflow.Sleep(ctx, due.Sub(workflow.Now(ctx))); err != nil {
			return err
		}
		if err := workflow.ExecuteActivity(ctx, "bench.page", person).Get(ctx, nil); err != nil {
			return err
		}
		due = due.Add(waits[tier])
	}
	return workflow.Await(ctx, func() bool { return false })
}

// ladderWorker serves handwrittenLadder in this process, with the settings that suit it best.
func ladderWorker(b *testing.B, c client.Client, p *pager) contestant {
	b.Helper()
	post, err := webhook.New(config.Webhook{Secret: config.NewSecret(pagerSecret)})
	require.NoError(b, err)
	b.Cleanup(func() { _ = post.Close() })
	who := contestant{workflowType: "Ladder", queue: "handwritten"}
	w := worker.New(c, who.queue, worker.Options{
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflowWithOptions(handwrittenLadder, workflow.RegisterOptions{Name: who.workflowType})
	w.RegisterActivityWithOptions(func(ctx context.Context, person string) error {
		run := activity.GetInfo(ctx).WorkflowExecution
		_, err := post.Send(ctx, notify.Delivery{
			ID: run.RunID + person, To: notify.Recipient{ID: person, Name: person, Webhook: p.url},
			Message: notify.Message{Kind: notify.KindPage, Headline: "The API is down", Run: run.ID, At: time.Now()},
		})
		return err
	}, activity.RegisterOptions{Name: "bench.page"})
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)
	return who
}

// BenchmarkIncidentsDueTogether shows how late the pages are when the tiers of many incidents fall due at
// the same moment, against a hand-written loop of timer and activity on a server of the same kind.
func BenchmarkIncidentsDueTogether(b *testing.B) {
	for _, n := range sizes(b) {
		var reference []spread
		b.Run(fmt.Sprintf("%d/handwritten", n), func(b *testing.B) {
			u, p := newBurst(n), newPager(b)
			c := open(b, setting{procedures: map[string]string{}}).temporal()
			who := ladderWorker(b, c, p)
			who.input = func(lead int) any {
				return []time.Duration{time.Duration(lead) * u.step, u.wait, u.wait, u.wait, time.Hour}
			}
			reference = u.lateness(b, c, p, who, u.start(b, c, p, who))
			u.report(b, reference)
		})
		for workers := 1; workers <= 2; workers++ {
			b.Run(fmt.Sprintf("%d/workers=%d", n, workers), func(b *testing.B) {
				u, p := newBurst(n), newPager(b)
				h := open(b, setting{procedures: map[string]string{"blackout.yaml": blackout, "org.yaml": u.org(p)}, config: p.notify()})
				for i := range workers - 1 {
					h.worker(fmt.Sprintf("worker%d", i+2), blackoutQueue)
				}
				c := h.temporal()
				late := u.lateness(b, c, p, blackouts, u.start(b, c, p, blackouts))
				u.report(b, late)
				if reference != nil {
					b.ReportMetric(float64(worst(late))/float64(worst(reference)), "ratio")
				}
			})
		}
	}
}

// blackouts are incidents as Orderly runs them.
var blackouts = contestant{
	workflowType: "Blackout", queue: blackoutQueue,
	input: func(lead int) any { return map[string]any{"level": fmt.Sprintf("lead-%d", lead)} },
}

// worker starts a worker beside the dev server, on its Temporal, with its procedures and journal.
func (h *house) worker(name, queue string) *process {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "orderly.yaml"))
	require.NoError(h.t, err)
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(h.t))
	h.write(name+".yaml", strings.NewReplacer(
		strings.TrimPrefix(h.http, "http://"), listen,
		"namespace: default", "namespace: default, task_queue: "+queue,
	).Replace(string(text)))
	p := h.spawn("worker", "--config", name+".yaml")
	h.await(name+" to be ready", time.Minute, func() bool { return answers("http://" + listen + "/readyz") })
	return p
}

func answers(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
