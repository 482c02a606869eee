package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// page pages everybody behind a tier at once, and where nobody behind a role could be reached, those who
// stand in for it.
func (a *Activities) page(ctx context.Context, request workflows.PageRequest) (workflows.PageResult, error) {
	org, err := a.org()
	if err != nil {
		return workflows.PageResult{}, err
	}
	contacts, nobody := org.OnCall(request.Page, request.Services, request.At)
	p := pager{activities: a, org: org, request: request, nobody: nobody}
	p.page(ctx, contacts)
	for len(p.unreached) > 0 && ctx.Err() == nil {
		p.page(ctx, p.standIns())
	}
	return workflows.PageResult{People: p.people, Nobody: a.redacted(p.nobody)}, nil
}

// pager is one page.
type pager struct {
	activities *Activities
	org        *sops.Org
	request    workflows.PageRequest

	people []workflows.PagedPerson
	nobody []string
	// unreached are the roles behind which nobody was reached, as contacts name them, whose stand-ins have
	// not been paged yet.
	unreached []string
}

// page pages some people, all at once, and notes the roles behind which nobody was reached.
func (p *pager) page(ctx context.Context, contacts []sops.Contact) {
	contacts = slices.DeleteFunc(contacts, func(c sops.Contact) bool { return slices.Contains(p.request.Except, c.ID) })
	to := make([]notify.Recipient, len(contacts))
	for i, c := range contacts {
		to[i] = recipient(c.ID, c.Person)
	}
	outcomes := p.activities.hub.Page(ctx, to, p.request.Via, p.request.Message)
	reached := map[string]bool{}
	for i, c := range contacts {
		p.people = append(p.people, workflows.PagedPerson{ID: c.ID, Name: to[i].Name, As: c.As, Backup: c.Backup, Outcomes: outcomes[i]})
		reached[c.As] = reached[c.As] || p.activities.hub.Reached(outcomes[i], notify.Sent, notify.Sending)
	}
	p.unreached = nil
	for _, c := range contacts {
		if !reached[c.As] && !slices.Contains(p.unreached, c.As) {
			p.unreached = append(p.unreached, c.As)
		}
	}
}

// standIns are the next ones for the roles that were not reached, each the nearest that was not paged yet.
func (p *pager) standIns() []sops.Contact {
	var next []sops.Contact
	for _, as := range p.unreached {
		role := as[strings.LastIndex(as, " ")+1:] // "leads / devops-lead"
		backups := p.org.Backups(role, p.request.At)
		i := slices.IndexFunc(backups, func(c sops.Contact) bool { return !p.paged(c.ID) && !slices.ContainsFunc(next, same(c)) })
		if i < 0 {
			continue
		}
		c := backups[i]
		c.As = as
		next = append(next, c)
	}
	return next
}

func same(c sops.Contact) func(sops.Contact) bool {
	return func(o sops.Contact) bool { return o.ID == c.ID }
}

func (p *pager) paged(id string) bool {
	return slices.ContainsFunc(p.people, func(o workflows.PagedPerson) bool { return o.ID == id })
}

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
func (a *Activities) deliver(ctx context.Context, request workflows.DeliverRequest) (workflows.PageResult, error) {
	stop := action.KeepAlive(ctx)
	defer stop()
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	org, err := a.org()
	if err != nil {
		return workflows.PageResult{}, err
	}
	owed := make([]notify.Owed, len(request.Owed))
	for i, person := range request.Owed {
		owed[i] = notify.Owed{To: addressed(org, person), Outcomes: person.Outcomes}
	}
	outcomes := a.hub.Deliver(ctx, request.Message, owed)
	result := workflows.PageResult{People: slices.Clone(request.Owed)}
	for i := range result.People {
		result.People[i].Outcomes = outcomes[i]
	}
	return result, nil
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
func (a *Activities) person(_ context.Context, request workflows.PersonRequest) (workflows.Person, error) {
	org, err := a.orgs.Now()
	switch {
	case errors.Is(err, sops.ErrNoOrg):
		return workflows.Person{NoOrg: true, Problem: a.redact(err.Error())}, nil
	case err != nil:
		return workflows.Person{}, a.unusable(err)
	}
	id, p, ok := org.Who(request.By)
	if !ok {
		return workflows.Person{Problem: a.redact(org.Unknown(request.By))}, nil
	}
	as, _ := org.Behind(id, request.Behind, request.Services)
	return workflows.Person{ID: id, Name: recipient(id, p).Name, As: as}, nil
}

// org is the org as it is now; without one nobody can be paged.
func (a *Activities) org() (*sops.Org, error) {
	org, err := a.orgs.Now()
	if err != nil {
		return nil, a.unusable(err)
	}
	return org, nil
}

// unusable is why there is no org. Somebody may be mending it, so it is tried again.
func (a *Activities) unusable(err error) error {
	return temporal.NewApplicationError(a.redact(err.Error()), workflows.ErrUnreadable)
}

func (a *Activities) redacted(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, a.redact(t))
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
