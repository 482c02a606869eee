package notify

import (
	"context"
	"errors"
	"time"
)

const (
	// attempts is how often a delivery is tried.
	attempts = 3
	// firstPause is before the second attempt; each later one is four times as long.
	firstPause = 2 * time.Second
	// longestPause is how long a medium is waited for that says when to come back. One that wants more is
	// left for later.
	longestPause = 30 * time.Second
	// patience is how long unfinished deliveries are waited for before other transports are tried. A
	// digest is gathered in less.
	patience = 15 * time.Second
)

// chase is how one person is being reached. Its state belongs to run's goroutine; those that pursue a
// delivery each send it news.
type chase struct {
	hub      *Hub
	message  Message
	to       Recipient
	outcomes []Outcome
	news     chan news

	untried int  // deliveries of which no attempt has ended yet
	running int  // deliveries that are being pursued
	others  bool // every other transport is being tried
}

// news is how an attempt at a delivery went.
type news struct {
	of          int // index in outcomes
	outcome     Outcome
	first, last bool
}

func (c *chase) run(ctx context.Context) []Outcome {
	for i := range c.outcomes {
		c.follow(ctx, i)
	}
	impatient := time.NewTimer(patience)
	defer impatient.Stop()
	waiting := true
	for {
		if !c.others && (c.untried == 0 || !waiting) && !c.hub.Reached(c.outcomes, Sent) {
			c.tryOthers(ctx)
		}
		if c.running == 0 {
			return c.outcomes
		}
		select {
		case n := <-c.news:
			c.take(n)
		case <-impatient.C:
			waiting = false
		}
	}
}

func (c *chase) take(n news) {
	c.outcomes[n.of] = n.outcome
	if n.first {
		c.untried--
	}
	if n.last {
		c.running--
	}
}

// tryOthers also uses the transports that were not used so far.
func (c *chase) tryOthers(ctx context.Context) {
	c.others = true
	used := map[string]bool{}
	for _, o := range c.outcomes {
		used[o.Transport] = true
	}
	for _, m := range c.hub.reaching(c.to) {
		if used[m.Name()] {
			continue
		}
		c.outcomes = append(c.outcomes, Outcome{Recipient: c.to.ID, Name: c.to.Name, Transport: m.Name()})
		c.follow(ctx, len(c.outcomes)-1)
	}
}

// follow pursues the delivery behind an outcome, unless that is final.
func (c *chase) follow(ctx context.Context, i int) {
	o := c.outcomes[i]
	if o.State == Sent || o.Permanent {
		return
	}
	via := c.hub.medium(o.Transport)
	if via == nil {
		c.outcomes[i].State, c.outcomes[i].Permanent = Failed, true
		c.outcomes[i].Error = "orderly.yaml has no notify." + o.Transport + " any more"
		return
	}
	d := delivery(c.message, c.to, via)
	// Another process tried, which is no more or not this one: only the medium knows.
	d.Again = o.State != "" && c.hub.table.find(d.ID) == nil
	c.untried++
	c.running++
	go c.pursue(ctx, d, via, i)
}

// pursue makes attempts at a delivery until one succeeds or there is no use any more, and tells of each.
func (c *chase) pursue(ctx context.Context, d Delivery, via *medium, i int) {
	pause := firstPause
	for n := range attempts {
		o, over := c.hub.again(ctx, d, via)
		over = over || n == attempts-1
		c.news <- news{of: i, outcome: o, first: n == 0, last: over}
		if over {
			return
		}
		if !sleep(ctx, pause) {
			c.news <- news{of: i, outcome: o, last: true}
			return
		}
		pause *= 4
	}
}

// again makes one attempt at a delivery, or joins the one under way, and says whether it was the last
// that makes sense.
func (h *Hub) again(ctx context.Context, d Delivery, via *medium) (o Outcome, over bool) {
	if f := h.table.find(d.ID); f != nil && f.over() {
		wait := time.Until(f.retry.at)
		if wait > longestPause || !sleep(ctx, wait) {
			return f.state(), true
		}
	}
	f, fresh := h.table.join(d, via, true)
	if fresh {
		h.launch([]*flight{f}) //nolint:contextcheck // a delivery outlives whoever asked for it
	}
	select {
	case <-f.landed:
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			f.off.Store(true) // somebody has acknowledged: what still waits must not wake others
		}
	}
	o = f.state()
	return o, o.State == Sent || o.Permanent || ctx.Err() != nil
}

// sleep waits, and says whether ctx let it. A deadline that would come first is not waited for.
func sleep(ctx context.Context, d time.Duration) bool {
	if until, ok := ctx.Deadline(); ok && time.Until(until) <= d {
		return false
	}
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
