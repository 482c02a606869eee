package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
)

// maxInvite is how many people are invited at once. Slack takes 100.
const maxInvite = 100

// already are Slack's errors that mean that somebody need not be invited.
var already = []string{"already_in_channel", "cant_invite_self"}

// unwelcome are Slack's errors about one person, which say nothing about the others.
var unwelcome = []string{
	"cant_invite", "user_not_found", "user_disabled", "user_is_restricted", "user_is_ultra_restricted",
	"ura_max_channels", "user_team_not_in_channel", "not_in_team", "cannot_invite_user", "failed_for_some_users",
}

// Invite brings people into a room: all at once and, where Slack does not take somebody, one by one.
func (s *Slack) Invite(ctx context.Context, id string, people []notify.Recipient) error {
	var problems []string
	var guests []notify.Recipient
	for _, p := range people {
		switch {
		case p.Slack == "" || p.Channel:
			problems = append(problems, or(p.Name, p.ID)+" has no Slack member id in org.yaml")
		case !slices.ContainsFunc(guests, func(g notify.Recipient) bool { return g.Slack == p.Slack }):
			guests = append(guests, p)
		}
	}
	for group := range slices.Chunk(guests, maxInvite) {
		refused, err := s.inviteGroup(ctx, id, group)
		if err != nil {
			return err
		}
		problems = append(problems, refused...)
	}
	if len(problems) > 0 {
		return action.Permanent(action.ErrNotFound, "slack room %s: not invited: %s", id, strings.Join(problems, "; "))
	}
	return nil
}

// inviteGroup answers who could not be invited and why.
func (s *Slack) inviteGroup(ctx context.Context, id string, group []notify.Recipient) (refused []string, err error) {
	if len(group) > 1 {
		code, err := s.inviteUsers(ctx, id, group...)
		if err != nil || code == "" {
			return nil, err
		}
	}
	for _, guest := range group {
		code, err := s.inviteUsers(ctx, id, guest)
		switch {
		case err != nil:
			return nil, err
		case code != "" && !slices.Contains(already, code):
			refused = append(refused, fmt.Sprintf("%s (%s: is the member id %s right in org.yaml?)", or(guest.Name, guest.ID), code, guest.Slack))
		}
	}
	return refused, nil
}

// inviteUsers makes one call. code is Slack's error where it is about the people.
func (s *Slack) inviteUsers(ctx context.Context, id string, guests ...notify.Recipient) (code string, err error) {
	users := make([]string, 0, len(guests))
	for _, g := range guests {
		users = append(users, g.Slack)
	}
	call := op{method: "conversations.invite", place: id, expect: slices.Concat(already, unwelcome)}
	err = s.do(ctx, call, func(ctx context.Context) error {
		_, err := s.client.InviteUsersToConversationContext(ctx, id, users...)
		return err
	})
	if no := expected(""); errors.As(err, &no) {
		return string(no), nil
	}
	return "", err
}
