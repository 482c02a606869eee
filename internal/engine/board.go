package engine

import (
	"context"
	"maps"
	"sync"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

const (
	// inRoom is the key of the incident's own channel among refs and problems.
	inRoom = "room"
	// told is what follows a channel's id in the key under which refs keep what its mailing list was told.
	told = "/told"
)

// aborted is the status of an incident that was given up.
const aborted = "aborted"

// The words under that key.
const (
	toldOpened  = "opened"
	toldAborted = "aborted"
)

// board shows how an incident stands in its channels, all at once. Mailing lists and webhooks, which can't
// be edited, are told when it begins and when it is given up; of what comes between, and of the resolution,
// they are told like everybody who is kept informed. It fails, so that it is tried again, when it could not
// be shown anywhere and may still be.
func (p *People) board(ctx context.Context, request workflows.BoardRequest) (workflows.BoardResult, error) {
	stop := action.KeepAlive(ctx)
	defer stop()
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	org, err := p.org()
	if err != nil {
		return workflows.BoardResult{}, err
	}
	s := show{People: p, request: request, refs: maps.Clone(request.Refs), problems: map[string]string{}}
	if s.refs == nil {
		s.refs = map[string]string{}
	}
	var all sync.WaitGroup
	for _, id := range request.Channels {
		c, ok := org.Channels[id]
		if !ok {
			s.note(id, "", "org.yaml has no such channel any more")
			continue
		}
		if c.Slack != "" {
			all.Go(func() { s.board(ctx, id, channel(id, c)) })
		}
		if c.Email != "" || c.Webhook != "" {
			all.Go(func() { s.announce(ctx, id, c) })
		}
	}
	if request.Room != "" {
		all.Go(func() {
			s.board(ctx, inRoom, notify.Recipient{ID: inRoom, Name: inRoom, Slack: request.Room, Channel: true})
		})
	}
	all.Wait()
	if s.shown == 0 && s.again != nil {
		return workflows.BoardResult{}, s.again
	}
	return workflows.BoardResult{Refs: s.refs, Problems: s.problems}, nil
}

// show is one board being shown.
type show struct {
	*People

	request workflows.BoardRequest

	mu             sync.Mutex
	refs, problems map[string]string
	shown          int   // in how many channels
	again          error // of one where it may be shown later
}

func (s *show) note(key, ref, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ref != "" {
		s.refs[key] = s.redact(ref)
	}
	if problem != "" {
		s.problems[key] = s.redact(problem)
	}
}

func (s *show) ref(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refs[key]
}

// board shows it in one Slack channel.
func (s *show) board(ctx context.Context, key string, to notify.Recipient) {
	boards := find[notify.Boards](s.hub)
	if boards == nil {
		s.note(key, "", noSlack)
		return
	}
	b := notify.Board{Channel: to, Ref: s.ref(key), Message: s.request.Message}
	for _, e := range s.request.Events {
		b.Events = append(b.Events, notify.Event{N: e.N, At: e.At, Text: e.Text})
	}
	err := notify.Persist(ctx, func(ctx context.Context) error {
		ref, err := (*boards).Show(ctx, b)
		if ref != "" {
			b.Ref = ref
		}
		return err
	})
	s.note(key, b.Ref, s.problem(err))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.shown++
	} else if later := s.worthATry(err); later != nil {
		s.again = later
	}
}

// announce tells a mailing list or webhook that the incident began, or that it was given up.
func (s *show) announce(ctx context.Context, id string, c sops.Channel) {
	m, was := s.request.Message, s.ref(id+told)
	next := toldOpened
	if m.Status == aborted {
		next = toldAborted
	}
	if was == next || was == toldAborted {
		return
	}
	m.ID += "/" + next
	to := channel(id, c)
	to.Slack = "" // it has the board
	outcomes := s.hub.Tell(ctx, []notify.Recipient{to}, []string{"email", "webhook"}, m)[0]
	ref, trouble := next, ""
	for _, o := range outcomes {
		if o.State != notify.Sent {
			trouble = o.Transport + ": " + o.Error
			if !o.Permanent {
				ref = "" // again with the next change; what was sent is not sent twice
			}
		}
	}
	s.note(id+told, ref, trouble)
}

// noSlack says why there is no board.
const noSlack = "orderly.yaml has no notify.slack"

// find gives the transport that can do more than send, or nil.
func find[T any](hub Messenger) *T {
	for _, t := range hub.Transports() {
		if able, ok := t.(T); ok {
			return &able
		}
	}
	return nil
}
