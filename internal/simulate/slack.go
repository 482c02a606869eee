package simulate

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/notify"
)

// slackMedium is what Slack can do besides sending: boards, and rooms of incidents.
type slackMedium struct {
	*medium

	hub *hub
}

// away is the error of a Slack that is down. It asks for more patience than anybody has, so that nothing waits
// in real time: the run tries again at its own pace.
func (s *slackMedium) away() error {
	if !s.isDown(s.w.now()) {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions("slack is down in this scenario", "Unavailable",
		temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute})
}

// Show implements notify.Boards.
func (s *slackMedium) Show(_ context.Context, b notify.Board) (string, error) {
	if err := s.away(); err != nil {
		return "", err
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if id := b.Message.ID + "/" + b.Channel.ID; !s.hub.boards[id] {
		s.hub.boards[id] = true
		s.w.result.Told = append(s.w.result.Told, Told{
			At: s.w.now(), Run: b.Message.Run, Kind: "board", Drill: b.Message.Drill, To: []string{b.Channel.ID}, Reached: []string{b.Channel.ID},
			Transports: []string{s.name}, Text: b.Message.Headline, ID: b.Message.ID,
		})
	}
	return "simulated", nil
}

// Open implements notify.Rooms.
func (s *slackMedium) Open(_ context.Context, order notify.RoomOrder) (notify.RoomInfo, error) {
	name := fmt.Sprintf("%s-%s", order.Name, order.At.UTC().Format(time.DateOnly))
	return notify.RoomInfo{ID: "simulated", Name: name}, s.away()
}

// Invite implements notify.Rooms.
func (s *slackMedium) Invite(context.Context, string, []notify.Recipient) error { return s.away() }

// Topic implements notify.Rooms.
func (s *slackMedium) Topic(context.Context, string, string) error { return s.away() }

// Close implements notify.Rooms.
func (s *slackMedium) Close(context.Context, string) error { return s.away() }
