package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
	"github.com/orderly-ops/orderly/internal/testenv/webhooks"
	"github.com/orderly-ops/orderly/workflows"
)

// TestWhatFailsOnOneWayDoesNotHoldUpTheOthers lets one transport after the other be ill while somebody is
// paged: the other two go at once, and the ill one delivers once when it is well again.
func TestWhatFailsOnOneWayDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", fireSOP)
	const post = "chat.postMessage"
	for _, c := range []struct {
		name, person string
		ill, well    func()
		way          string // that is ill
	}{
		{"SlackIsBusy", "ann", func() {
			o.slack.Fail(post, 2, slackapi.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second})
		}, nil, "slack"},
		{"SlackIsBroken", "bob", func() { o.slack.Fail(post, 4, slackapi.Fault{Status: http.StatusInternalServerError}) }, nil, "slack"},
		{"SlackHangs", "cleo", func() { o.slack.Fail(post, 1, slackapi.Fault{Hang: true}) }, nil, "slack"},
		{"SlackKeepsItButTheAnswerIsLost", "dora", func() { o.slack.Fail(post, 1, slackapi.Fault{Drop: true, Stored: true}) }, nil, "slack"},
		{"TheMailServerIsDown", "eve", o.mail.Down, o.mail.Up, "email"},
		{"TheWebhookIsBroken", "fay", func() { o.hooks.Always(&webhooks.Answer{Status: http.StatusInternalServerError}) }, func() { o.hooks.Always(nil) }, "webhook"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.ill()
			id := o.begin("fire", "place="+c.person, "level="+c.person)
			rec := o.paged(id, 1)
			who := oneByOne[slices.IndexFunc(oneByOne, func(p who) bool { return p.person == c.person })]
			for way, pages := range o.ways(id, who) {
				if way != c.way {
					o.await(c.person+" over "+way, 10*time.Second, func() bool { return len(pages()) == 1 })
				}
			}
			require.Less(t, time.Since(rec.Started), 2*lateness, "the others went at once")
			if c.well != nil {
				o.watch(id, "the failure in the record", func(r *workflows.Record) bool { return outcome(r, c.way).State == notify.Failed })
				require.Contains(t, o.says("", "show", id), c.way+" failed")
				require.Contains(t, o.says("", "timeline", id), c.way)
				c.well()
			}
			rec = o.watch(id, "the page over "+c.way, func(r *workflows.Record) bool { return outcome(r, c.way).State == notify.Sent })
			for way, pages := range o.ways(id, who) {
				require.Equal(t, []int{1}, slices.Collect(maps.Values(pages())), "over %s\n%s", way, timeline(rec))
			}
			require.Len(t, rec.Pages, 1)
			o.says("acknowledged", "ack", id, "--by", c.person)
		})
	}
}

// outcome is how the first page went over a transport for the first of those paged.
func outcome(rec *workflows.Record, way string) notify.Outcome {
	for _, out := range rec.Pages[0].People[0].Outcomes {
		if out.Transport == way {
			return out
		}
	}
	return notify.Outcome{}
}

// ways are the pages of a run that have reached somebody, by transport.
func (o *office) ways(id string, who who) map[string]func() map[string]int {
	return map[string]func() map[string]int{
		"slack":   func() map[string]int { return o.slackPages(who.member) },
		"email":   func() map[string]int { return o.mailPages(who.address) },
		"webhook": func() map[string]int { return o.hooked(id, who.person) },
	}
}

// TestWhoeverCanNotBeReachedIsPassedOver pages people behind whom nothing is, or nothing that works.
func TestWhoeverCanNotBeReachedIsPassedOver(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", fireSOP)
	t.Run("SlackDoesNotKnowThem", func(t *testing.T) {
		id := o.begin("fire", "place=cellar", "level=ida")
		rec := o.paged(id, 2)
		require.False(t, rec.Pages[0].Reached)
		require.Equal(t, "eve", rec.Pages[1].People[0].ID)
		require.Less(t, rec.Pages[1].At.Sub(rec.Started), lateness, "the next does not wait for an hour")
		require.Contains(t, timeline(rec), "Ida (slack failed: ")
		o.await("eve's webhook", 10*time.Second, func() bool { return len(o.hooked(id, "eve")) == 1 })
		require.Contains(t, o.says("", "show", id), "slack failed")
		o.says("acknowledged", "ack", id, "--by", "eve")
	})
	t.Run("TheOnlyWayIsDown", func(t *testing.T) {
		o.slack.Fail("chat.postMessage", 10, slackapi.Fault{Status: http.StatusInternalServerError})
		id := o.begin("fire", "place=attic", "level=hal")
		rec := o.paged(id, 2)
		require.Equal(t, "eve", rec.Pages[1].People[0].ID)
		require.Less(t, rec.Pages[1].At.Sub(rec.Started), 20*time.Second, "as soon as it is known: %s", timeline(rec))
		o.await("eve's webhook", 10*time.Second, func() bool { return len(o.hooked(id, "eve")) == 1 })
		o.await("Slack to be well again, and Hal to get it after all", time.Minute, func() bool { return len(o.slackPages("U08")) == 1 })
		rec = o.watch(id, "that in the record", func(r *workflows.Record) bool { return strings.Contains(timeline(r), "Hal reached over slack") })
		require.Len(t, rec.Pages, 2)
		o.says("acknowledged", "ack", id, "--by", "hal")
	})
}
