package slackapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Message is a message of the bot's.
type Message struct {
	Channel  string // id
	User     string // of direct messages: to whom
	TS       string
	ThreadTS string // of the message it is a reply to
	Text     string // the fallback, as it was sent
	Blocks   json.RawMessage
	Metadata Metadata
	Args     map[string]string // of the call that made it, without the token: mrkdwn, unfurl_links…
	Edits    int

	deleted bool
	at      time.Time
}

// Metadata is what the app keeps with a message.
type Metadata struct {
	EventType    string         `json:"event_type"`
	EventPayload map[string]any `json:"event_payload"`
}

// ID is the id in the message's metadata, "" without one.
func (m Message) ID() string {
	id, ok := m.Metadata.EventPayload["id"].(string)
	if !ok {
		return ""
	}
	return id
}

// Shows is what a reader sees of the blocks, each text on its own line.
func (m Message) Shows() string {
	var blocks any
	if json.Unmarshal(m.Blocks, &blocks) != nil {
		return ""
	}
	var lines []string
	eachText(blocks, func(text string, escaped bool) {
		if escaped {
			text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
		}
		lines = append(lines, text)
	})
	return strings.Join(lines, "\n")
}

func (s *Server) postMessage(a args) (map[string]any, error) {
	c, err := s.target(a["channel"])
	if err != nil {
		return nil, err
	}
	m := &Message{Channel: c.id, User: c.user, at: time.Now()}
	if err := m.fill(a); err != nil {
		return nil, err
	}
	if parent := s.message(c.id, a["thread_ts"]); parent != nil {
		m.ThreadTS = parent.TS // a reply to a message that is gone stands for itself, as in Slack
	}
	if err := s.admit(c, m.at); err != nil {
		return nil, err
	}
	m.TS = s.stamp(m.at)
	s.messages = append(s.messages, m)
	return map[string]any{"channel": c.id, "ts": m.TS, "message": m.object(true)}, nil
}

// target is where a message may go.
func (s *Server) target(where string) (*channel, error) {
	c := s.find(where)
	if _, known := s.users[where]; c == nil && known && where != Bot {
		c = s.direct(where)
	}
	switch {
	case c == nil, c.private && !c.has(Bot):
		return nil, refusal{Code: "channel_not_found"}
	case c.archived:
		return nil, refusal{Code: "is_archived"}
	case !c.has(Bot):
		return nil, refusal{Code: "not_in_channel"}
	}
	return c, nil
}

// admit enforces the limit of messages a channel.
func (s *Server) admit(c *channel, now time.Time) error {
	if s.every == 0 {
		return nil
	}
	for i := len(s.messages) - 1; i >= 0; i-- {
		if m := s.messages[i]; m.Channel == c.id {
			if wait := s.every - now.Sub(m.at); wait > 0 {
				return refusal{RetryAfter: wait}
			}
			break
		}
	}
	return nil
}

// fill takes what a call says of the message.
func (m *Message) fill(a args) error {
	if a["text"] == "" && a["blocks"] == "" {
		return refusal{Code: "no_text"}
	}
	if chars(a["text"]) > 40_000 {
		return refusal{Code: "msg_too_long"}
	}
	if err := checkBlocks(a["blocks"]); err != nil {
		return err
	}
	if raw := a["metadata"]; raw != "" {
		var meta Metadata
		if json.Unmarshal([]byte(raw), &meta) != nil || meta.EventType == "" || meta.EventPayload == nil {
			return refusal{Code: "invalid_metadata_format"}
		}
		m.Metadata = meta
	}
	m.Text, m.Blocks, m.Args = a["text"], json.RawMessage(a["blocks"]), map[string]string{}
	for name, value := range a {
		if name != "token" {
			m.Args[name] = value
		}
	}
	return nil
}

// stamp makes a time stamp that no other message has.
func (s *Server) stamp(now time.Time) string {
	s.last = max(s.last+1, now.UnixMicro())
	return fmt.Sprintf("%d.%06d", s.last/1e6, s.last%1e6)
}

func (s *Server) message(channel, ts string) *Message {
	for _, m := range s.messages {
		if m.Channel == channel && m.TS == ts && !m.deleted {
			return m
		}
	}
	return nil
}

func (s *Server) update(a args) (map[string]any, error) {
	c, m, err := s.existing(a)
	if err != nil {
		return nil, err
	}
	if err := m.fill(a); err != nil {
		return nil, err
	}
	m.Edits++
	return map[string]any{"channel": c.id, "ts": m.TS, "text": m.Text, "message": m.object(true)}, nil
}

func (s *Server) deleteMessage(a args) (map[string]any, error) {
	c, m, err := s.existing(a)
	if err != nil {
		return nil, err
	}
	m.deleted = true
	return map[string]any{"channel": c.id, "ts": m.TS}, nil
}

// existing is the message that a call is about. Unlike new ones, these go by the channel's id only.
func (s *Server) existing(a args) (*channel, *Message, error) {
	c := s.byID(a["channel"])
	if c == nil {
		return nil, nil, refusal{Code: "channel_not_found"}
	}
	if c.archived {
		return nil, nil, refusal{Code: "is_archived"}
	}
	m := s.message(c.id, a["ts"])
	if m == nil {
		return nil, nil, refusal{Code: "message_not_found"}
	}
	return c, m, nil
}

// object is a message as Slack answers it.
func (m *Message) object(metadata bool) map[string]any {
	o := map[string]any{"type": "message", "user": Bot, "bot_id": "B01", "ts": m.TS, "text": m.Text}
	if len(m.Blocks) > 0 {
		o["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		o["thread_ts"] = m.ThreadTS
	}
	if m.Edits > 0 {
		o["edited"] = map[string]any{"user": Bot, "ts": m.TS}
	}
	if metadata && m.Metadata.EventType != "" {
		o["metadata"] = m.Metadata
	}
	return o
}
