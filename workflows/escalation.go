package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// Ladder is one cause for which people are paged, tier after tier, until somebody acknowledges.
//
// A tier's time is counted from when the tier before was due, not from when it was really paged, so that
// lateness never adds up. A tier that reaches nobody is followed by the next at once.
type Ladder struct {
	ID    string `json:"id"`    // "incident" or "step:<path>"
	Cause string `json:"cause"` // what people are paged for
	// Policy and Tier are what is paged next, at Due. Tier counts from 0.
	Policy string    `json:"policy"`
	Tier   int       `json:"tier"`
	Due    time.Time `json:"due"`
	// Repeats is how often the last tier of the last policy has been paged again.
	Repeats int `json:"repeats,omitempty"`
	Pages   int `json:"pages"` // so far
	// Next says whom that is, for people to read.
	Next string `json:"next,omitempty"`
	// Stopped is when somebody acknowledged; the ladder may go on later. Closed is for good.
	Stopped *time.Time `json:"stopped,omitempty"`
	By      string     `json:"by,omitempty"` // who stopped it
	// Lease is when a step's ladder goes on by itself although somebody acknowledged, because the step is
	// still not done. An incident has a lease of its own.
	Lease  *time.Time `json:"lease,omitempty"`
	Closed bool       `json:"closed,omitempty"`
	Owed   []*Owed    `json:"owed,omitempty"`
	// Again is when what is owed is tried again, after so many Tries.
	Again *time.Time `json:"again,omitempty"`
	Tries int        `json:"tries,omitempty"`
	// Page are those who are asked when there is no policy: the ladder then has one tier.
	Page []string      `json:"page,omitempty"`
	Wait sops.Duration `json:"wait,omitempty"`
	// Follow is the policy that goes on after Page.
	Follow string `json:"follow,omitempty"`

	faults int // pages in a row that could not even be tried
	moves  int // how often it was set going again by hand or by a promise that was broken
}

// Page is the account of one page: a tier, or a message to somebody in particular.
type Page struct {
	ID     string      `json:"id"`
	Ladder string      `json:"ladder,omitempty"`
	Kind   notify.Kind `json:"kind"`
	Policy string      `json:"policy,omitempty"`
	Tier   int         `json:"tier,omitempty"`   // from 1
	Repeat int         `json:"repeat,omitempty"` // of the last tier
	Due    time.Time   `json:"due"`
	At     time.Time   `json:"at"` // when it was handed out
	// Lateness is how long after Due that was: a Go duration.
	Lateness string        `json:"lateness,omitempty"`
	People   []PagedPerson `json:"people,omitempty"`
	Nobody   []string      `json:"nobody,omitempty"`
	// Skipped are the people who were not paged again, because another tier had reached them since Due.
	Skipped []string `json:"skipped,omitempty"`
	Reached bool     `json:"reached"`
	// Trimmed says that how each delivery went is not kept any more.
	Trimmed bool `json:"trimmed,omitempty"`
}

// incidentLadder is the id of an incident's ladder.
const incidentLadder = "incident"

func (l *Ladder) running() bool { return l.Stopped == nil && !l.Closed }

func (r *run) ladder(id string) *Ladder {
	for _, l := range r.record.Ladders {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// startLadder begins to page for a cause. One that is there already is not begun again: there is one
// ladder a cause, however many clocks breach.
func (r *run) startLadder(ctx workflow.Context, id, cause, policy string, due time.Time) *Ladder {
	if l := r.ladder(id); l != nil {
		return l
	}
	l := &Ladder{ID: id, Cause: cause, Policy: policy, Due: due}
	r.record.Ladders = append(r.record.Ladders, l)
	r.nameNext(l)
	r.climb(ctx, l)
	return l
}

// climb serves a ladder as long as it lives.
func (r *run) climb(ctx workflow.Context, l *Ladder) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "ladder "+l.ID, func(ctx workflow.Context) {
		for !l.Closed {
			wake := r.nextWake(l)
			if err := r.awaitChange(ctx, wake, l); err != nil {
				return
			}
			if l.running() && !workflow.Now(ctx).Before(wake) {
				r.breachOverdue(ctx)
				r.serve(ctx, l)
			}
		}
	})
	r.chase(ctx, l)
}

// nextWake is when a ladder has something to do: page the next tier, or notice that nobody acknowledged in
// time. These usually fall together, and then one timer serves both.
func (r *run) nextWake(l *Ladder) time.Time {
	if c := r.clock(clockAcknowledge); l.ID == incidentLadder && c.running() && c.Breached == nil && c.Due.Before(l.Due) {
		return c.Due
	}
	return l.Due
}

// awaitChange sleeps until a time, or until the ladder was stopped, moved or closed.
func (r *run) awaitChange(ctx workflow.Context, wake time.Time, l *Ladder) error {
	if !l.running() {
		return r.awaitResumption(ctx, l)
	}
	_, err := r.awaitUntil(ctx, wake, "page "+r.tierName(l), func() bool { return !l.running() || !r.nextWake(l).Equal(wake) })
	return err
}

