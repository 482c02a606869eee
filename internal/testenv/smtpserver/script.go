package smtpserver

import "github.com/emersion/go-smtp"

// Stage is a point where the server can be told to fail.
type Stage string

// The stages of a session.
const (
	Hello Stage = "hello"
	Auth  Stage = "auth"
	From  Stage = "from"
	To    Stage = "to"
	Data  Stage = "data" // after the message, before the answer to it
)

// Answer is what happens in place of what a stage would do.
type Answer struct {
	Code int    // of a refusal, as 451 or 550
	Text string // of a refusal
	// Hold is how the server is silent: until it is closed, or the server goes down.
	Hold <-chan struct{}
	// Held is called when that silence begins. It may be nil.
	Held func()
	// Break ends the connection instead of answering.
	Break bool
	// Keep takes the message all the same: with Break at Data the client can't know.
	Keep bool
}

// rule is an answer and how often it is still given.
type rule struct {
	stage  Stage
	answer Answer
	left   int // -1: always
}

// Script makes the next times commands of a stage fail; with -1, all until Forgive. Rules for the same
// stage are used up in the order they were given.
func (s *Server) Script(stage Stage, times int, answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &rule{stage: stage, answer: answer, left: times})
}

// Forgive ends all that Script began.
func (s *Server) Forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// scripted is the answer that a stage has to give now, nil for its own.
func (s *Server) scripted(stage Stage) *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.stage != stage || r.left == 0 {
			continue
		}
		if r.left > 0 {
			r.left--
		}
		return &r.answer
	}
	return nil
}

// follow does what an answer says on a connection.
func (s *Server) follow(a *Answer, c *smtp.Conn) error {
	if a.Hold != nil {
		s.mu.Lock()
		ended := s.ended
		s.mu.Unlock()
		if a.Held != nil {
			a.Held()
		}
		select {
		case <-a.Hold:
		case <-ended:
		}
	}
	if a.Break {
		_ = c.Conn().Close()
	}
	if a.Code == 0 {
		return nil
	}
	return &smtp.SMTPError{Code: a.Code, EnhancedCode: smtp.EnhancedCode{a.Code / 100, 0, 0}, Message: a.Text}
}
