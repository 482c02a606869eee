package email

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/sync/semaphore"

	"github.com/orderly-ops/orderly/internal/config"
)

const (
	// maxConnections is how many messages are on their way at once. Servers refuse a client that opens very
	// many connections.
	maxConnections = 8
	// idleFor is how long a connection waits for another message. It is short: a firewall may drop an idle
	// connection without a word, and the next page would find that out by waiting.
	idleFor = 10 * time.Second
	// maxUses is how many messages leave over one connection: many servers end it after a hundred.
	maxUses = 50
)

// server is the mail server and the connections to it.
type server struct {
	config config.Email
	tls    *tls.Config // nil: unencrypted
	client *gomail.Client
	hello  string
	slots  *semaphore.Weighted

	mu     sync.Mutex
	idle   []*session // the one used last is last
	closed bool
}

func newServer(c config.Email, settings *tls.Config) (*server, error) {
	// It only sends over the connections of ours: those know the stage that failed, and obey a context.
	client, err := gomail.NewClient(c.Host, gomail.WithPort(c.Port), gomail.WithTimeout(sendTimeout))
	if err != nil {
		return nil, fmt.Errorf("notify.email: %w", err)
	}
	hello, err := os.Hostname()
	if err != nil {
		hello = "localhost"
	}
	return &server{config: c, tls: settings, client: client, hello: hello, slots: semaphore.NewWeighted(maxConnections)}, nil
}

// deliver returns nil once the mail server has accepted the message.
func (s *server) deliver(ctx context.Context, msg *gomail.Msg) error {
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return failure{stage: stageConnect, err: fmt.Errorf("all %d connections are busy: %w", maxConnections, err)}
	}
	defer s.slots.Release(1)
	if idle := s.take(); idle != nil {
		err := idle.send(ctx, msg)
		s.done(idle)
		if !gone(err) {
			return err
		}
	}
	fresh, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer s.done(fresh)
	return fresh.send(ctx, msg)
}

// connect opens a connection that is ready for a message.
func (s *server) connect(ctx context.Context) (*session, error) {
	dialer := net.Dialer{Timeout: sendTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", address(s.config))
	if err != nil {
		return nil, failure{stage: stageConnect, err: err}
	}
	x := &session{client: s.client, conn: conn}
	stop := context.AfterFunc(ctx, x.drop)
	defer stop()
	if err := s.prepare(ctx, x); err != nil {
		x.drop()
		return nil, err
	}
	return x, nil
}

// take is a connection that waits for more to do, or nil.
func (s *server) take() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	last := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	last.timer.Stop()
	return last
}

// done keeps a connection for the next message if it is fit for it.
func (s *server) done(x *session) {
	if x.broken {
		x.drop()
		return
	}
	s.mu.Lock()
	keep := !s.closed && x.uses < maxUses
	if keep {
		x.timer = time.AfterFunc(idleFor, func() { s.retire(x) })
		s.idle = append(s.idle, x)
	}
	s.mu.Unlock()
	if !keep {
		x.quit()
	}
}

// retire ends a connection that has waited long enough, unless somebody has just taken it.
func (s *server) retire(x *session) {
	s.mu.Lock()
	i := slices.Index(s.idle, x)
	if i >= 0 {
		s.idle = slices.Delete(s.idle, i, i+1)
	}
	s.mu.Unlock()
	if i >= 0 {
		x.quit()
	}
}

func (s *server) close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	var ended sync.WaitGroup
	for _, x := range idle {
		x.timer.Stop()
		ended.Go(x.quit)
	}
	ended.Wait()
}