// awaitResumption waits until a stopped ladder goes on or is closed.
func (r *run) awaitResumption(ctx workflow.Context, l *Ladder) error {
	lease := l.Lease
	changed := func() bool { return l.running() || l.Closed || l.Lease != lease }
	if lease == nil {
		return workflow.Await(ctx, changed)
	}
	first, err := r.awaitUntil(ctx, *lease, "page again for "+l.Cause, changed)
	if err == nil && !first {
		r.event(ctx, Event{Kind: "page", Text: l.Cause + ": still not done after it was acknowledged by " + l.By + ": paging begins again"})
		r.resumeLadder(ctx, l, true)
	}
	return err
}

// serve pages the tier that is due and moves on.
func (r *run) serve(ctx workflow.Context, l *Ladder) {
	// No page begins when the run is about to continue as new: the next execution sends it.
	if r.stay(ctx) != nil {
		return
	}
	r.busy++
	defer func() { r.busy-- }()
	// A message that has arrived by now was sent before the page: an acknowledgement wins.
	r.takeMessages(ctx)
	now := workflow.Now(ctx).UTC()
	if !l.running() || now.Before(l.Due) {
		return
	}
	tier, ok := r.tier(l)
	if !ok {
		l.Closed = true
		r.event(ctx, Event{Kind: "page", Text: fmt.Sprintf("nobody can be paged: there is no policy %q", l.Policy)})
		return
	}
	r.levelled(ctx, l)
	l.Pages++
	moves := l.moves
	page := &Page{
		ID: fmt.Sprintf("%s:%s:%d", r.record.RunID, l.ID, l.Pages), Ladder: l.ID, Kind: notify.KindPage,
		Policy: l.Policy, Tier: l.Tier + 1, Repeat: l.Repeats, Due: l.Due, At: now,
		Skipped: r.reachedSince(l),
	}
	message := r.pageMessage(ctx, l, page, tier)
	result, err := r.page(ctx, PageRequest{
		Page: tier.Page, Via: tier.Via, Services: r.services(), Except: page.Skipped, At: now, Message: message,
	})
	if err != nil {
		l.Pages--
		r.pageFault(ctx, l, err)
		return
	}
	l.faults = 0
	r.paged(ctx, l, page, result, message)
	r.advance(ctx, l, tier, page, moves != l.moves)
	r.considerDraining(ctx)
}

// faultPause is how soon a page is tried again that could not even be handed out.
const faultPause = 10 * time.Second

// pageFault notes that a tier could not be paged at all, org.yaml being unreadable, say. The same tier is
// tried again: the next would fare no better.
func (r *run) pageFault(ctx workflow.Context, l *Ladder, err error) {
	l.faults++
	if l.faults == 1 {
		r.event(ctx, Event{Kind: "page", Text: fmt.Sprintf("%s could not be paged, tried again every %s: %s", r.tierName(l), took(faultPause), cause(err))})
	}
	r.considerDraining(ctx)
	r.stuck++
	_, _ = r.awaitUntil(ctx, workflow.Now(ctx).Add(faultPause), "try to page again", func() bool { return !l.running() || r.leaving })
	r.stuck--
}

// paged notes who was paged and over what.
func (r *run) paged(ctx workflow.Context, l *Ladder, page *Page, result PageResult, message notify.Message) {
	page.People, page.Nobody = result.People, result.Nobody
	page.Reached = len(page.Skipped) > 0 && len(page.People) == 0 && len(page.Nobody) == 0
	for _, p := range page.People {
		page.Reached = page.Reached || p.reached()
		r.record.Board.meet(p)
	}
	page.Lateness = page.At.Sub(page.Due).String()
	r.timePage(ctx, page.At.Sub(page.Due))
	r.record.addPage(page)
	text := page.text(r.tierTitle(page.Policy, page.Tier))
	switch { // by now; a page that has begun can't be called back
	case l.By != "":
		text += "; it was on its way when " + l.By + " acknowledged"
	case l.Closed:
		text += "; it was on its way when paging ended"
	}
	r.event(ctx, Event{Kind: "page", Text: text})
	l.owe(page, message)
	r.checklist()
}

// reached says whether something went out to the person, or is on its way.
func (p PagedPerson) reached() bool {
	return !p.Silent && slices.ContainsFunc(p.Outcomes, func(o notify.Outcome) bool { return o.State != notify.Failed })
}

