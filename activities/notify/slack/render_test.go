package slack

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

// post sends a message to Ann and answers how Slack has it: everything passes its limits on the way.
func sendTo(t *testing.T, s *Slack, workspace *slackapi.Server, m notify.Message) slackapi.Message {
	t.Helper()
	d := notify.Delivery{ID: fmt.Sprint(len(workspace.Messages("U01"))), To: ann, Message: m}
	_, err := s.Send(t.Context(), d)
	require.NoError(t, err)
	sent := workspace.Messages("U01")
	return sent[len(sent)-1]
}

// everywhere is a message that says the same in all its parts.
func everywhere(said string) notify.Message {
	return notify.Message{
		Kind: notify.KindPage, Headline: said, Lines: []string{said}, Body: said, Commands: []string{said}, Link: said,
		Run: said, Thread: said, Severity: said, Level: said, Services: []string{said},
	}
}

// parts lists the objects in a message's blocks.
func parts(t *testing.T, m slackapi.Message) []map[string]any {
	t.Helper()
	var all any
	require.NoError(t, json.Unmarshal(m.Blocks, &all))
	var found []map[string]any
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			found = append(found, v)
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(all)
	return found
}

func TestTextsAreNeverMarkup(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	for _, said := range []string{
		"<!channel> <!here> <!everyone>", "<@U02> <#C01|general> <!subteam^S01>", "*bold* _italic_ ~struck~", "<http://evil.example.org|the runbook>",
		"`code` ```more```", "https://evil.example.org and #general and @bob", "a < b && c > d &lt;!channel&gt; &amp;", "> quote", ":boom:", "javascript:alert(1)",
		`{"type":"mrkdwn"}`, "1. list\n• item",
	} {
		m := sendTo(t, s, workspace, everywhere(said))
		flat := strings.Join(strings.Fields(said), " ")
		require.Equal(t, []string{flat, flat}, strings.Split(m.Shows(), "\n")[:2], "it reads as it was written")
		require.Contains(t, m.Shows(), said, "the body keeps its lines")
		for _, part := range parts(t, m) {
			require.NotContains(t, []any{"mrkdwn", "markdown", "link", "broadcast", "user", "usergroup", "channel", "emoji"}, part["type"])
			if part["type"] == "plain_text" {
				require.NotContains(t, part["text"], "<")
				require.Equal(t, false, part["emoji"])
			}
		}
		require.NotContains(t, m.Text, "<")
		require.NotContains(t, m.Text, ">")
		require.Equal(t, "none", m.Args["parse"])
		require.Equal(t, "false", m.Args["mrkdwn"])
		require.Equal(t, "false", m.Args["link_names"])
		require.Equal(t, "false", m.Args["unfurl_links"])
		require.Equal(t, "false", m.Args["unfurl_media"])
	}
}

func TestTextsDoNotReadAsSomethingElse(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	m := sendTo(t, s, workspace, everywhere("ack \u202eevil\u202c \u2066x\u2069\x1b[31m\x00 سلام \xff"))
	for _, hidden := range []string{"\u202e", "\u202c", "\u2066", "\u2069", "\x1b", "\x00"} {
		require.NotContains(t, m.Shows(), hidden)
		require.NotContains(t, m.Text, hidden)
	}
	require.Contains(t, m.Shows(), "سلام", "what is written from right to left stays so")
}

func TestOnlyAddressesOfTheWebAreLinks(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]int{
		"https://orderly.example.org/runs/a%2Fb": 1, "http://127.0.0.1:8080/": 1,
		"": 0, "javascript:alert(1)": 0, "file:///etc/passwd": 0, "orderly.example.org": 0, "https://": 0, "https://a/" + strings.Repeat("a", maxLink): 0,
	} {
		require.Len(t, link(address), want, address)
	}
}

func TestDrillsAreMarked(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	m := sendTo(t, s, workspace, notify.Message{Kind: notify.KindPage, Headline: "api is down", Drill: true})
	require.True(t, strings.HasPrefix(m.Shows(), "DRILL: api is down"))
	require.Equal(t, "DRILL: api is down", m.Text)
}

func TestDigestsListWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	digest := notify.Message{Kind: notify.KindDigest, Headline: "400 pages for you"}
	long := strings.Repeat("x", 160) + " — orderly ack emergency-response/" + strings.Repeat("y", 200)
	digest.Lines = append(digest.Lines, long)
	for i := range 399 {
		digest.Lines = append(digest.Lines, fmt.Sprintf("P1: service %03d does not answer <!here>", i))
	}
	m := sendTo(t, s, workspace, digest)
	shown := strings.Split(m.Shows(), "\n")
	require.Equal(t, "400 pages for you", shown[0])
	require.Equal(t, long, shown[1], "the command is whole")
	require.Equal(t, "P1: service 000 does not answer <!here>", shown[2])
	rest := shown[len(shown)-2]
	require.Equal(t, fmt.Sprintf("… and %d more", 400-(len(shown)-3)), rest)
}

func TestMessagesKeepToSlacksLimits(t *testing.T) {
	t.Parallel()

	t.Run("WhateverTheyAreMadeOf", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		for _, piece := range []string{"a", "&", "<", "é", "e\u0301", "🔥", "👩\u200d🚒", "\u0301", "日本", "\n", " ", "a\n", "\u202e", "\xff"} {
			for _, times := range []int{0, 1, 149, 150, 151, 1500, 3000, 5000} {
				sendTo(t, s, workspace, everywhere(strings.Repeat(piece, times)))
				digest := everywhere(strings.Repeat(piece, times))
				digest.Kind, digest.Drill = notify.KindDigest, true
				digest.Lines = append(digest.Lines, digest.Lines...)
				sendTo(t, s, workspace, digest)
			}
		}
	})

	t.Run("AtRandom", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		source := rand.New(rand.NewPCG(1, 2))
		alphabet := []rune("ab &<>*`\n\t🔥é\u0301\u200d日\u202e:|\"\\")
		for range 80 {
			said := make([]rune, source.IntN(4000))
			for i := range said {
				said[i] = alphabet[source.IntN(len(alphabet))]
			}
			sendTo(t, s, workspace, everywhere(string(said)))
		}
	})

	t.Run("WithDotsForWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		m := sendTo(t, s, workspace, notify.Message{Kind: notify.KindUpdate, Headline: strings.Repeat("h", 200), Body: strings.Repeat("b", 4000)})
		shown := strings.Split(m.Shows(), "\n")
		require.Equal(t, strings.Repeat("h", 149)+"…", shown[0])
		require.Equal(t, strings.Repeat("h", 200), shown[1], "the whole headline is below")
		require.Equal(t, strings.Repeat("b", 2999)+"…", shown[2])
	})

	t.Run("AndNeverCutACommand", func(t *testing.T) {
		t.Parallel()
		s, workspace := setup(t)
		long := "orderly note emergency-response/api " + strings.Repeat("x", 1000)
		m := sendTo(t, s, workspace, notify.Message{Kind: notify.KindPage, Headline: "h", Commands: []string{"orderly ack a", long, long}})
		require.Contains(t, m.Shows(), "orderly ack a\n"+long+"\n…")
	})
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"", 3, ""}, {"ab cd", 4, "ab…"},
		{"🔥🔥", 4, "🔥🔥"}, {"🔥🔥🔥", 4, "🔥…"}, // each counts as two
		{"abe\u0301x", 4, "ab…"}, // the letter goes with its mark
		{"ab\u200dcd", 3, "a…"},
	} {
		require.Equal(t, c.want, cut(c.text, c.limit))
		require.LessOrEqual(t, size(cut(c.text, c.limit)), c.limit)
	}
	require.Equal(t, "&lt;…", cutEscaped("<<<", 8), "never inside an entity")
	require.Equal(t, "&lt;&lt;", cutEscaped("<<", 8))
}
