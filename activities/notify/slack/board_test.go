package slack

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

// board is how an incident stands after some events.
func board(ref, headline string, events ...int) notify.Board {
	message := page(health).Message
	message.ID, message.Headline = "board-1", headline
	b := notify.Board{Channel: health, Ref: ref, Message: message}
	for _, n := range events {
		at := time.Date(2026, 11, 21, 2, 14, n, 0, time.UTC)
		b.Events = append(b.Events, notify.Event{N: n, At: at, Text: fmt.Sprintf("event %d", n)})
	}
	return b
}

// show shows a board that is shown without a failure.
func show(t *testing.T, s *Slack, b notify.Board) (ref string) {
	t.Helper()
	ref, err := s.Show(t.Context(), b)
	require.NoError(t, err)
	return ref
}

// requireBoard wants one message with that headline, and these events in its thread.
func requireBoard(t *testing.T, workspace *slackapi.Server, headline string, events ...int) slackapi.Message {
	t.Helper()
	there := workspace.Messages(health.Slack)
	require.Len(t, there, 1)
	require.Contains(t, there[0].Shows(), headline+"\n")
	requireThread(t, workspace, there[0], events...)
	return there[0]
}

func requireThread(t *testing.T, workspace *slackapi.Server, m slackapi.Message, events ...int) {
	t.Helper()
	var want, shown []string
	for _, n := range events {
		want = append(want, fmt.Sprintf("02:14:%02d UTC  event %d", n, n))
	}
	for _, reply := range workspace.Thread(m.Channel, m.TS) {
		shown = append(shown, reply.Shows())
	}
	require.Equal(t, want, shown)
}

func TestBoard(t *testing.T) {
	t.Parallel()

	t.Run("IsOneMessageEditedInPlace", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		ref := show(t, s, board("", "open", 1, 2))
		first := requireBoard(t, workspace, "open", 1, 2)
		ref = show(t, s, board(ref, "acknowledged", 3))
		ref = show(t, s, board(ref, "resolved"))
		last := requireBoard(t, workspace, "resolved", 1, 2, 3)
		require.Equal(t, first.TS, last.TS)
		require.Equal(t, 2, last.Edits)
		require.Equal(t, "board-1@health", last.ID())
		require.Contains(t, ref, last.Channel+"/"+last.TS)
	})

	t.Run("TellsEachEventOnceAndInOrder", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		ref := show(t, s, board("", "open", 2, 1, 2))
		show(t, s, board(ref, "open", 3, 1, 2, 4))
		requireBoard(t, workspace, "open", 1, 2, 3, 4)
	})

	t.Run("ChangesNothingWhenItIsShownAgain", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		before := show(t, s, board("", "open", 1))
		after := show(t, s, board(before, "open", 2, 3))
		for range 2 { // the worker died before it could say what it did
			require.Equal(t, after, show(t, connect(t, workspace), board(before, "open", 2, 3)))
		}
		require.Equal(t, after, show(t, s, board("", "open", 1, 2, 3)), "not even its first ref was kept")
		requireBoard(t, workspace, "open", 1, 2, 3)
	})

	t.Run("ReadsOnlyTheEndOfItsThread", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		var many []int
		for n := range pageSize + 5 {
			many = append(many, n+1)
		}
		ref := show(t, s, board("", "open", many...))
		calls := workspace.Calls("conversations.replies")
		show(t, s, board(ref, "open", append(many, pageSize+6)...))
		require.Equal(t, calls+1, workspace.Calls("conversations.replies"))
		show(t, s, board(ref, "open"))
		require.Equal(t, calls+1, workspace.Calls("conversations.replies"), "without news there is nothing to look for")
		there := workspace.Messages(health.Slack)
		require.Len(t, workspace.Thread(there[0].Channel, there[0].TS), pageSize+6)
		_ = show(t, s, board("", "open", append(many, pageSize+6)...))
		require.Len(t, workspace.Thread(there[0].Channel, there[0].TS), pageSize+6)
	})

	t.Run("IsOneInEachChannelOfTheIncident", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		id := workspace.AddChannel("incident-2026-11-21")
		show(t, s, board("", "open", 1))
		inRoom := board("", "open", 1)
		inRoom.Channel = notify.Recipient{ID: "room", Slack: id, Channel: true}
		show(t, s, inRoom)
		requireBoard(t, workspace, "open", 1)
		require.Len(t, workspace.Messages(id), 1)
	})
}

