package slackapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

// setup starts a workspace with Ann, Bob and #general, and Slack's client for Go to talk to it.
func setup(t *testing.T) (client *slack.Client, workspace *slackapi.Server, general string) {
	t.Helper()
	workspace = slackapi.New(t)
	workspace.AddUser("U01", "ann")
	workspace.AddUser("U02", "bob")
	return slack.New(slackapi.Token, slack.OptionAPIURL(workspace.URL())), workspace, workspace.AddChannel("general")
}

// say posts a text that is posted without a failure.
func say(t *testing.T, client *slack.Client, to, text string, options ...slack.MsgOption) (channel, ts string) {
	t.Helper()
	channel, ts, err := client.PostMessageContext(t.Context(), to, append(options, slack.MsgOptionText(text, false))...)
	require.NoError(t, err)
	return channel, ts
}

// metadata marks a message.
func metadata(id string) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "orderly_message", EventPayload: map[string]any{"id": id}})
}

func texts(messages []slack.Message) []string {
	said := make([]string, 0, len(messages))
	for i := range messages {
		said = append(said, messages[i].Text)
	}
	return said
}

func TestAuthorisation(t *testing.T) {
	t.Parallel()
	client, workspace, general := setup(t)
	self, err := client.AuthTestContext(t.Context())
	require.NoError(t, err)
	require.Equal(t, slackapi.Bot, self.UserID)

	for token, code := range map[string]string{"": "not_authed", "xoxb-wrong": "invalid_auth"} {
		stranger := slack.New(token, slack.OptionAPIURL(workspace.URL()))
		_, err = stranger.AuthTestContext(t.Context())
		require.EqualError(t, err, code)
		_, _, err = stranger.PostMessageContext(t.Context(), general, slack.MsgOptionText("x", false))
		require.EqualError(t, err, code)
	}
	require.Empty(t, workspace.Messages(general))
}

