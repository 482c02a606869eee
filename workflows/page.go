package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
)

// page hands a page out. It is a local activity: nothing lies between a due clock and the page but the
// workflow task that the clock itself needs.
func (r *run) page(ctx workflow.Context, request PageRequest) (PageResult, error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    2 * PageBudget,
		ScheduleToCloseTimeout: 5 * PageBudget,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumAttempts: 2},
		Summary:                summaryOf(request.Message.Headline),
	})
	var result PageResult
	err := workflow.ExecuteLocalActivity(ctx, ActivityPage, request).Get(ctx, &result)
	return result, err
}

// Owed is a page that has not come to its end: it failed or is still on its way.
type Owed struct {
	Page    string         `json:"page"` // id
	Message notify.Message `json:"message"`
	Person  PagedPerson    `json:"person"`
	Tries   int            `json:"tries,omitempty"`
}

// maxTries is how often a page is tried again for somebody whom another transport has reached. For
// somebody whom nothing has reached it is tried until the ladder stops.
const maxTries = 5

// open says whether there is something left to try.
func (o *Owed) open() bool {
	reached, pending, permanent := false, false, true
	for _, out := range o.Person.Outcomes {
		switch out.State {
		case notify.Sent:
			reached = reached || !o.Person.Silent
		case notify.Sending:
			pending = true
		default:
			permanent = permanent && out.Permanent
		}
	}
	switch {
	case pending:
		return true
	case reached:
		failed := slices.ContainsFunc(o.Person.Outcomes, func(out notify.Outcome) bool { return out.State == notify.Failed && !out.Permanent })
		return failed && o.Tries < maxTries
	default:
		return len(o.Person.Outcomes) > 0 && (!permanent || o.Tries == 0)
	}
}

// owe notes what of a page is not over. What was owed to the same people before is superseded.
func (l *Ladder) owe(page *Page, message notify.Message) {
	if !l.running() {
		return
	}
	for _, p := range page.People {
		l.Owed = slices.DeleteFunc(l.Owed, func(o *Owed) bool { return o.Person.ID == p.ID })
		if o := (&Owed{Page: page.ID, Message: message, Person: p}); o.open() {
			l.Owed = append(l.Owed, o)
			l.Again, l.Tries = nil, 0
		}
	}
}

// The time between tries of pages that failed.
const (
	firstRetry = 5 * time.Second
	lastRetry  = time.Minute
)

// chase tries again what failed, for as long as the ladder runs. The first time is at once: it also learns
// what became of the pages that were still on their way.
func (r *run) chase(ctx workflow.Context, l *Ladder) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "retries "+l.ID, func(ctx workflow.Context) {
		for {
			err := workflow.Await(ctx, func() bool { return l.Closed || len(l.Owed) > 0 && l.running() })
			if err != nil || l.Closed {
				return
			}
			if r.awaitRetry(ctx, l) {
				r.deliver(ctx, l)
			}
		}
	})
}

// awaitRetry waits for the next try and says whether it still makes sense.
func (r *run) awaitRetry(ctx workflow.Context, l *Ladder) bool {
	again := l.Again
	if again != nil {
		superseded := func() bool { return !l.running() || len(l.Owed) == 0 || l.Again != again }
		if _, err := r.awaitUntil(ctx, *again, "try again what could not be sent", superseded); err != nil {
			return false
		}
	}
	return l.running() && len(l.Owed) > 0 && l.Again == again
}

// deliver tries once more all that is owed.
func (r *run) deliver(ctx workflow.Context, l *Ladder) {
	owed := slices.Clone(l.Owed)
	tries := 0
	for _, batch := range batches(owed) {
		tries++
		workflow.GoNamed(ctx, "deliver", func(ctx workflow.Context) {
			defer func() { tries-- }()
			r.deliverBatch(ctx, l, batch)
		})
	}
	waitAll(ctx, &tries)
	l.Owed = slices.DeleteFunc(l.Owed, func(o *Owed) bool { return !o.open() })
	pause := min(firstRetry<<min(l.Tries, 10), lastRetry)
	l.Tries++
	again := workflow.Now(ctx).UTC().Add(pause)
	l.Again = &again
	r.considerDraining(ctx)
}

// batches are what is owed by message, in order.
func batches(owed []*Owed) [][]*Owed {
	var out [][]*Owed
	for _, o := range owed {
		i := slices.IndexFunc(out, func(b []*Owed) bool { return b[0].Page == o.Page })
		if i < 0 {
			out = append(out, []*Owed{o})
			continue
		}
		out[i] = append(out[i], o)
	}
	return out
}

