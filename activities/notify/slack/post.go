package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/slack-go/slack"
)

// eventType marks the metadata of Orderly's messages.
const eventType = "orderly_message"

// Messages are looked for newest first, in so many pages of so many.
const (
	pageSize  = 200
	pageCount = 10
)

// clocks is how far Slack's clock and ours may be apart.
const clocks = 10 * time.Minute

// venue is a conversation: as org.yaml names it ("#name", a channel id, a member id), and its id where
// that is known.
type venue struct{ name, id string }

// spot is where a message is.
type spot struct {
	channel string // id
	ts      string
}

// String is "channel/ts".
func (s spot) String() string { return s.channel + "/" + s.ts }

// post is a message to be.
type post struct {
	to      venue
	thread  string // ts of the message it replies to
	id      string // in its metadata
	content content
}

// options are the parts that a new message and an edited one share.
func (p post) options() []api.MsgOption {
	return []api.MsgOption{
		api.MsgOptionText(escape(p.content.fallback), false),
		api.MsgOptionBlocks(p.content.blocks...),
		api.MsgOptionMetadata(api.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"id": p.id}}),
		// Texts are not ours: no names, addresses or markup are looked for in them.
		api.MsgOptionParse(false),
		api.MsgOptionLinkNames(false),
		api.MsgOptionDisableMarkdown(),
		api.MsgOptionDisableLinkUnfurl(),
		api.MsgOptionDisableMediaUnfurl(),
	}
}

// post sends a new message.
func (s *Slack) post(ctx context.Context, p post) (spot, error) {
	options := p.options()
	if p.thread != "" {
		options = append(options, api.MsgOptionTS(p.thread))
	}
	var at spot
	err := s.do(ctx, op{method: "chat.postMessage", place: p.to.name, paced: true}, func(ctx context.Context) (err error) {
		at.channel, at.ts, err = s.client.PostMessageContext(ctx, or(p.to.id, p.to.name), options...)
		if err == nil && (at.ts == "" || at.channel == "") {
			err = errNoAnswer
		}
		return err
	})
	if err != nil {
		return spot{}, err
	}
	s.places.keep(p.to.name, at.channel)
	return at, nil
}

// edit makes a message say something else. gone says that there is none to edit any more.
func (s *Slack) edit(ctx context.Context, at spot, p post) (gone bool, err error) {
	call := op{method: "chat.update", place: p.to.name, expect: []string{"message_not_found", "cant_update_message", "edit_window_closed"}}
	err = s.do(ctx, call, func(ctx context.Context) error {
		_, ts, _, err := s.client.UpdateMessageContext(ctx, at.channel, at.ts, p.options()...)
		if err == nil && ts == "" {
			err = errNoAnswer
		}
		return err
	})
	if code := expected(""); errors.As(err, &code) {
		return true, nil
	}
	return false, err
}

// find looks for a message of ours among those of a channel since a time. The spot is empty when it is
// not there.
func (s *Slack) find(ctx context.Context, in venue, id string, since time.Time) (spot, error) {
	ask := api.GetConversationHistoryParameters{
		ChannelID: in.id, Limit: pageSize, IncludeAllMetadata: true, Oldest: stamp(since),
	}
	for range pageCount {
		var page *api.GetConversationHistoryResponse
		err := s.do(ctx, op{method: "conversations.history", place: in.name}, func(ctx context.Context) (err error) {
			page, err = s.client.GetConversationHistoryContext(ctx, &ask)
			return err
		})
		if err != nil {
			return spot{}, err
		}
		for i := range page.Messages {
			if idOf(&page.Messages[i]) == id {
				return spot{channel: in.id, ts: page.Messages[i].Timestamp}, nil
			}
		}
		ask.Cursor = page.ResponseMetaData.NextCursor
		if ask.Cursor == "" {
			break
		}
	}
	return spot{}, nil
}

// stamp writes a time as Slack does; the zero time and others long ago are the beginning.
func stamp(t time.Time) string {
	if t.Unix() <= 0 {
		return ""
	}
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// idOf is the id that we gave a message, "" for those of others.
func idOf(m *api.Message) string {
	id, ok := m.Metadata.EventPayload["id"].(string)
	if !ok || m.Metadata.EventType != eventType {
		return ""
	}
	return id
}

// conversation finds out the id of the channel, or of the direct messages with the member, that is meant.
func (s *Slack) conversation(ctx context.Context, to string) (venue, error) {
	if id, ok := s.places.get(to); ok {
		return venue{name: to, id: id}, nil
	}
	id, err := to, error(nil)
	switch {
	case strings.HasPrefix(to, "#"):
		id, err = s.channelNamed(ctx, to)
	case strings.HasPrefix(to, "U"), strings.HasPrefix(to, "W"):
		id, err = s.direct(ctx, to)
	}
	return venue{name: to, id: id}, err
}
