// Package smtpserver is a real SMTP server inside the test's own process. It keeps what it takes, lets a
// test wait for it, and can be told to fail: to refuse a command, to hold its answer back, to break the
// connection, or to be down altogether.
package smtpserver

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
)

// Options says what kind of server it is. The zero value takes mail from anybody, unencrypted.
type Options struct {
	TLS string // starttls, tls, or none, which "" means: as notify.email.tls
	// Users may log in, by name and password; with any, nobody else may send.
	Users map[string]string
}

// Message is one that the server has accepted.
type Message struct {
	From string
	To   []string
	Data []byte // header and body
	User string // who had logged in
	UTF8 bool   // SMTPUTF8 was asked for
	At   time.Time
}

// Server is a running SMTP server. It ends with its test and is safe for concurrent use.
type Server struct {
	t       testing.TB
	options Options
	address string
	ca      string // file
	certify certificates

	mu          sync.Mutex
	down        func()        // ends the server that listens now; nil while it is down
	ended       chan struct{} // closed when the server that listens now goes down
	messages    []Message
	arrived     chan struct{} // closed and replaced when a message arrives
	rules       []*rule
	connections int // open now
	most        int // open at once, ever
	total       int
}

// Start starts a server on a port of its own on 127.0.0.1.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{t: t, options: options, arrived: make(chan struct{})}
	if options.TLS == "starttls" || options.TLS == "tls" {
		s.certify = newCertificates(t)
		s.ca = s.certify.file
	}
	s.address = "127.0.0.1:0"
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// Up makes a server that is down listen again, on the same port and with all that it has taken before.
func (s *Server) Up() {
	s.t.Helper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.address)
	require.NoError(s.t, err)
	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.Domain = "mail.example.org"
	server.EnableSMTPUTF8 = true
	server.ErrorLog = silent{}
	server.TLSConfig = s.certify.settings()
	counted := counting{Listener: listener, server: s}
	ended := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address, s.ended = listener.Addr().String(), ended
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(s.wrap(counted)) })
	s.down = func() {
		close(ended)
		_ = listener.Close()
		_ = server.Close()
		served.Wait()
	}
}

// Down ends all connections and takes no more, as a server that has died. Down twice is down.
func (s *Server) Down() {
	s.mu.Lock()
	down := s.down
	s.down = nil
	s.mu.Unlock()
	if down != nil {
		down()
	}
}

// Config is what orderly.yaml would say of this server, without user and password.
func (s *Server) Config() config.Email {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, err := net.SplitHostPort(s.address)
	require.NoError(s.t, err)
	number, err := strconv.Atoi(port)
	require.NoError(s.t, err)
	tls := s.options.TLS
	if tls == "" {
		tls = "none"
	}
	return config.Email{Host: host, Port: number, From: "Orderly <orderly@example.org>", TLS: tls, CA: s.ca}
}

// Messages is what has been accepted so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Await waits until at least n messages have been accepted, and gives them all.
func (s *Server) Await(ctx context.Context, n int) []Message {
	s.t.Helper()
	for {
		s.mu.Lock()
		all, arrived := append([]Message(nil), s.messages...), s.arrived
		s.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			require.FailNowf(s.t, "the mail did not come", "%d of %d messages: %v", len(all), n, ctx.Err())
		}
	}
}

// Connections says how many connections there have been, and how many at most at the same time.
func (s *Server) Connections() (total, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, s.most
}

func (s *Server) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.At = time.Now()
	s.messages = append(s.messages, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// silent keeps the server's complaints about broken connections, which tests cause on purpose, to itself.
type silent struct{}

// Printf says nothing.
func (silent) Printf(string, ...any) {}

// Println says nothing.
func (silent) Println(...any) {}
