package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// room opens the incident's own Slack channel, sets its topic and brings people in, or archives it. What
// can't be done for good is a problem of the answer, not a failure: an incident goes on without its room.
func (p *People) room(ctx context.Context, request workflows.RoomRequest) (workflows.Room, error) {
	stop := action.KeepAlive(ctx)
	defer stop()
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	rooms := find[notify.Rooms](p.hub)
	if rooms == nil {
		return workflows.Room{}, nil
	}
	if request.Close {
		err := notify.Persist(ctx, func(ctx context.Context) error { return (*rooms).Close(ctx, request.ID) })
		return workflows.Room{ID: request.ID, Problem: p.problem(err)}, p.worthATry(err)
	}
	room, err := prepare(ctx, *rooms, request)
	out := workflows.Room{ID: room.ID, Name: room.Name, URL: room.URL, Problem: p.problem(err)}
	if room.ID == "" || len(request.Invite) == 0 {
		return out, p.worthATry(err)
	}
	org, lookup := p.orgs.Now()
	if lookup != nil {
		out.NoOrg = errors.Is(lookup, sops.ErrNoOrg)
		out.Problem = joined(out.Problem, p.redact(lookup.Error()))
		return out, p.worthATry(err)
	}
	missing, notInvited := invite(ctx, *rooms, room.ID, guests(org, request.Invite))
	out.Problem = joined(joined(out.Problem, missing), p.problem(notInvited))
	return out, errors.Join(p.worthATry(err), p.worthATry(notInvited))
}

// prepare opens a room, or sets the topic of one that is open.
func prepare(ctx context.Context, rooms notify.Rooms, request workflows.RoomRequest) (room notify.RoomInfo, err error) {
	if request.ID == "" {
		order := notify.RoomOrder{Name: request.Name, Key: request.Key, Topic: request.Topic, At: request.At}
		err = notify.Persist(ctx, func(ctx context.Context) error {
			room, err = rooms.Open(ctx, order)
			return err
		})
		return room, err
	}
	room = notify.RoomInfo{ID: request.ID, Name: request.Name}
	if request.Topic != "" {
		err = notify.Persist(ctx, func(ctx context.Context) error { return rooms.Topic(ctx, request.ID, request.Topic) })
	}
	return room, err
}

// guests are people as the room knows them.
func guests(org *sops.Org, ids []string) []notify.Recipient {
	people := make([]notify.Recipient, len(ids))
	for i, id := range ids {
		people[i] = recipient(id, org.People[id])
	}
	return people
}

// invite brings people in, and says who has no Slack.
func invite(ctx context.Context, rooms notify.Rooms, id string, people []notify.Recipient) (missing string, err error) {
	var without []string
	people = slices.DeleteFunc(people, func(r notify.Recipient) bool {
		if r.Slack == "" {
			without = append(without, r.ID)
			return true
		}
		return false
	})
	if len(without) > 0 {
		missing = "org.yaml has no Slack member id of " + strings.Join(without, ", ")
	}
	if len(people) == 0 {
		return missing, nil
	}
	return missing, notify.Persist(ctx, func(ctx context.Context) error { return rooms.Invite(ctx, id, people) })
}

// problem is an error as the history may keep it, "" for none.
func (p *People) problem(err error) string {
	if err == nil {
		return ""
	}
	return p.redact(notify.Words(err))
}

// worthATry makes an activity's error of one that may go away, at the pace that the medium asks for; nil
// of any other.
func (p *People) worthATry(err error) error {
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	if err == nil || ok && app.NonRetryable() {
		return nil
	}
	options := temporal.ApplicationErrorOptions{}
	if ok {
		options.NextRetryDelay = app.NextRetryDelay()
	}
	return temporal.NewApplicationErrorWithOptions(p.problem(err), "Unavailable", options)
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
