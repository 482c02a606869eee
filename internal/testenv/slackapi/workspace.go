package slackapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// channel is a channel or, with a user, the direct messages with one.
type channel struct {
	id, name, user string
	creator        string
	created        time.Time
	private        bool
	archived       bool
	topic, purpose string
	members        []string
}

// Channel is how a channel stands.
type Channel struct {
	ID, Name       string
	User           string // of direct messages: with whom
	Topic, Purpose string // as they were sent, entities and all
	Members        []string
	Archived       bool
}

// AddUser makes somebody a member of the workspace.
func (s *Server) AddUser(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[id] = name
}

// AddChannel makes a public channel with the bot in it, and answers its id. name is without #.
func (s *Server) AddChannel(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newChannel(&channel{name: name, creator: "U0ADMIN", members: []string{Bot}}).id
}

// Kick takes the bot out of a channel; a private one it then can't see.
func (s *Server) Kick(id string, private bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byID(id); c != nil {
		c.private = private
		c.members = slices.DeleteFunc(c.members, func(m string) bool { return m == Bot })
	}
}

// Channels lists the channels there are, direct messages included, oldest first.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Channel, 0, len(s.channels))
	for _, c := range s.channels {
		all = append(all, Channel{
			ID: c.id, Name: c.name, User: c.user, Topic: c.topic, Purpose: c.purpose,
			Members: slices.Clone(c.members), Archived: c.archived,
		})
	}
	return all
}

// Channel finds a channel by its name, without #.
func (s *Server) Channel(name string) (Channel, bool) {
	for _, c := range s.Channels() {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

// Messages lists what stands in a channel outside threads, oldest first. The channel is an id, "#name",
// or a member's id for the direct messages to them. Deleted messages are gone.
func (s *Server) Messages(where string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(where)
	if c == nil {
		return nil
	}
	return s.pick(func(m *Message) bool { return m.Channel == c.id && m.ThreadTS == "" })
}

// Thread lists the replies to a message, oldest first.
func (s *Server) Thread(channel, ts string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pick(func(m *Message) bool { return m.Channel == channel && m.ThreadTS == ts })
}

// Delete removes a message, as somebody in the channel might.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.message(channel, ts); m != nil {
		m.deleted = true
	}
}

// Await answers the first message that satisfies want, of those there are and those to come, replies and
// edits included.
func (s *Server) Await(ctx context.Context, want func(Message) bool) (Message, error) {
	for {
		s.mu.Lock()
		found := s.pick(func(m *Message) bool { return want(*m) })
		changed := s.changed
		s.mu.Unlock()
		if len(found) > 0 {
			return found[0], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("no such message came: %w", ctx.Err())
		}
	}
}

// pick copies the messages that satisfy want, oldest first.
func (s *Server) pick(want func(*Message) bool) []Message {
	var found []Message
	for _, m := range s.messages {
		if !m.deleted && want(m) {
			found = append(found, *m)
		}
	}
	return found
}

func (s *Server) newChannel(c *channel) *channel {
	prefix := "C"
	if c.user != "" {
		prefix = "D"
	}
	c.id = fmt.Sprintf("%s0%06d", prefix, len(s.channels)+1)
	c.created = time.Now()
	s.channels = append(s.channels, c)
	return c
}

func (s *Server) byID(id string) *channel {
	for _, c := range s.channels {
		if c.id == id {
			return c
		}
	}
	return nil
}

// find looks a channel up as chat.postMessage does: by id, "#name", or the id of a member. It opens no
// direct messages.
func (s *Server) find(where string) *channel {
	name, byName := strings.CutPrefix(where, "#")
	for _, c := range s.channels {
		switch {
		case c.id == where, c.user != "" && c.user == where, byName && c.name == name:
			return c
		}
	}
	return nil
}

// direct opens the direct messages with a member.
func (s *Server) direct(user string) *channel {
	if c := s.find(user); c != nil {
		return c
	}
	return s.newChannel(&channel{user: user, members: []string{Bot, user}})
}

func (c *channel) has(user string) bool { return slices.Contains(c.members, user) }
