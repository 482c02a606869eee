package slackapi

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Fault is what goes wrong with a call.
type Fault struct {
	Status     int           // of the answer, such as 500 or 429
	RetryAfter time.Duration // goes with 429, in whole seconds; 0: the header is missing
	Code       string        // an error of Slack's, in an answer of status 200
	Needed     string        // goes with missing_scope
	Hang       bool          // there is no answer until the caller gives up
	Drop       bool          // the connection is cut instead of an answer
	Stored     bool          // the call is carried out all the same: only its answer is lost
}

// Any stands for every method.
const Any = "*"

// Fail makes the next n calls of a method, or of Any, go wrong. Faults of a method queue up.
func (s *Server) Fail(method string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults[method] = append(s.faults[method], f)
	}
}

// Limit allows one message each so often in a channel and answers 429 to the others. Slack's own limit is
// about a second; 0 switches it off.
func (s *Server) Limit(every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = every
}

// Calls says how often a method was called, faults included.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// begin counts a call and takes the fault that waits for it.
func (s *Server) begin(method string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	for _, name := range []string{method, Any} {
		if queue := s.faults[name]; len(queue) > 0 {
			s.faults[name] = queue[1:]
			return queue[0], true
		}
	}
	return Fault{}, false
}

func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, f Fault) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler) // net/http cuts the connection
	case f.Code != "":
		refuse(w, refusal{Code: f.Code, Needed: f.Needed})
	case f.Status == http.StatusTooManyRequests && f.RetryAfter > 0:
		tooMany(w, f.RetryAfter)
	default:
		http.Error(w, http.StatusText(f.Status), f.Status)
	}
}

func tooMany(w http.ResponseWriter, after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	http.Error(w, `{"ok":false,"error":"ratelimited"}`, http.StatusTooManyRequests)
}
