package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// page pages everybody behind a tier at once, and where nobody behind a role could be reached, those who
// stand in for it. It answers within workflows.PageBudget.
func (p *People) page(ctx context.Context, request workflows.PageRequest) (workflows.PageResult, error) {
	org, err := p.org()
	if err != nil {
		return workflows.PageResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, workflows.PageBudget)
	defer cancel()
	one := pager{People: p, org: org, request: request}
	next, nobody := one.first()
	for len(next) > 0 {
		one.page(ctx, next)
		next = one.standIns()
	}
	return workflows.PageResult{People: one.people, Nobody: p.redacted(nobody)}, nil
}

// pager is one page.
type pager struct {
	*People

	org     *sops.Org
	request workflows.PageRequest
	people  []workflows.PagedPerson // so far
	duties  []*duty
}

// duty is something that has to reach one of some people at least.
type duty struct {
	as     string   // what they were found by, such as "leads / devops-lead"
	behind []string // people, those who stand in included
}

// role is the role that the people were found by, if it is one.
func (d *duty) role() string { return d.as[strings.LastIndex(d.as, " ")+1:] }

// first finds who is on call behind the entries, each person once.
func (p *pager) first() (contacts []sops.Contact, nobody []string) {
	for _, entry := range p.request.Page {
		found, none := p.org.OnCall([]string{entry}, p.request.Services, p.request.At)
		nobody = append(nobody, none...)
		for _, c := range found {
			p.owe(c)
			if !slices.Contains(p.request.Except, c.ID) && !slices.ContainsFunc(contacts, same(c)) {
				contacts = append(contacts, c)
			}
		}
	}
	return contacts, nobody
}

// owe notes that somebody is behind a duty.
func (p *pager) owe(c sops.Contact) {
	i := slices.IndexFunc(p.duties, func(d *duty) bool { return d.as == c.As })
	if i < 0 {
		i, p.duties = len(p.duties), append(p.duties, &duty{as: c.As})
	}
	p.duties[i].behind = append(p.duties[i].behind, c.ID)
}

// page pages some people, all at once.
func (p *pager) page(ctx context.Context, contacts []sops.Contact) {
	to := make([]notify.Recipient, len(contacts))
	for i, c := range contacts {
		to[i] = recipient(c.ID, c.Person)
	}
	outcomes := p.hub.Page(ctx, to, p.request.Via, p.request.Message)
	for i, c := range contacts {
		p.people = append(p.people, workflows.PagedPerson{
			ID: c.ID, Name: to[i].Name, As: c.As, Backup: c.Backup, Outcomes: outcomes[i], Silent: p.silent(outcomes[i]),
		})
	}
}

// standIns are those to page next: for each duty that has reached nobody yet, the nearest who stands in
// for it and was not paged.
func (p *pager) standIns() []sops.Contact {
	var next []sops.Contact
	for _, d := range p.duties {
		for _, c := range p.org.Backups(d.role(), p.request.At) {
			if slices.ContainsFunc(d.behind, p.reached) {
				break
			}
			if slices.Contains(d.behind, c.ID) {
				continue
			}
			d.behind = append(d.behind, c.ID)
			if !p.paged(c.ID) && !slices.Contains(p.request.Except, c.ID) {
				c.As = d.as
				if !slices.ContainsFunc(next, same(c)) {
					next = append(next, c)
				}
				break
			}
		}
	}
	return next
}

func same(c sops.Contact) func(sops.Contact) bool {
	return func(o sops.Contact) bool { return o.ID == c.ID }
}

func (p *pager) paged(id string) bool {
	return slices.ContainsFunc(p.people, func(o workflows.PagedPerson) bool { return o.ID == id })
}

// reached says whether something went out to somebody, or is on its way, now or at an earlier page.
func (p *pager) reached(id string) bool {
	return slices.Contains(p.request.Except, id) || slices.ContainsFunc(p.people, func(o workflows.PagedPerson) bool {
		return o.ID == id && p.hub.Reached(o.Outcomes, notify.Sent, notify.Sending)
	})
}
