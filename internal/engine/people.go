package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// People is how the people of org.yaml are looked up, paged and told.
type People struct {
	hub    Messenger
	orgs   *orgs
	redact func(string) string
	now    func() time.Time
}

// Messenger is how messages get to people and channels: a *notify.Hub, or what stands in for one where
// nobody must be disturbed.
type Messenger interface {
	Page(ctx context.Context, to []notify.Recipient, via []string, m notify.Message) [][]notify.Outcome
	Tell(ctx context.Context, to []notify.Recipient, via []string, m notify.Message) [][]notify.Outcome
	Deliver(ctx context.Context, m notify.Message, owed []notify.Owed) [][]notify.Outcome
	Reached(outcomes []notify.Outcome, states ...notify.State) bool
	Transports() []notify.Transport
}

// PeopleOptions are what may be left out.
type PeopleOptions struct {
	// Redact takes the secrets out of what is kept in a run's history. Nil: nothing is changed.
	Redact func(string) string
	// Logger is told of an org.yaml that can't be used. Default: slog.Default.
	Logger *slog.Logger
	// Now says who is on call when notify.send asks. Default: time.Now.
	Now func() time.Time
}

// NewPeople looks people up in the org.yaml of the sources and reaches them through a hub, which stays the
// caller's to close.
func NewPeople(sources []sops.Source, hub Messenger, o PeopleOptions) *People {
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &People{
		hub: hub, redact: o.Redact, now: o.Now,
		orgs: &orgs{sources: sources, logger: cmp.Or(o.Logger, slog.Default())},
	}
}

// Org gives org.yaml as it is now, or as it was when it was last good.
func (p *People) Org() (*sops.Org, error) { return p.orgs.Now() }

// recipient is a person as transports know them.
func recipient(id string, p sops.Person) notify.Recipient {
	name := p.Name
	if name == "" {
		name = id
	}
	return notify.Recipient{ID: id, Name: name, Slack: p.Slack, Email: p.Email, Webhook: p.Webhook}
}

// deliver brings pages to their end. Addresses are looked up anew: a number that was wrong may have been
// mended.
func (p *People) deliver(ctx context.Context, request workflows.DeliverRequest) (workflows.PageResult, error) {
	stop := action.KeepAlive(ctx)
	defer stop()
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	org, err := p.org()
	if err != nil {
		return workflows.PageResult{}, err
	}
	owed := make([]notify.Owed, len(request.Owed))
	for i, who := range request.Owed {
		owed[i] = notify.Owed{To: addressed(org, who), Outcomes: who.Outcomes}
	}
	outcomes := p.hub.Deliver(ctx, request.Message, owed)
	result := workflows.PageResult{People: slices.Clone(request.Owed)}
	for i := range result.People {
		result.People[i].Outcomes, result.People[i].Silent = outcomes[i], p.silent(outcomes[i])
	}
	return result, nil
}

// silent says that something went out, or is about to, and yet nobody is reached by it.
func (p *People) silent(outcomes []notify.Outcome) bool {
	out := slices.ContainsFunc(outcomes, func(o notify.Outcome) bool { return o.State != notify.Failed })
	return out && !p.hub.Reached(outcomes, notify.Sent, notify.Sending)
}

// addressed is where a paged person, or a channel, is reached now.
func addressed(org *sops.Org, p workflows.PagedPerson) notify.Recipient {
	if c, ok := org.Channels[p.ID]; ok {
		return channel(p.ID, c)
	}
	to := recipient(p.ID, org.People[p.ID])
	to.Name = p.Name
	return to
}

// person says who somebody is and whether they stand behind one of the entries.
func (p *People) person(_ context.Context, request workflows.PersonRequest) (workflows.Person, error) {
	org, err := p.orgs.Now()
	switch {
	case errors.Is(err, sops.ErrNoOrg):
		return workflows.Person{NoOrg: true, Problem: p.redact(err.Error())}, nil
	case err != nil:
		return workflows.Person{}, p.unusable(err)
	}
	id, who, ok := org.Who(request.By)
	if !ok {
		return workflows.Person{Problem: p.redact(org.Unknown(request.By))}, nil
	}
	as, _ := org.Behind(id, request.Behind, request.Services)
	return workflows.Person{ID: id, Name: recipient(id, who).Name, As: as}, nil
}

// org is the org as it is now; without one nobody can be paged.
func (p *People) org() (*sops.Org, error) {
	org, err := p.orgs.Now()
	if err != nil {
		return nil, p.unusable(err)
	}
	return org, nil
}

// unusable is why there is no org. Somebody may be mending it, so it is tried again.
func (p *People) unusable(err error) error {
	return temporal.NewApplicationError(p.redact(err.Error()), workflows.ErrUnreadable)
}

func (p *People) redacted(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, p.redact(t))
	}
	return out
}

// margin is what is left of an activity's time to say how far it came.
const margin = 3 * time.Second

// untilDeadline is ctx, ending in time to answer.
func untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if until, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, until.Add(-margin))
	}
	return context.WithCancel(ctx)
}
