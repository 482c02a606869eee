package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// room opens the incident's own Slack channel, sets its topic and brings people in, or archives it. What
// can't be done is a problem of the answer, not a failure: an incident goes on without its room.
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
		return workflows.Room{ID: request.ID, Problem: p.redact(problem(err))}, nil
	}
	room, err := prepare(ctx, *rooms, request)
	out := workflows.Room{ID: room.ID, Name: room.Name, URL: room.URL, Problem: p.redact(problem(err))}
	if room.ID == "" || len(request.Invite) == 0 {
		return out, nil
	}
	org, lookup := p.orgs.Now()
	if lookup != nil {
		out.NoOrg = errors.Is(lookup, sops.ErrNoOrg)
		out.Problem = joined(out.Problem, p.redact(lookup.Error()))
		return out, nil
	}
	out.Problem = joined(out.Problem, p.redact(invite(ctx, *rooms, org, workflows.RoomRequest{ID: room.ID, Invite: request.Invite})))
	return out, nil
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

// invite brings people in and says who could not be.
func invite(ctx context.Context, rooms notify.Rooms, org *sops.Org, request workflows.RoomRequest) string {
	var people []notify.Recipient
	var missing []string
	for _, id := range request.Invite {
		p := org.People[id]
		if p.Slack == "" {
			missing = append(missing, id)
			continue
		}
		people = append(people, recipient(id, p))
	}
	text := ""
	if len(missing) > 0 {
		text = "org.yaml has no Slack member id of " + strings.Join(missing, ", ")
	}
	if len(people) == 0 {
		return text
	}
	err := notify.Persist(ctx, func(ctx context.Context) error { return rooms.Invite(ctx, request.ID, people) })
	return joined(text, problem(err))
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
