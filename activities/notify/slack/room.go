package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
)

const (
	maxNote  = 250 // characters of a topic or purpose, Slack's limit
	maxSlug  = 60  // of the wanted name: 80 is Slack's limit, day and number need the rest
	maxRooms = 99  // of one name and day
)

// unclaimed is how long a room may be without a key before it counts as left behind by a process that
// died just after it made it.
const unclaimed = 10 * time.Second

// Open opens the room of a run, or finds it again by the key in its purpose. There may be a room even
// beside an error: one whose topic could not be set, say.
func (s *Slack) Open(ctx context.Context, order notify.RoomOrder) (notify.RoomInfo, error) {
	self, err := s.whoami(ctx)
	if err != nil {
		return notify.RoomInfo{}, err
	}
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return notify.RoomInfo{}, fmt.Errorf("slack: open a room: %w", ctx.Err())
	}
	base := slug(order.Name) + "-" + order.At.UTC().Format(time.DateOnly)
	room, err := s.createRoom(ctx, base)
	if code := expected(""); errors.As(err, &code) {
		room, err = s.findRoom(ctx, base, order.Key, self.UserID)
	}
	if err != nil {
		return notify.RoomInfo{}, err
	}
	info := notify.RoomInfo{ID: room.ID, Name: room.Name, URL: strings.TrimSuffix(self.URL, "/") + "/archives/" + room.ID}
	return info, s.furnish(ctx, room, order)
}

// createRoom makes a channel. A name that is taken is an expected error.
func (s *Slack) createRoom(ctx context.Context, name string) (room *api.Channel, err error) {
	call := op{method: "conversations.create", place: "#" + name, expect: []string{"name_taken"}}
	err = s.do(ctx, call, func(ctx context.Context) (err error) {
		room, err = s.client.CreateConversationContext(ctx, api.CreateConversationParams{ChannelName: name})
		if err == nil && room.ID == "" {
			err = errNoAnswer
		}
		return err
	})
	return room, err
}

// findRoom is for a name that is taken: it finds the room that has our key, or one that nobody has
// claimed, or makes one with the next number.
func (s *Slack) findRoom(ctx context.Context, base, key, self string) (*api.Channel, error) {
	var ours *api.Channel
	taken := map[string]*api.Channel{}
	err := s.eachChannel(ctx, "#"+base, func(c *api.Channel) bool {
		if c.Name != base && !strings.HasPrefix(c.Name, base+"-") {
			return true
		}
		room := *c
		taken[c.Name] = &room
		if strings.Contains(c.Purpose.Value, tag(key)) {
			ours = &room
		}
		return ours == nil
	})
	if err != nil || ours != nil {
		return ours, err
	}
	for n := 1; n <= maxRooms; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		room, err := s.claim(ctx, name, taken[name], self)
		if code := expected(""); !errors.As(err, &code) {
			return room, err
		}
	}
	return nil, action.Permanent(action.ErrDenied, "slack: the names #%s to #%s-%d are all taken", base, base, maxRooms)
}

// claim makes a room of that name, or takes over the one there is, if it was left behind. One that was
// made just now may be about to get its key: that is waited for.
func (s *Slack) claim(ctx context.Context, name string, there *api.Channel, self string) (*api.Channel, error) {
	switch {
	case there == nil:
		return s.createRoom(ctx, name)
	case there.Creator != self, there.IsArchived, there.Purpose.Value != "":
		return nil, expected("name_taken")
	}
	if age := s.now().Sub(there.Created.Time()); age < unclaimed {
		return nil, comeBack(unclaimed, fmt.Sprintf("slack #%s: was made just now and says not for what", name))
	}
	return there, nil
}

// furnish gives a room its key and topic.
func (s *Slack) furnish(ctx context.Context, room *api.Channel, order notify.RoomOrder) error {
	if room.IsArchived {
		return nil // found again after it was closed
	}
	if !strings.Contains(room.Purpose.Value, tag(order.Key)) {
		purpose := cutEscaped("Orderly run "+oneLine(order.Key), maxNote-len(tag(order.Key))-1) + " " + tag(order.Key)
		err := s.do(ctx, op{method: "conversations.setPurpose", place: "#" + room.Name}, func(ctx context.Context) error {
			_, err := s.client.SetPurposeOfConversationContext(ctx, room.ID, purpose)
			return err
		})
		if err != nil {
			return err
		}
	}
	if order.Topic == "" || room.Topic.Value == topic(order.Topic) {
		return nil
	}
	return s.setTopic(ctx, "#"+room.Name, room.ID, order.Topic)
}

// Topic sets a room's topic.
func (s *Slack) Topic(ctx context.Context, id, text string) error {
	return s.setTopic(ctx, id, id, text)
}

func (s *Slack) setTopic(ctx context.Context, place, id, text string) error {
	return s.do(ctx, op{method: "conversations.setTopic", place: place}, func(ctx context.Context) error {
		_, err := s.client.SetTopicOfConversationContext(ctx, id, topic(text))
		return err
	})
}

// Close archives a room.
func (s *Slack) Close(ctx context.Context, id string) error {
	call := op{method: "conversations.archive", place: id, expect: []string{"already_archived", "channel_not_found"}}
	err := s.do(ctx, call, func(ctx context.Context) error { return s.client.ArchiveConversationContext(ctx, id) })
	if code := expected(""); errors.As(err, &code) {
		return nil
	}
	return err
}

func topic(text string) string { return cutEscaped(oneLine(text), maxNote) }

// tag is what a room's purpose says for us: short, and the same whatever Slack does to texts.
func tag(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "[orderly:" + hex.EncodeToString(sum[:8]) + "]"
}

// slug makes a name that Slack takes for a channel.
func slug(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	clean = strings.Trim(clean[:min(len(clean), maxSlug)], "-_")
	return or(clean, "incident")
}
