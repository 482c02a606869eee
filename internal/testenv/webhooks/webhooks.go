// Package webhooks is a receiver of Orderly's webhooks for tests. It verifies every signature as a receiver
// should, keeps what came, and can be told to answer badly, or not at all.
package webhooks

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify/webhook"
)

// Call is one request with a good signature.
type Call struct {
	Path   string
	Header http.Header
	Body   []byte
	Event  webhook.Event
	At     time.Time
	Status int // what it was answered
}

// Answer is what a request gets in place of 200.
type Answer struct {
	Status int         // 0 means 200
	Header http.Header // such as Retry-After
	// Hang answers nothing until the caller goes away or the receiver is closed.
	Hang bool
}

// Receiver is a running server. It ends with its test and is safe for concurrent use.
type Receiver struct {
	t      testing.TB
	secret string
	server *httptest.Server
	ended  chan struct{}

	mu      sync.Mutex
	calls   []Call
	refused []error
	arrived chan struct{} // closed and replaced when a call arrives
	next    []Answer
	always  *Answer
}

// Start starts a receiver that knows the secret, on 127.0.0.1.
func Start(t testing.TB, secret string) *Receiver {
	t.Helper()
	r := &Receiver{t: t, secret: secret, ended: make(chan struct{}), arrived: make(chan struct{})}
	r.server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(func() {
		close(r.ended)
		r.server.Close()
	})
	return r
}

// URL is where to send to; a path may be added.
func (r *Receiver) URL() string { return r.server.URL }

// Script answers the next requests so, one each, and those after them with 200.
func (r *Receiver) Script(answers ...Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = append(r.next, answers...)
}

// Always answers all requests so that Script says nothing of, until Always(nil).
func (r *Receiver) Always(answer *Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.always = answer
}

// Calls is what has come so far, badly answered ones too, in order.
func (r *Receiver) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call(nil), r.calls...)
}

// Refused is why requests were not taken: signatures that did not fit, bodies that are no event.
func (r *Receiver) Refused() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.refused...)
}

// Await waits until at least n calls have come, and gives them all.
func (r *Receiver) Await(ctx context.Context, n int) []Call {
	r.t.Helper()
	for {
		r.mu.Lock()
		all, arrived := append([]Call(nil), r.calls...), r.arrived
		r.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			require.FailNowf(r.t, "the webhooks did not come", "%d of %d calls: %v", len(all), n, ctx.Err())
		}
	}
}

func (r *Receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 1<<20))
	if err == nil {
		err = webhook.Verify(r.secret, request.Header.Get(webhook.Header), body, time.Now(), webhook.Tolerance)
	}
	call := Call{Path: request.URL.Path, Header: request.Header.Clone(), Body: body, At: time.Now()}
	if err == nil {
		err = json.Unmarshal(body, &call.Event)
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refused = append(r.refused, err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	r.answer(w, request, r.keep(call))
}

func (r *Receiver) keep(call Call) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var answer Answer
	switch {
	case len(r.next) > 0:
		answer, r.next = r.next[0], r.next[1:]
	case r.always != nil:
		answer = *r.always
	}
	if answer.Status == 0 && !answer.Hang {
		answer.Status = http.StatusOK
	}
	call.Status = answer.Status
	r.calls = append(r.calls, call)
	close(r.arrived)
	r.arrived = make(chan struct{})
	return answer
}

func (r *Receiver) answer(w http.ResponseWriter, request *http.Request, answer Answer) {
	if answer.Hang {
		select {
		case <-request.Context().Done():
		case <-r.ended:
		}
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
}