func TestJSONCalls(t *testing.T) {
	t.Parallel()
	_, workspace, general := setup(t)
	call := func(token string) map[string]any {
		body := strings.NewReader(`{"channel":"` + general + `","text":"hi","blocks":[{"type":"divider"}],"metadata":{"event_type":"e","event_payload":{"id":"1"}}}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, workspace.URL()+"chat.postMessage", body)
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		raw, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		var shape map[string]any
		require.NoError(t, json.Unmarshal(raw, &shape))
		return shape
	}
	require.Equal(t, "invalid_auth", call("xoxb-wrong")["error"])
	require.Equal(t, true, call(slackapi.Token)["ok"])
	require.Equal(t, "1", workspace.Messages("#general")[0].ID())
}

func TestMessages(t *testing.T) {
	t.Parallel()

	t.Run("ArePostedEditedAndDeleted", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		channel, ts := say(t, client, "#general", "one", metadata("m1"))
		require.Equal(t, general, channel)
		_, _, text, err := client.UpdateMessageContext(t.Context(), channel, ts, slack.MsgOptionText("two", false), metadata("m1"))
		require.NoError(t, err)
		require.Equal(t, "two", text)
		there := workspace.Messages(general)
		require.Len(t, there, 1)
		require.Equal(t, 1, there[0].Edits)
		_, _, err = client.DeleteMessageContext(t.Context(), channel, ts)
		require.NoError(t, err)
		_, _, _, err = client.UpdateMessageContext(t.Context(), channel, ts, slack.MsgOptionText("three", false))
		require.EqualError(t, err, "message_not_found")
		require.Empty(t, workspace.Messages(general))
	})

	t.Run("ReachMembersDirectly", func(t *testing.T) {
		t.Parallel()
		client, workspace, _ := setup(t)
		channel, _ := say(t, client, "U01", "psst")
		im, _, _, err := client.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{"U01"}})
		require.NoError(t, err)
		require.Equal(t, im.ID, channel)
		require.Equal(t, "U01", workspace.Messages("U01")[0].User)
		_, _, err = client.PostMessageContext(t.Context(), "U99", slack.MsgOptionText("x", false))
		require.EqualError(t, err, "channel_not_found")
		_, _, _, err = client.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{"U99"}})
		require.EqualError(t, err, "user_not_found")
	})

	t.Run("AreReadNewestFirstAPageAtATime", func(t *testing.T) {
		t.Parallel()
		client, _, general := setup(t)
		for _, text := range []string{"1", "2", "3"} {
			say(t, client, general, text, metadata(text))
		}
		ask := slack.GetConversationHistoryParameters{ChannelID: general, Limit: 2}
		page, err := client.GetConversationHistoryContext(t.Context(), &ask)
		require.NoError(t, err)
		require.Equal(t, []string{"3", "2"}, texts(page.Messages))
		require.Empty(t, page.Messages[0].Metadata.EventType, "it was not asked for")
		require.True(t, page.HasMore)
		ask.Cursor, ask.IncludeAllMetadata = page.ResponseMetaData.NextCursor, true
		rest, err := client.GetConversationHistoryContext(t.Context(), &ask)
		require.NoError(t, err)
		require.Equal(t, []string{"1"}, texts(rest.Messages))
		require.Equal(t, map[string]any{"id": "1"}, rest.Messages[0].Metadata.EventPayload)
		since, err := client.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: general, Oldest: page.Messages[1].Timestamp})
		require.NoError(t, err)
		require.Equal(t, []string{"3"}, texts(since.Messages))
	})

	t.Run("HaveThreads", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		_, ts := say(t, client, general, "parent")
		_, first := say(t, client, general, "first", slack.MsgOptionTS(ts))
		say(t, client, general, "second", slack.MsgOptionTS(ts), metadata("r2"))
		read := func(oldest string) []string {
			replies, _, _, err := client.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: general, Timestamp: ts, Oldest: oldest})
			require.NoError(t, err)
			return texts(replies)
		}
		require.Equal(t, []string{"parent", "first", "second"}, read(""))
		require.Equal(t, []string{"parent", "second"}, read(first))
		require.Len(t, workspace.Messages(general), 1, "replies stand in the thread only")
		workspace.Delete(general, ts)
		_, _, _, err := client.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: general, Timestamp: ts})
		require.EqualError(t, err, "thread_not_found")
	})

	t.Run("AreAwaited", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		go func() {
			_, ts, err := client.PostMessageContext(t.Context(), general, slack.MsgOptionText("now", false))
			if err == nil {
				_, _, _, _ = client.UpdateMessageContext(t.Context(), general, ts, slack.MsgOptionText("later", false))
			}
		}()
		m, err := workspace.Await(t.Context(), func(m slackapi.Message) bool { return m.Text == "later" })
		require.NoError(t, err)
		require.Equal(t, 1, m.Edits)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = workspace.Await(gone, func(slackapi.Message) bool { return false })
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestBlocksAreHeldToSlacksLimits(t *testing.T) {
	t.Parallel()
	client, _, general := setup(t)
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject("plain_text", text, false, false)
	}
	section := func(text string) slack.Block { return slack.NewSectionBlock(plain(text), nil, nil) }
	rich := func(text string) slack.Block {
		return slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(text, nil)))
	}
	button := func(label string) slack.Block {
		return slack.NewActionBlock("", slack.NewButtonBlockElement("a", "v", plain(label)))
	}
	many := func(n int) []slack.Block {
		blocks := make([]slack.Block, n)
		for i := range blocks {
			blocks[i] = slack.NewDividerBlock()
		}
		return blocks
	}
	of := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		good, bad []slack.Block
		code      string
	}{
		"header":  {[]slack.Block{slack.NewHeaderBlock(plain(of(150)))}, []slack.Block{slack.NewHeaderBlock(plain(of(151)))}, ""},
		"section": {[]slack.Block{section(of(3000))}, []slack.Block{section(of(3001))}, ""},
		"empty":   {[]slack.Block{section(" ")}, []slack.Block{section("")}, ""},
		"pairs":   {[]slack.Block{section(strings.Repeat("🔥", 1500))}, []slack.Block{section(strings.Repeat("🔥", 1501))}, ""},
		"context": {[]slack.Block{slack.NewContextBlock("", plain("x"))}, []slack.Block{slack.NewContextBlock("")}, ""},
		"button":  {[]slack.Block{button(of(75))}, []slack.Block{button(of(76))}, ""},
		"rich":    {[]slack.Block{rich("x")}, []slack.Block{rich("")}, ""},
		"many":    {many(50), many(51), ""},
		"all":     {[]slack.Block{rich(of(3000)), rich(of(3000)), rich(of(3000))}, []slack.Block{rich(of(3000)), rich(of(3000)), rich(of(3000)), rich(of(1001))}, "msg_blocks_too_long"},
		"header of mrkdwn": {
			[]slack.Block{section("x")}, []slack.Block{slack.NewHeaderBlock(slack.NewTextBlockObject("mrkdwn", "x", false, false))}, "",
		},
	} {
		_, _, err := client.PostMessageContext(t.Context(), general, slack.MsgOptionBlocks(c.good...))
		require.NoError(t, err, name)
		_, _, err = client.PostMessageContext(t.Context(), general, slack.MsgOptionBlocks(c.bad...))
		if c.code == "" {
			c.code = "invalid_blocks"
		}
		require.EqualError(t, err, c.code, name)
	}
	_, _, err := client.PostMessageContext(t.Context(), general)
	require.EqualError(t, err, "no_text")
	_, _, err = client.PostMessageContext(t.Context(), general, slack.MsgOptionText("x", false), slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "e"}))
	require.EqualError(t, err, "invalid_metadata_format")
}

func TestChannels(t *testing.T) {
	t.Parallel()

	t.Run("LiveFromCreationToArchive", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		room, err := client.CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: "room"})
		require.NoError(t, err)
		require.Equal(t, slackapi.Bot, room.Creator)
		for name, code := range map[string]string{"room": "name_taken", "Room!": "invalid_name_specials", "": "invalid_name_specials"} {
			_, err = client.CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: name})
			require.EqualError(t, err, code)
		}
		_, err = client.SetTopicOfConversationContext(t.Context(), room.ID, "topic")
		require.NoError(t, err)
		_, err = client.SetTopicOfConversationContext(t.Context(), room.ID, strings.Repeat("x", 251))
		require.EqualError(t, err, "too_long")
		_, err = client.SetPurposeOfConversationContext(t.Context(), room.ID, "purpose")
		require.NoError(t, err)
		info, err := client.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: room.ID})
		require.NoError(t, err)
		require.Equal(t, "topic", info.Topic.Value)
		require.Equal(t, "purpose", info.Purpose.Value)
		require.WithinDuration(t, time.Now(), info.Created.Time(), time.Minute)

		require.NoError(t, client.ArchiveConversationContext(t.Context(), room.ID))
		require.EqualError(t, client.ArchiveConversationContext(t.Context(), room.ID), "already_archived")
		_, _, err = client.PostMessageContext(t.Context(), room.ID, slack.MsgOptionText("x", false))
		require.EqualError(t, err, "is_archived")
		_, err = client.InviteUsersToConversationContext(t.Context(), room.ID, "U01")
		require.EqualError(t, err, "is_archived")
		own, _, err := client.GetConversationsForUserContext(t.Context(), &slack.GetConversationsForUserParameters{})
		require.NoError(t, err)
		require.Len(t, own, 2)
		own, _, err = client.GetConversationsForUserContext(t.Context(), &slack.GetConversationsForUserParameters{ExcludeArchived: true})
		require.NoError(t, err)
		require.Equal(t, general, own[0].ID)
		require.Len(t, own, 1)
		there, ok := workspace.Channel("room")
		require.True(t, ok)
		require.True(t, there.Archived)
	})

	t.Run("TakeAllThatAreInvitedOrNone", func(t *testing.T) {
		t.Parallel()
		client, _, general := setup(t)
		_, err := client.InviteUsersToConversationContext(t.Context(), general, "U01", "U99", slackapi.Bot)
		require.EqualError(t, err, "user_not_found")
		var no slack.SlackErrorResponse
		require.True(t, errors.As(err, &no))
		require.Len(t, no.Errors, 2)
		require.Equal(t, "U99", no.Errors[0].ConversationsInviteResponseError.User)
		_, err = client.InviteUsersToConversationContext(t.Context(), general, "U01", "U02")
		require.NoError(t, err)
		_, err = client.InviteUsersToConversationContext(t.Context(), general, "U01")
		require.EqualError(t, err, "already_in_channel")
		members, _, err := client.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: general})
		require.NoError(t, err)
		require.Equal(t, []string{slackapi.Bot, "U01", "U02"}, members)
	})

	t.Run("AreClosedToTheAppWhenItIsNotIn", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		for _, private := range []bool{false, true} {
			code := map[bool]string{false: "not_in_channel", true: "channel_not_found"}[private]
			workspace.Kick(general, private)
			_, _, err := client.PostMessageContext(t.Context(), "#general", slack.MsgOptionText("x", false))
			require.EqualError(t, err, code)
			_, err = client.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: general})
			require.EqualError(t, err, code)
			all, _, err := client.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}})
			require.NoError(t, err)
			require.Equal(t, !private, len(all) == 1)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()

	t.Run("ComeAsOrdered", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second})
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Status: http.StatusInternalServerError})
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Code: "missing_scope", Needed: "chat:write"})
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Drop: true, Stored: true})
		post := func() error {
			_, _, err := client.PostMessageContext(t.Context(), general, slack.MsgOptionText("x", false))
			return err
		}
		var limited *slack.RateLimitedError
		require.ErrorAs(t, post(), &limited)
		require.Equal(t, 7*time.Second, limited.RetryAfter)
		var status slack.StatusCodeError
		require.ErrorAs(t, post(), &status)
		require.Equal(t, http.StatusInternalServerError, status.Code)
		var no slack.SlackErrorResponse
		require.ErrorAs(t, post(), &no)
		require.Equal(t, "chat:write", no.Needed)
		require.Empty(t, workspace.Messages(general))
		require.Error(t, post())
		require.Len(t, workspace.Messages(general), 1, "only the answer was lost")
		require.NoError(t, post())
		require.Equal(t, 5, workspace.Calls("chat.postMessage"))
	})

	t.Run("HangUntilTheCallerGivesUp", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, _, err := client.PostMessageContext(ctx, general, slack.MsgOptionText("x", false))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})

	t.Run("LimitTheMessagesOfAChannel", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		workspace.Limit(time.Hour)
		say(t, client, general, "one")
		say(t, client, "U01", "another channel")
		_, _, err := client.PostMessageContext(t.Context(), general, slack.MsgOptionText("two", false))
		var limited *slack.RateLimitedError
		require.ErrorAs(t, err, &limited)
		require.InDelta(t, time.Hour, limited.RetryAfter, float64(time.Minute))
		workspace.Limit(0)
		say(t, client, general, "two")
	})

	t.Run("HitAnyMethod", func(t *testing.T) {
		t.Parallel()
		client, workspace, general := setup(t)
		workspace.Fail(slackapi.Any, 2, slackapi.Fault{Status: http.StatusServiceUnavailable})
		_, err := client.AuthTestContext(t.Context())
		require.Error(t, err)
		_, _, err = client.PostMessageContext(t.Context(), general, slack.MsgOptionText("x", false))
		require.Error(t, err)
		say(t, client, general, "x")
	})

	t.Run("AreForMethodsThereAre", func(t *testing.T) {
		t.Parallel()
		client, _, _ := setup(t)
		_, err := client.GetEmojiContext(t.Context())
		require.EqualError(t, err, "unknown_method")
	})
}
