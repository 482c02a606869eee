package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// boards is Slack with boards and rooms.
type boards struct {
	*transport

	show   func(notify.Board) (string, error)
	open   func(notify.RoomOrder) (notify.RoomInfo, error)
	invite func(people []notify.Recipient) error

	mu     sync.Mutex
	shown  []notify.Board
	topics []string
	closed []string
}

func (b *boards) Show(_ context.Context, board notify.Board) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = append(b.shown, board)
	if b.show != nil {
		return b.show(board)
	}
	return "ref of " + board.Channel.Slack, nil
}

func (b *boards) Open(_ context.Context, order notify.RoomOrder) (notify.RoomInfo, error) {
	if b.open != nil {
		return b.open(order)
	}
	return notify.RoomInfo{ID: "C9", Name: order.Name + "-2026-11-21", URL: "https://example.slack.com/archives/C9"}, nil
}

func (b *boards) Invite(_ context.Context, _ string, people []notify.Recipient) error {
	if b.invite != nil {
		return b.invite(people)
	}
	return nil
}

func (b *boards) Topic(_ context.Context, id, topic string) error {
	b.topics = append(b.topics, id+": "+topic)
	return nil
}

func (b *boards) Close(_ context.Context, id string) error {
	b.closed = append(b.closed, id)
	return nil
}

func TestBoard(t *testing.T) {
	t.Parallel()
	show := func(t *testing.T, p *People, request workflows.BoardRequest) workflows.BoardResult {
		t.Helper()
		got, err := p.board(t.Context(), request)
		require.NoError(t, err)
		return got
	}
	begun := func(status string) notify.Message {
		m := message
		m.ID, m.Status = "run:board", status
		return m
	}
	t.Run("IsShownInEveryChannelAndTheRoom", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		p := peopleOf(t, orgFolder(orgText), slack)
		request := workflows.BoardRequest{
			Channels: []string{"health", "gone"}, Room: "C9", Refs: map[string]string{"room": "old"}, Message: begun("open"),
			Events: []workflows.BoardEvent{{N: 1, At: now, Text: "paged Ann"}},
		}
		got := show(t, p, request)
		require.Equal(t, map[string]string{"health": "ref of #health", "room": "ref of C9"}, got.Refs)
		require.Equal(t, map[string]string{"gone": "org.yaml has no such channel any more"}, got.Problems)
		require.Len(t, slack.shown, 2)
		require.Equal(t, "paged Ann", slack.shown[0].Events[0].Text)
		require.Equal(t, map[string]string{"room": "old"}, request.Refs)
	})
	t.Run("IsTriedAgainWithWhatIsKnownOfIt", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &boards{transport: slackFake()}
			slack.show = func(b notify.Board) (string, error) {
				if b.Ref == "" {
					return "C1/17.1", errors.New("connection reset amid the thread")
				}
				return b.Ref, nil
			}
			p := peopleOf(t, orgFolder(orgText), slack)
			got := show(t, p, workflows.BoardRequest{Channels: []string{"health"}, Message: begun("open")})
			require.Equal(t, map[string]string{"health": "C1/17.1"}, got.Refs)
			require.Empty(t, got.Problems)
		})
	})
	t.Run("SaysWhereItCouldNotBeShown", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		slack.show = func(notify.Board) (string, error) {
			return "", action.Permanent(action.ErrNotFound, "no channel, said hunter2")
		}
		p := peopleOf(t, orgFolder(orgText), slack)
		got := show(t, p, workflows.BoardRequest{Channels: []string{"health"}, Message: begun("open")})
		require.Equal(t, map[string]string{"health": "no channel, said …"}, got.Problems)
		require.Len(t, slack.shown, 1)

		without := peopleOf(t, orgFolder(orgText), emailFake())
		got = show(t, without, workflows.BoardRequest{Channels: []string{"health"}, Message: begun("open")})
		require.Equal(t, map[string]string{"health": noSlack}, got.Problems)
	})
	t.Run("IsTriedAgainLaterWhenSlackIsAway", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &boards{transport: slackFake()}
			slack.show = func(b notify.Board) (string, error) { return "", errors.New("503, said hunter2") }
			p := peopleOf(t, orgFolder(orgText), slack)
			request := workflows.BoardRequest{Channels: []string{"health"}, Room: "C9", Message: begun("open")}
			_, err := p.board(t.Context(), request)
			require.False(t, application(t, err).NonRetryable())
			require.ErrorContains(t, err, "503, said …")

			slack.show = func(b notify.Board) (string, error) {
				if b.Channel.Slack == "C9" {
					return "17.1", nil
				}
				return "", errors.New("503")
			}
			got := show(t, p, request)
			require.Equal(t, map[string]string{"room": "17.1"}, got.Refs)
			require.Equal(t, map[string]string{"health": "503"}, got.Problems)
		})
	})
	t.Run("TellsAMailingListOnlyOfBeginningAndEnd", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		p := peopleOf(t, orgFolder(orgText), email)
		request := workflows.BoardRequest{Channels: []string{"press"}}
		for _, status := range []string{"open", "open", "acknowledged", "aborted", "aborted"} {
			request.Message = begun(status)
			request.Refs = show(t, p, request).Refs
		}
		require.Equal(t, map[string]string{"press/told": "aborted"}, request.Refs)
		require.Len(t, email.got, 2)
		require.Equal(t, "aborted", email.got[1].Message.Status)
		require.NotEqual(t, email.got[0].Message.ID, email.got[1].Message.ID)
	})
}

