package slackapi

import (
	"regexp"
	"slices"
	"strings"
)

// known is a channel that the bot can see, by id.
func (s *Server) known(id string) (*channel, error) {
	c := s.byID(id)
	if c == nil || c.private && !c.has(Bot) {
		return nil, refusal{Code: "channel_not_found"}
	}
	return c, nil
}

// mine is a channel that the bot may read and write in.
func (s *Server) mine(id string) (*channel, error) {
	c, err := s.known(id)
	switch {
	case err != nil:
		return nil, err
	case !c.has(Bot):
		return nil, refusal{Code: "not_in_channel"}
	}
	return c, nil
}

// active is one of those that is not archived.
func (s *Server) active(id string) (*channel, error) {
	c, err := s.mine(id)
	if err == nil && c.archived {
		return nil, refusal{Code: "is_archived"}
	}
	return c, err
}

func (c *channel) object() map[string]any {
	return map[string]any{
		"id": c.id, "name": c.name, "user": c.user, "is_channel": c.user == "", "is_im": c.user != "",
		"is_private": c.private, "is_archived": c.archived, "created": c.created.Unix(), "creator": c.creator,
		"is_member": c.has(Bot), "topic": map[string]any{"value": c.topic}, "purpose": map[string]any{"value": c.purpose},
	}
}

var channelName = regexp.MustCompile(`^[a-z0-9_-]{1,80}$`)

func (s *Server) create(a args) (map[string]any, error) {
	name := a["name"]
	if !channelName.MatchString(name) {
		return nil, refusal{Code: "invalid_name_specials"}
	}
	if s.find("#"+name) != nil {
		return nil, refusal{Code: "name_taken"}
	}
	c := s.newChannel(&channel{name: name, creator: Bot, private: a.flag("is_private"), members: []string{Bot}})
	return map[string]any{"channel": c.object()}, nil
}

func (s *Server) info(a args) (map[string]any, error) {
	c, err := s.known(a["channel"])
	if err != nil {
		return nil, err
	}
	return map[string]any{"channel": c.object()}, nil
}

func (s *Server) list(a args) (map[string]any, error) {
	return s.listed(a, func(c *channel) bool { return !c.private || c.has(Bot) })
}

func (s *Server) ownConversations(a args) (map[string]any, error) {
	return s.listed(a, func(c *channel) bool { return c.has(Bot) })
}

func (s *Server) listed(a args, visible func(*channel) bool) (map[string]any, error) {
	types := a["types"]
	if types == "" {
		types = "public_channel"
	}
	var found []map[string]any
	for _, c := range s.channels {
		kind := "public_channel"
		switch {
		case c.user != "":
			kind = "im"
		case c.private:
			kind = "private_channel"
		}
		if visible(c) && slices.Contains(strings.Split(types, ","), kind) && (!c.archived || !a.flag("exclude_archived")) {
			found = append(found, c.object())
		}
	}
	from, to, next := a.page(len(found))
	return map[string]any{"channels": found[from:to], "response_metadata": map[string]any{"next_cursor": next}}, nil
}

func (s *Server) members(a args) (map[string]any, error) {
	c, err := s.known(a["channel"])
	if err != nil {
		return nil, err
	}
	return map[string]any{"members": c.members}, nil
}

func (s *Server) open(a args) (map[string]any, error) {
	user := a["users"]
	if _, ok := s.users[user]; !ok {
		return nil, refusal{Code: "user_not_found"}
	}
	return map[string]any{"channel": s.direct(user).object()}, nil
}

func (s *Server) setTopic(a args) (map[string]any, error) {
	c, err := s.active(a["channel"])
	if err != nil {
		return nil, err
	}
	if chars(a["topic"]) > 250 {
		return nil, refusal{Code: "too_long"}
	}
	c.topic = a["topic"]
	return map[string]any{"channel": c.object()}, nil
}

func (s *Server) setPurpose(a args) (map[string]any, error) {
	c, err := s.active(a["channel"])
	if err != nil {
		return nil, err
	}
	if chars(a["purpose"]) > 250 {
		return nil, refusal{Code: "too_long"}
	}
	c.purpose = a["purpose"]
	return map[string]any{"channel": c.object()}, nil
}

func (s *Server) archive(a args) (map[string]any, error) {
	c, err := s.mine(a["channel"])
	switch {
	case err != nil:
		return nil, err
	case c.archived:
		return nil, refusal{Code: "already_archived"}
	}
	c.archived = true
	return map[string]any{}, nil
}

// invite brings in everybody, or nobody when there is something wrong with one of them.
func (s *Server) invite(a args) (map[string]any, error) {
	c, err := s.active(a["channel"])
	if err != nil {
		return nil, err
	}
	users := strings.Split(a["users"], ",")
	var wrong []map[string]any
	for _, user := range users {
		code := ""
		switch _, ok := s.users[user]; {
		case !ok:
			code = "user_not_found"
		case user == Bot:
			code = "cant_invite_self"
		case c.has(user):
			code = "already_in_channel"
		}
		if code != "" {
			wrong = append(wrong, map[string]any{"user": user, "ok": false, "error": code})
		}
	}
	if len(wrong) > 0 {
		code, _ := wrong[0]["error"].(string)
		return nil, refusal{Code: code, Users: wrong}
	}
	c.members = append(c.members, users...)
	return map[string]any{"channel": c.object()}, nil
}

func (s *Server) history(a args) (map[string]any, error) {
	c, err := s.mine(a["channel"])
	if err != nil {
		return nil, err
	}
	found := s.pick(func(m *Message) bool { return m.Channel == c.id && m.ThreadTS == "" && a.within(m.TS) })
	slices.Reverse(found) // newest first
	return a.messages(found), nil
}

// replies answers the message itself and then what was said in its thread, oldest first.
func (s *Server) replies(a args) (map[string]any, error) {
	c, err := s.mine(a["channel"])
	if err != nil {
		return nil, err
	}
	parent := s.message(c.id, a["ts"])
	if parent == nil {
		return nil, refusal{Code: "thread_not_found"}
	}
	found := s.pick(func(m *Message) bool { return m.Channel == c.id && m.ThreadTS == parent.TS && a.within(m.TS) })
	return a.messages(append([]Message{*parent}, found...)), nil
}

// within says whether a time stamp is in the span that a call asks for. Time stamps compare as text:
// they are all of one length until the year 2286.
func (a args) within(ts string) bool {
	if a.flag("inclusive") && (ts == a["oldest"] || ts == a["latest"]) {
		return true
	}
	return ts > a["oldest"] && (a["latest"] == "" || ts < a["latest"])
}

func (a args) messages(found []Message) map[string]any {
	from, to, next := a.page(len(found))
	objects := make([]map[string]any, 0, to-from)
	for _, m := range found[from:to] {
		objects = append(objects, m.object(a.flag("include_all_metadata")))
	}
	return map[string]any{"messages": objects, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}}
}
