package slack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

// order asks for the room of a run. It is still the 20th in New York.
func order(key string) notify.RoomOrder {
	at := time.Date(2026, 11, 20, 21, 14, 0, 0, time.FixedZone("EST", -5*3600))
	return notify.RoomOrder{Name: "incident", Key: key, Topic: "P1: api does not answer", At: at}
}

// open opens a room that is opened without a failure.
func open(t *testing.T, s *Slack, key string) notify.RoomInfo {
	t.Helper()
	room, err := s.Open(t.Context(), order(key))
	require.NoError(t, err)
	return room
}

// later is a transport some time from now.
func later(t *testing.T, workspace *slackapi.Server, d time.Duration) *Slack {
	t.Helper()
	s := connect(t, workspace)
	s.now = func() time.Time { return time.Now().Add(d) }
	return s
}

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("MakesARoomNamedForTheDay", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		room := open(t, s, "incident-response/api")
		require.Equal(t, "incident-2026-11-21", room.Name)
		require.Equal(t, "https://orderly-test.slack.com/archives/"+room.ID, room.URL)
		there, ok := workspace.Channel(room.Name)
		require.True(t, ok)
		require.Equal(t, room.ID, there.ID)
		require.Equal(t, "P1: api does not answer", there.Topic)
		require.True(t, strings.HasPrefix(there.Purpose, "Orderly run incident-response/api [orderly:"), there.Purpose)
	})

	t.Run("NumbersThoseOfOneDay", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		require.Equal(t, "incident-2026-11-21", open(t, s, "a").Name)
		require.Equal(t, "incident-2026-11-21-2", open(t, s, "b").Name)
		workspace.AddChannel("incident-2026-11-21-3") // somebody else's
		require.Equal(t, "incident-2026-11-21-4", open(t, s, "c").Name)
		hidden := workspace.AddChannel("incident-2026-11-21-5")
		workspace.Kick(hidden, true)
		require.Equal(t, "incident-2026-11-21-6", open(t, s, "d").Name)
	})

	t.Run("NumbersThoseOfOneMoment", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		var all sync.WaitGroup
		rooms := make([]notify.RoomInfo, 8)
		for i := range rooms {
			all.Go(func() {
				room, err := s.Open(t.Context(), order(fmt.Sprint("run-", i)))
				assert.NoError(t, err)
				rooms[i] = room
			})
		}
		all.Wait()
		for i, room := range rooms {
			there, ok := workspace.Channel(room.Name)
			require.True(t, ok)
			require.Contains(t, there.Purpose, tag(fmt.Sprint("run-", i)))
		}
		require.Len(t, workspace.Channels(), 1+len(rooms))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Open(ctx, order("z"))
		require.ErrorIs(t, err, context.Canceled)
	})

	t.Run("FindsTheRunsRoomAgain", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		first, second := open(t, s, "a"), open(t, s, "b")
		for range 2 {
			anew := connect(t, workspace)
			require.Equal(t, second, open(t, anew, "b"))
			require.Equal(t, first, open(t, anew, "a"))
		}
		require.Len(t, workspace.Channels(), 3)
		require.NoError(t, s.Close(t.Context(), first.ID))
		require.Equal(t, first, open(t, s, "a"), "closed as it is")
	})

	t.Run("TakesOverWhatADeadProcessLeft", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("conversations.create", 1, slackapi.Fault{Drop: true, Stored: true})
		_, err := s.Open(t.Context(), order("a"))
		testenv.RequireTransient(t, err)
		_, err = s.Open(soon(t), order("a"))
		require.Equal(t, unclaimed, requireComeBack(t, err), "it could still be somebody's who is about to claim it")
		room, err := later(t, workspace, 2*unclaimed).Open(t.Context(), order("a"))
		require.NoError(t, err)
		require.Equal(t, "incident-2026-11-21", room.Name)
		require.Equal(t, "incident-2026-11-21-2", open(t, later(t, workspace, 2*unclaimed), "b").Name, "now it is claimed")
	})

	for _, method := range []string{"conversations.setPurpose", "conversations.setTopic", "auth.test"} {
		t.Run("FinishesWhatItBegan/"+method, func(t *testing.T) {
			t.Parallel()
			s, workspace := setup(t)
			workspace.Fail(method, 1, slackapi.Fault{Status: http.StatusInternalServerError})
			_, err := s.Open(t.Context(), order("a"))
			testenv.RequireTransient(t, err)
			room := open(t, later(t, workspace, 2*unclaimed), "a")
			there, ok := workspace.Channel("incident-2026-11-21")
			require.True(t, ok)
			require.Equal(t, room.ID, there.ID)
			require.Contains(t, there.Purpose, tag("a"))
			require.Equal(t, "P1: api does not answer", there.Topic)
		})
	}

	t.Run("HasTheRoomEvenWithoutItsTopic", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("conversations.setTopic", 1, slackapi.Fault{Code: "missing_scope"})
		room, err := s.Open(t.Context(), order("a"))
		testenv.RequirePermanent(t, err, "Denied")
		require.Equal(t, "incident-2026-11-21", room.Name)
	})

	t.Run("SaysWhichScopeIsMissing", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		workspace.Fail("conversations.create", 1, slackapi.Fault{Code: "missing_scope"})
		_, err := s.Open(t.Context(), order("a"))
		testenv.RequirePermanent(t, err, "Denied")
		require.ErrorContains(t, err, "channels:manage")
	})

	t.Run("MakesAnyNameOneOfSlacks", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		for wanted, name := range map[string]string{
			"DB Outage!": "db-outage", "": "incident", "<!channel>": "channel", "ärger": "rger", "日本": "incident",
			strings.Repeat("x", 100): strings.Repeat("x", maxSlug),
		} {
			o := order(wanted)
			o.Name, o.Key = wanted, strings.Repeat(wanted, 50)
			o.Topic = strings.Repeat("<!channel> & so on ", 30)
			room, err := s.Open(t.Context(), o)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(room.Name, name+"-2026-11-21"), room.Name)
			there, _ := workspace.Channel(room.Name)
			require.NotContains(t, there.Topic+there.Purpose, "<")
			require.Contains(t, there.Purpose, tag(o.Key))
		}
	})
}

