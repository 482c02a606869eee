package slack

import (
	"context"
	"strings"
	"sync"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/action"
)

// places remembers the ids of conversations by what org.yaml calls them, and who we are.
type places struct {
	mu   sync.Mutex
	ids  map[string]string
	self *api.AuthTestResponse
}

func newPlaces() *places { return &places{ids: map[string]string{}} }

func (p *places) get(name string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, ok := p.ids[name]
	return id, ok
}

func (p *places) keep(name, id string) {
	if name == id {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids[name] = id
}

func (p *places) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, name)
}

// direct opens the direct messages with a member.
func (s *Slack) direct(ctx context.Context, user string) (string, error) {
	var id string
	err := s.do(ctx, op{method: "conversations.open", place: user}, func(ctx context.Context) error {
		channel, _, _, err := s.client.OpenConversationContext(ctx, &api.OpenConversationParameters{Users: []string{user}})
		if err != nil {
			return err
		}
		if channel == nil || channel.ID == "" {
			return errNoAnswer
		}
		id = channel.ID
		return nil
	})
	if err == nil {
		s.places.keep(user, id)
	}
	return id, err
}

// channelNamed looks "#name" up among the channels that the app is in: it can read no other.
func (s *Slack) channelNamed(ctx context.Context, name string) (string, error) {
	var id string
	err := s.eachChannel(ctx, name, func(c *api.Channel) bool {
		if c.Name == strings.TrimPrefix(name, "#") && !c.IsArchived {
			id = c.ID
		}
		return id == ""
	})
	switch {
	case err != nil:
		return "", err
	case id == "":
		return "", action.Permanent(action.ErrNotFound, "slack %s: the app is in no channel of that name: invite it there (/invite @…), or mend the name in org.yaml", name)
	}
	s.places.keep(name, id)
	return id, nil
}

// eachChannel visits the channels that the app is in, archived ones too, until visit answers false. place
// is what it is looked through for.
func (s *Slack) eachChannel(ctx context.Context, place string, visit func(*api.Channel) bool) error {
	ask := api.GetConversationsForUserParameters{Types: []string{"public_channel", "private_channel"}, Limit: pageSize}
	for {
		var channels []api.Channel
		err := s.do(ctx, op{method: "users.conversations", place: place}, func(ctx context.Context) (err error) {
			channels, ask.Cursor, err = s.client.GetConversationsForUserContext(ctx, &ask)
			return err
		})
		if err != nil {
			return err
		}
		for i := range channels {
			if !visit(&channels[i]) {
				return nil
			}
		}
		if ask.Cursor == "" {
			return nil
		}
	}
}

// whoami asks once who the token belongs to, and where the workspace is.
func (s *Slack) whoami(ctx context.Context) (*api.AuthTestResponse, error) {
	s.places.mu.Lock()
	self := s.places.self
	s.places.mu.Unlock()
	if self != nil {
		return self, nil
	}
	err := s.do(ctx, op{method: "auth.test"}, func(ctx context.Context) (err error) {
		self, err = s.client.AuthTestContext(ctx)
		if err == nil && self.UserID == "" {
			err = errNoAnswer
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.places.mu.Lock()
	s.places.self = self
	s.places.mu.Unlock()
	return self, nil
}