func TestBoardSurvives(t *testing.T) {
	t.Parallel()

	for _, fault := range []slackapi.Fault{
		{Drop: true, Stored: true}, {Drop: true}, {Status: http.StatusInternalServerError, Stored: true}, {Status: http.StatusBadGateway},
	} {
		t.Run(fmt.Sprintf("AMessageWithoutAnAnswer/%+v", fault), func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			workspace.Fail("chat.postMessage", 1, fault)
			ref, err := s.Show(t.Context(), board("", "open", 1))
			testenv.RequireTransient(t, err)
			require.Empty(t, ref)
			show(t, s, board(ref, "open", 1))
			requireBoard(t, workspace, "open", 1)
		})
		t.Run(fmt.Sprintf("AnEventWithoutAnAnswer/%+v", fault), func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			first := show(t, s, board("", "open", 1))
			workspace.Fail("chat.postMessage", 1, fault)
			ref, err := s.Show(t.Context(), board(first, "open", 2, 3))
			testenv.RequireTransient(t, err)
			require.Equal(t, first, ref)
			show(t, s, board(ref, "open", 2, 3))
			requireBoard(t, workspace, "open", 1, 2, 3)
		})
		t.Run(fmt.Sprintf("AnEditWithoutAnAnswer/%+v", fault), func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			first := show(t, s, board("", "open", 1))
			workspace.Fail("chat.update", 1, fault)
			ref, err := s.Show(t.Context(), board(first, "closed", 2))
			testenv.RequireTransient(t, err)
			require.Equal(t, first, ref)
			show(t, s, board(ref, "closed", 2))
			requireBoard(t, workspace, "closed", 1, 2)
		})
	}

	t.Run("AFailureAmongTheEvents", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		first := show(t, s, board("", "open"))
		workspace.Fail("conversations.replies", 1, slackapi.Fault{Status: http.StatusInternalServerError})
		_, err := s.Show(t.Context(), board(first, "open", 1))
		testenv.RequireTransient(t, err)
		workspace.Fail("chat.postMessage", 1, slackapi.Fault{Code: "internal_error"})
		ref, err := s.Show(t.Context(), board(first, "open", 1))
		testenv.RequireTransient(t, err)
		show(t, s, board(ref, "open", 1, 2))
		requireBoard(t, workspace, "open", 1, 2)
	})

	t.Run("ALimitAmongTheEvents", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		first := show(t, s, board("", "open", 1))
		workspace.Limit(time.Hour)
		ref, err := s.Show(soon(t), board(first, "acknowledged", 2))
		requireComeBack(t, err)
		require.Equal(t, first, ref)
		requireBoard(t, workspace, "acknowledged", 1)
		workspace.Limit(0)
		show(t, connect(t, workspace), board(ref, "acknowledged", 2))
		requireBoard(t, workspace, "acknowledged", 1, 2)
	})

	t.Run("SomebodyDeletingIt", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		ref := show(t, s, board("", "open", 1, 2))
		there := requireBoard(t, workspace, "open", 1, 2)
		workspace.Delete(there.Channel, there.TS)
		again := show(t, s, board(ref, "acknowledged", 2, 3))
		requireBoard(t, workspace, "acknowledged", 3)
		require.Equal(t, again, show(t, s, board(ref, "acknowledged", 2, 3)), "shown again with the ref of the deleted one")
		requireBoard(t, workspace, "acknowledged", 3)
	})

	t.Run("ARefThatIsNone", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		for _, ref := range []string{"/", "C1", "C1/", "C1/1/x/2", "C1/1/2", "C1/1/-1/2"} {
			show(t, s, board(ref, "open", 1))
		}
		requireBoard(t, workspace, "open", 1)
	})
}

func TestBoardWithoutTheAppInTheChannel(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	c, _ := workspace.Channel("system-health-alerts")
	workspace.Kick(c.ID, true)
	ref, err := s.Show(t.Context(), board("", "open", 1))
	testenv.RequirePermanent(t, err, "NotFound")
	require.ErrorContains(t, err, "#system-health-alerts")
	require.Empty(t, ref)
	testenv.AssertNoSecret(t, slackapi.Token, err)
}

func TestBoardWhereTheAppMayOnlyWrite(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	workspace.Fail("users.conversations", 1, slackapi.Fault{Code: "missing_scope", Needed: "channels:read"})
	ref := show(t, s, board("", "open", 1))
	workspace.Fail("conversations.replies", 1, slackapi.Fault{Code: "missing_scope", Needed: "channels:history"})
	show(t, s, board(ref, "open", 1, 2))
	requireBoard(t, workspace, "open", 1, 2)
}