func (r *run) deliverBatch(ctx workflow.Context, l *Ladder, batch []*Owed) {
	request := DeliverRequest{Message: batch[0].Message}
	for _, o := range batch {
		request.Owed = append(request.Owed, o.Person)
		o.Tries++
	}
	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	options := workflow.ActivityOptions{
		StartToCloseTimeout:    90 * time.Second,
		ScheduleToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:       20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 20 * time.Second},
		Summary:                summaryOf("again: " + batch[0].Message.Headline),
	}
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), ActivityDeliver, request)
	if err := workflow.Await(ctx, func() bool { return future.IsReady() || !l.running() }); err != nil || !future.IsReady() {
		return // somebody acknowledged: what is under way is given up
	}
	var result PageResult
	if err := future.Get(ctx, &result); err != nil {
		return // tried again later
	}
	r.delivered(ctx, l, batch, result)
}

// delivered brings page and ladder up to date with what a retry did.
func (r *run) delivered(ctx workflow.Context, l *Ladder, batch []*Owed, result PageResult) {
	page := r.record.page(batch[0].Page)
	for _, o := range batch {
		i := slices.IndexFunc(result.People, func(p PagedPerson) bool { return p.ID == o.Person.ID })
		if i < 0 {
			continue
		}
		before := o.Person
		o.Person = result.People[i]
		if page != nil {
			page.replace(o.Person)
			r.record.Board.meet(o.Person)
		}
		if text := changes(before, o.Person); text != "" {
			r.event(ctx, Event{Kind: "page", Text: text})
		}
	}
	if page == nil {
		return
	}
	was := page.Reached
	page.Reached = slices.ContainsFunc(page.People, PagedPerson.reached)
	// Everybody seemed to be reached, and nobody was: the next tier does not wait.
	if was && !page.Reached && l.running() && l.Due.After(page.Due) && l.Repeats == 0 {
		r.event(ctx, Event{Kind: "page", Text: r.tierTitle(page.Policy, page.Tier) + " could not be reached: the next is paged at once"})
		l.Due = workflow.Now(ctx).UTC()
	}
}

// changes says what a retry has changed for a person, "" for nothing.
func changes(before, after PagedPerson) string {
	var lines []string
	for _, out := range after.Outcomes {
		i := slices.IndexFunc(before.Outcomes, func(o notify.Outcome) bool { return o.Transport == out.Transport })
		if i >= 0 && before.Outcomes[i].State == out.State {
			continue
		}
		switch out.State {
		case notify.Sent:
			lines = append(lines, fmt.Sprintf("%s reached over %s", after.Name, out.Transport))
		case notify.Failed:
			lines = append(lines, fmt.Sprintf("%s over %s: %s", after.Name, out.Transport, out.Error))
		}
	}
	return strings.Join(lines, "; ")
}

func (p *Page) replace(person PagedPerson) {
	for i := range p.People {
		if p.People[i].ID == person.ID {
			p.People[i] = person
		}
	}
}

// text is a page as a line of the timeline.
func (p *Page) text(tier string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "paged %s", tier)
	if p.Repeat > 0 {
		fmt.Fprintf(&b, " again (%d)", p.Repeat)
	}
	for i, person := range p.People {
		b.WriteString([]string{": ", ", "}[min(i, 1)])
		b.WriteString(person.text())
	}
	if len(p.Skipped) > 0 {
		fmt.Fprintf(&b, "; paged already: %s", strings.Join(p.Skipped, ", "))
	}
	if len(p.Nobody) > 0 {
		fmt.Fprintf(&b, "; nobody: %s", strings.Join(p.Nobody, ", "))
	}
	if !p.Reached {
		b.WriteString("; nobody was reached")
	}
	if late := p.At.Sub(p.Due); late >= time.Second {
		fmt.Fprintf(&b, "; %s late", took(late))
	}
	return b.String()
}

// text is a paged person: "Ann (slack, email failed: …)".
func (p PagedPerson) text() string {
	if len(p.Outcomes) == 0 {
		return p.Name + " (no way to reach them)"
	}
	ways := make([]string, len(p.Outcomes))
	for i, o := range p.Outcomes {
		ways[i] = o.Transport
		switch o.State {
		case notify.Sending:
			ways[i] += " under way"
		case notify.Failed:
			ways[i] += " failed: " + shorten(o.Error, errorLength)
		}
	}
	return fmt.Sprintf("%s (%s)", p.Name, strings.Join(ways, ", "))
}