func TestInvite(t *testing.T) {
	t.Parallel()

	t.Run("BringsPeopleInWithOneCall", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		room := open(t, s, "a")
		require.NoError(t, s.Invite(t.Context(), room.ID, []notify.Recipient{ann, bob, ann}))
		require.Equal(t, 1, workspace.Calls("conversations.invite"))
		there, _ := workspace.Channel(room.Name)
		require.ElementsMatch(t, []string{slackapi.Bot, "U01", "U02"}, there.Members)
		require.NoError(t, s.Invite(t.Context(), room.ID, []notify.Recipient{bob, ann}), "they are there already")
		require.NoError(t, s.Invite(t.Context(), room.ID, nil))
	})

	t.Run("BringsInTheOthersWhenOneCannotBe", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		room := open(t, s, "a")
		require.NoError(t, s.Invite(t.Context(), room.ID, []notify.Recipient{ann}))
		people := []notify.Recipient{ann, {ID: "eve", Name: "Eve", Slack: "U99"}, bob, {ID: "carl"}}
		err := s.Invite(t.Context(), room.ID, people)
		testenv.RequirePermanent(t, err, "NotFound")
		require.ErrorContains(t, err, "Eve (user_not_found: is the member id U99 right in org.yaml?)")
		require.ErrorContains(t, err, "carl has no Slack member id in org.yaml")
		require.NotContains(t, err.Error(), "Ann")
		there, _ := workspace.Channel(room.Name)
		require.ElementsMatch(t, []string{slackapi.Bot, "U01", "U02"}, there.Members)
	})

	t.Run("IsTriedAgain", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		room := open(t, s, "a")
		workspace.Fail("conversations.invite", 1, slackapi.Fault{Drop: true, Stored: true})
		testenv.RequireTransient(t, s.Invite(t.Context(), room.ID, []notify.Recipient{ann, bob}))
		require.NoError(t, s.Invite(t.Context(), room.ID, []notify.Recipient{ann, bob}))
	})
}

func TestTopicAndClose(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	room := open(t, s, "a")
	require.NoError(t, s.Topic(t.Context(), room.ID, "P1 · <Ann> owns\nit"))
	there, _ := workspace.Channel(room.Name)
	require.Equal(t, "P1 · &lt;Ann&gt; owns it", there.Topic)
	require.NoError(t, s.Close(t.Context(), room.ID))
	there, _ = workspace.Channel(room.Name)
	require.True(t, there.Archived)
	require.NoError(t, s.Close(t.Context(), room.ID), "it is closed")
	require.NoError(t, s.Close(t.Context(), "C0GONE"), "it is gone")
	testenv.RequirePermanent(t, s.Topic(t.Context(), room.ID, "x"), "Denied")
	workspace.Fail("conversations.archive", 1, slackapi.Fault{Status: http.StatusInternalServerError})
	err := s.Close(t.Context(), room.ID)
	testenv.RequireTransient(t, err)
	testenv.AssertNoSecret(t, slackapi.Token, err, fmt.Sprintf("%+v", room))
}