// advance decides what is paged next and when. What happened while the page was handed out counts: whoever
// moved the ladder meanwhile has said when it goes on, and whoever changed its policy has said with what.
func (r *run) advance(ctx workflow.Context, l *Ladder, tier sops.Tier, page *Page, moved bool) {
	due := page.Due
	if page.Reached {
		due = due.Add(time.Duration(tier.Wait))
	}
	policy := r.rules().Policies[l.Policy]
	switch {
	case l.Policy != page.Policy || l.Tier+1 != page.Tier:
	case l.Page != nil && l.Follow != "":
		l.Policy, l.Tier, l.Page = l.Follow, 0, nil
	case l.Page == nil && l.Tier+1 < len(policy.Tiers):
		l.Tier++
	case l.Page == nil && policy.Next != "":
		l.Policy, l.Tier = policy.Next, 0
	default:
		l.Repeats++
		due = nextRepeat(page.Due, time.Duration(tier.Wait), workflow.Now(ctx))
	}
	if !moved {
		l.Due = due
	}
	r.nameNext(l)
}

// nameNext says whom the ladder pages next.
func (r *run) nameNext(l *Ladder) {
	tier, _ := r.tier(l)
	l.Next = r.tierName(l)
	if l.Page == nil {
		l.Next += ": " + strings.Join(tier.Page, ", ")
	}
}

// nextRepeat is when the last tier is paged again: repeats that fell into an outage are not made up for.
func nextRepeat(due time.Time, wait time.Duration, now time.Time) time.Time {
	wait = max(wait, time.Second) // org.yaml has no tier without a wait, but an endless loop must not hang on that
	next := due.Add(wait)
	if late := now.Sub(next); late >= 0 {
		next = now.Add(wait - late%wait)
	}
	return next
}

// levelled notes that an incident's ladder has climbed to the next policy.
func (r *run) levelled(ctx workflow.Context, l *Ladder) {
	inc := r.record.Incident
	if inc == nil || l.ID != incidentLadder || inc.Level == l.Policy {
		return
	}
	r.event(ctx, Event{Kind: "page", Text: fmt.Sprintf("going on from %s to %s", r.policyTitle(inc.Level), r.policyTitle(l.Policy))})
	inc.Level = l.Policy
	r.tellLevel(ctx)
	r.showAttributes(ctx)
}

// tier is what the ladder pages next.
func (r *run) tier(l *Ladder) (sops.Tier, bool) {
	if l.Page != nil {
		return sops.Tier{Page: l.Page, Wait: l.Wait}, true
	}
	tiers := r.rules().Policies[l.Policy].Tiers
	if l.Tier >= len(tiers) {
		return sops.Tier{}, false
	}
	return tiers[l.Tier], true
}

// reachedSince are the people whom this ladder has reached since the tier was due: after an outage several
// tiers are due at once, and nobody needs the same page twice in a second.
func (r *run) reachedSince(l *Ladder) []string {
	var people []string
	for _, page := range r.record.Pages {
		if page.Ladder != l.ID || !page.At.After(l.Due) {
			continue
		}
		for _, p := range page.People {
			if p.reached() && !slices.Contains(people, p.ID) {
				people = append(people, p.ID)
			}
		}
	}
	return people
}

// stopLadder is what an acknowledgement does.
func (r *run) stopLadder(ctx workflow.Context, l *Ladder, by string) {
	now := workflow.Now(ctx).UTC()
	l.Stopped, l.By = &now, by
	l.Owed, l.Again, l.Tries = nil, nil, 0
}

func (r *run) closeLadder(ctx workflow.Context, id string) {
	if l := r.ladder(id); l != nil && !l.Closed {
		if l.Stopped == nil {
			r.stopLadder(ctx, l, "")
		}
		l.Closed, l.Owed = true, nil
	}
}

// resumeLadder goes on with paging, at once: with the next tier, or from the first one.
func (r *run) resumeLadder(ctx workflow.Context, l *Ladder, fromFirst bool) {
	if l == nil || l.Closed {
		return
	}
	l.Stopped, l.By, l.Lease = nil, "", nil
	l.moves++
	l.Due = workflow.Now(ctx).UTC()
	if fromFirst {
		l.Tier, l.Repeats = 0, 0
	}
	r.nameNext(l)
	r.showAttributes(ctx)
}

// services are those of the incident.
func (r *run) services() []string {
	if r.record.Incident == nil {
		return nil
	}
	return r.record.Incident.Services
}

// tierName is what people read of the tier that comes next.
func (r *run) tierName(l *Ladder) string {
	if l.Page != nil {
		return strings.Join(l.Page, ", ")
	}
	return r.tierTitle(l.Policy, l.Tier+1)
}

func (r *run) tierTitle(policy string, tier int) string {
	if policy == "" {
		return "those who were asked"
	}
	return fmt.Sprintf("tier %d of %s", tier, r.policyTitle(policy))
}

// policyTitle names a policy as commands and org.yaml do, with what it stands for.
func (r *run) policyTitle(id string) string {
	if title := r.rules().Policies[id].Title; title != "" && title != id {
		return id + " (" + title + ")"
	}
	return id
}
