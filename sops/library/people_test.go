package library_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// staff is who stands behind the entries that the shipped procedures page and ask, one person each.
var staff = map[string][]string{
	"maintenance-coordinator": {"ana"}, "incident-commander": {"ana"}, "leads": {"ben", "chloe", "ella"},
	"devops-lead": {"ben"}, "backend-lead": {"chloe"}, "on-call-second": {"dev"}, "all-hands": {"gita", "ben", "chloe"},
	"emergency-team": {"ben", "chloe"}, "database-lead": {"chloe"}, "security-team": {"finn"},
	"frontend-lead": {"ella"}, "project-manager": {"hugo"}, "on-call": {"chloe"},
}

func behind(entry string) []string {
	if entry == "service.owner" {
		return nil
	}
	if people, ok := staff[entry]; ok {
		return people
	}
	return []string{entry}
}

// registerPeople lets everybody be paged and asked; what is asked is kept by the step's title.
func (b *bench) registerPeople() {
	b.local(workflows.ActivityPage, b.page)
	b.local(workflows.ActivityPerson, person)
	b.local(workflows.ActivityTell, func(_ context.Context, q workflows.TellRequest) (workflows.PageResult, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if q.Message.Kind == notify.KindAsk {
			b.asks[q.Message.Headline] = q.Message.Body
		}
		return workflows.PageResult{}, nil
	})
	b.local(workflows.ActivityDeliver, func(context.Context, workflows.DeliverRequest) (workflows.PageResult, error) {
		return workflows.PageResult{}, nil
	})
	b.local(workflows.ActivityBoard, func(context.Context, workflows.BoardRequest) (workflows.BoardResult, error) {
		return workflows.BoardResult{}, nil
	})
	b.local(workflows.ActivityRoom, func(_ context.Context, q workflows.RoomRequest) (workflows.Room, error) {
		return workflows.Room{ID: "C1", Name: "incident-2026-11-21"}, nil
	})
}

func (b *bench) page(_ context.Context, q workflows.PageRequest) (workflows.PageResult, error) {
	var result workflows.PageResult
	for _, entry := range q.Page {
		for _, id := range behind(entry) {
			if slices.Contains(q.Except, id) || slices.ContainsFunc(result.People, func(p workflows.PagedPerson) bool { return p.ID == id }) {
				continue
			}
			result.People = append(result.People, workflows.PagedPerson{ID: id, Name: called(id),
				Outcomes: []notify.Outcome{{Recipient: id, Name: called(id), Transport: "slack", State: notify.Sent}}})
			b.mu.Lock()
			b.pages = append(b.pages, fmt.Sprintf("%s %s", b.env.Now().Sub(began).Round(time.Second), id))
			b.mu.Unlock()
		}
		if len(behind(entry)) == 0 {
			result.Nobody = append(result.Nobody, entry+": no service is known")
		}
	}
	return result, nil
}

func person(_ context.Context, q workflows.PersonRequest) (workflows.Person, error) {
	found := workflows.Person{ID: q.By, Name: called(q.By)}
	for _, entry := range q.Behind {
		if slices.Contains(behind(entry), q.By) {
			found.As = entry
			break
		}
	}
	return found, nil
}

func called(id string) string { return strings.ToUpper(id[:1]) + id[1:] }
