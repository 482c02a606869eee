// Package slackapi is a Slack Web API for tests: an HTTP server on loopback that keeps channels, messages,
// threads and members in memory and answers as Slack does, refusals, rate limits and the limits of Block
// Kit included. Where Slack's own limits are undocumented it is the stricter one.
//
// Tests tell it what goes wrong with Fail and Limit, and wait for messages with Await.
package slackapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Token is what the server takes. It is long enough to be looked for in everything that is printed.
const Token = "xoxb-1111-2222-orderly-test-token" //nolint:gosec // G101: of this double only

// Bot is the member id of the one whom the token belongs to.
const Bot = "U0BOT"

// Server is a workspace with one app in it. Safe for concurrent use.
type Server struct {
	http *httptest.Server
	done chan struct{} // closed when the server is, so that hanging calls end

	mu       sync.Mutex
	users    map[string]string // names by member id
	channels []*channel
	messages []*Message // in the order of their time stamps
	last     int64      // the last time stamp, in microseconds
	faults   map[string][]Fault
	calls    map[string]int
	every    time.Duration // least time between two messages of a channel
	changed  chan struct{} // closed and replaced at each change
}

// New starts a server that stops when the test ends. It has no people and no channels.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		done: make(chan struct{}), users: map[string]string{Bot: "orderly"},
		faults: map[string][]Fault{}, calls: map[string]int{}, changed: make(chan struct{}),
	}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.done)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// URL is what goes into notify.slack.api_url.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	a, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fault, faulty := s.begin(method)
	if faulty && !fault.Stored {
		s.misbehave(w, r, fault)
		return
	}
	answer, err := s.call(method, a)
	switch {
	case faulty:
		s.misbehave(w, r, fault)
	case err != nil:
		refuse(w, err)
	default:
		answer["ok"] = true
		reply(w, answer)
	}
}

// call carries out one call.
func (s *Server) call(method string, a args) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a["token"] {
	case Token:
	case "":
		return nil, refusal{Code: "not_authed"}
	default:
		return nil, refusal{Code: "invalid_auth"}
	}
	do, ok := methods[method]
	if !ok {
		return nil, refusal{Code: "unknown_method"}
	}
	answer, err := do(s, a)
	if err == nil {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	return answer, err
}

// methods is what the server knows.
var methods = map[string]func(*Server, args) (map[string]any, error){
	"auth.test":                (*Server).authTest,
	"chat.postMessage":         (*Server).postMessage,
	"chat.update":              (*Server).update,
	"chat.delete":              (*Server).deleteMessage,
	"conversations.archive":    (*Server).archive,
	"conversations.create":     (*Server).create,
	"conversations.history":    (*Server).history,
	"conversations.info":       (*Server).info,
	"conversations.invite":     (*Server).invite,
	"conversations.list":       (*Server).list,
	"conversations.members":    (*Server).members,
	"conversations.open":       (*Server).open,
	"conversations.replies":    (*Server).replies,
	"conversations.setPurpose": (*Server).setPurpose,
	"conversations.setTopic":   (*Server).setTopic,
	"users.conversations":      (*Server).ownConversations,
}

func (s *Server) authTest(args) (map[string]any, error) {
	return map[string]any{"url": "https://orderly-test.slack.com/", "team": "Test", "team_id": "T01", "user": "orderly", "user_id": Bot, "bot_id": "B01"}, nil
}

// refusal is an answer that says no. Its code is Slack's.
type refusal struct {
	Code   string
	Needed string // the scope that is missing
	Users  []map[string]any
	// RetryAfter makes it a 429.
	RetryAfter time.Duration
}

func (r refusal) Error() string { return r.Code }

func refuse(w http.ResponseWriter, err error) {
	var r refusal
	if !errors.As(err, &r) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.RetryAfter > 0 {
		tooMany(w, r.RetryAfter)
		return
	}
	answer := map[string]any{"ok": false, "error": r.Code}
	if r.Needed != "" {
		answer["needed"], answer["provided"] = r.Needed, "none"
	}
	if len(r.Users) > 0 {
		answer["errors"] = r.Users
	}
	reply(w, answer)
}

func reply(w http.ResponseWriter, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(fmt.Sprintf("encode an answer: %v", err)) // of our own making
	}
}
