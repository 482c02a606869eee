package engine

import (
	"context"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// tell sends one message to channels, stakeholder groups, roles, teams and people. Whom it could not reach is
// in the result: the workflow asks again for those.
func (p *People) tell(ctx context.Context, request workflows.TellRequest) (workflows.PageResult, error) {
	stop := action.KeepAlive(ctx)
	defer stop()
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	org, err := p.org()
	if err != nil {
		return workflows.PageResult{}, err
	}
	return p.tellAll(ctx, org, request), nil
}

func (p *People) tellAll(ctx context.Context, org *sops.Org, request workflows.TellRequest) workflows.PageResult {
	people, to, nobody := audience(org, request)
	outcomes := p.hub.Tell(ctx, to, request.Via, request.Message)
	for i := range people {
		people[i].Outcomes, people[i].Silent = outcomes[i], p.silent(outcomes[i])
	}
	return workflows.PageResult{People: people, Nobody: p.redacted(nobody)}
}

// audience is everybody behind a list of channels, stakeholder groups, roles, teams and people, each once.
func audience(org *sops.Org, request workflows.TellRequest) (people []workflows.PagedPerson, to []notify.Recipient, nobody []string) {
	channels, others := members(org, request.To)
	for _, id := range channels {
		r := channel(id, org.Channels[id])
		people, to = append(people, workflows.PagedPerson{ID: id, Name: r.Name}), append(to, r)
	}
	contacts, nobody := org.OnCall(others, request.Services, request.At)
	for _, c := range contacts {
		r := recipient(c.ID, c.Person)
		people, to = append(people, workflows.PagedPerson{ID: c.ID, Name: r.Name, As: c.As, Backup: c.Backup}), append(to, r)
	}
	return people, to, nobody
}

// members takes groups apart: the channels in a list, and its roles, teams and people.
func members(org *sops.Org, list []string) (channels, others []string) {
	var add func(list []string)
	seen := map[string]bool{}
	add = func(list []string) {
		for _, entry := range list {
			if seen[entry] {
				continue
			}
			seen[entry] = true
			if group, ok := org.Stakeholders[entry]; ok {
				add(group)
			} else if _, ok := org.Channels[entry]; ok {
				channels = append(channels, entry)
			} else {
				others = append(others, entry)
			}
		}
	}
	add(list)
	return channels, others
}

// channel is a channel as transports know it.
func channel(id string, c sops.Channel) notify.Recipient {
	name := c.Title
	if name == "" {
		name = id
	}
	return notify.Recipient{ID: id, Name: name, Slack: c.Slack, Email: c.Email, Webhook: c.Webhook, Channel: true}
}