func TestRoom(t *testing.T) {
	t.Parallel()
	room := func(t *testing.T, p *People, request workflows.RoomRequest) workflows.Room {
		t.Helper()
		got, err := p.room(t.Context(), request)
		require.NoError(t, err)
		return got
	}
	t.Run("IsOpenedAndPeopleAreInvited", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		var invited []notify.Recipient
		slack.invite = func(people []notify.Recipient) error { invited = people; return nil }
		p := peopleOf(t, orgFolder(orgText), slack)
		got := room(t, p, workflows.RoomRequest{Name: "incident", Key: "k", Invite: []string{"ann", "carl", "bob"}, At: now})
		require.Equal(t, "C9", got.ID)
		require.Equal(t, "incident-2026-11-21", got.Name)
		require.Equal(t, "org.yaml has no Slack member id of carl", got.Problem)
		require.Len(t, invited, 2)
	})
	t.Run("KeepsItsPeopleAndChangesItsTopic", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		p := peopleOf(t, orgFolder(orgText), slack)
		require.Equal(t, workflows.Room{ID: "C9"}, room(t, p, workflows.RoomRequest{ID: "C9", Topic: "owner: Ann"}))
		require.Equal(t, []string{"C9: owner: Ann"}, slack.topics)
	})
	t.Run("IsArchived", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		p := peopleOf(t, orgFolder(orgText), slack)
		require.Empty(t, room(t, p, workflows.RoomRequest{ID: "C9", Close: true}).Problem)
		require.Equal(t, []string{"C9"}, slack.closed)
	})
	t.Run("IsAProblemAndNoFailureWhenItCanNotBeOpened", func(t *testing.T) {
		t.Parallel()
		slack := &boards{transport: slackFake()}
		slack.open = func(notify.RoomOrder) (notify.RoomInfo, error) {
			return notify.RoomInfo{}, action.Permanent(action.ErrDenied, "the app lacks channels:manage")
		}
		p := peopleOf(t, orgFolder(orgText), slack)
		got := room(t, p, workflows.RoomRequest{Name: "incident", Invite: []string{"ann"}})
		require.Equal(t, workflows.Room{Problem: "the app lacks channels:manage"}, got)
	})
	t.Run("IsTriedAgainWhenSlackIsAway", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slack := &boards{transport: slackFake()}
			slack.open = func(notify.RoomOrder) (notify.RoomInfo, error) { return notify.RoomInfo{}, errors.New("503") }
			p := peopleOf(t, orgFolder(orgText), slack)
			_, err := p.room(t.Context(), workflows.RoomRequest{Name: "incident"})
			require.False(t, application(t, err).NonRetryable())

			slack.invite = func([]notify.Recipient) error { return errors.New("503") }
			_, err = p.room(t.Context(), workflows.RoomRequest{ID: "C9", Invite: []string{"ann"}})
			require.Error(t, err)
		})
	})
	t.Run("IsNothingWithoutSlack", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, workflows.Room{}, room(t, peopleOf(t, orgFolder(orgText), emailFake()), workflows.RoomRequest{Name: "incident"}))
	})
}
