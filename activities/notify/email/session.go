package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// quitTimeout is how long a server may take to say good-bye.
const quitTimeout = 2 * time.Second

// session is one connection to the server. One message at a time.
type session struct {
	client *gomail.Client
	conn   net.Conn // under TLS, if there is any
	smtp   *smtp.Client
	uses   int
	broken bool // it must not be used again
	timer  *time.Timer
}

// prepare takes a fresh connection to where a message can be sent. Whoever calls it ends the connection
// when the context ends, which ends every wait here.
func (s *server) prepare(ctx context.Context, x *session) error {
	conn := x.conn
	if s.config.TLS == "tls" {
		secure := tls.Client(conn, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return failure{stage: stageTLS, err: err}
		}
		conn = secure
	}
	var err error
	if x.smtp, err = smtp.NewClient(conn, s.config.Host); err != nil {
		return failure{stage: stageHello, err: err}
	}
	if err := x.smtp.Hello(s.hello); err != nil {
		return failure{stage: stageHello, err: err}
	}
	if s.config.TLS != "tls" && s.tls != nil {
		if offered, _ := x.smtp.Extension("STARTTLS"); !offered {
			return failure{stage: stageTLS, err: errNoStartTLS}
		}
		if err := x.smtp.StartTLS(s.tls); err != nil {
			return failure{stage: stageTLS, err: err}
		}
	}
	return s.authenticate(x)
}

var (
	errNoStartTLS = errors.New("the server offers no STARTTLS")
	errNoAuth     = errors.New("the server offers no way to log in that is known here")
)

// authenticate logs in when there is a user name. The connection is encrypted then: New has seen to it.
func (s *server) authenticate(x *session) error {
	user, password, host := s.config.Username.Reveal(), s.config.Password.Reveal(), s.config.Host
	if user == "" {
		return nil
	}
	_, offered := x.smtp.Extension("AUTH")
	// PLAIN first: it is the one that works wherever it is offered, and TLS hides it.
	for _, mechanism := range []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", user, password, host, false)},
		{"LOGIN", smtp.LoginAuth(user, password, host, false)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, password)},
	} {
		if !offers(offered, mechanism.name) {
			continue
		}
		if err := x.smtp.Auth(mechanism.auth); err != nil {
			return failure{stage: stageAuth, err: err}
		}
		return nil
	}
	return failure{stage: stageAuth, err: errNoAuth}
}

func offers(mechanisms, wanted string) bool {
	for name := range strings.FieldsSeq(mechanisms) {
		if strings.EqualFold(name, wanted) {
			return true
		}
	}
	return false
}

// send hands a message over. What the server has accepted is sent, whatever happens to the connection
// afterwards.
func (x *session) send(ctx context.Context, msg *gomail.Msg) error {
	x.uses++
	// A mail that asks for SMTPUTF8 comes back from every server on its way that does not know it.
	x.smtp.SkipSMTPUTF8(!international(msg))
	stop := context.AfterFunc(ctx, x.drop)
	err := x.client.SendWithSMTPClient(x.smtp, msg)
	x.broken = !stop() || err != nil
	if err == nil || msg.IsDelivered() {
		return nil
	}
	return sendFailure(err)
}

// international says whether an address has letters beyond ASCII; names and subjects are encoded.
func international(msg *gomail.Msg) bool {
	for _, a := range slices.Concat(msg.GetFrom(), msg.GetTo()) {
		if strings.ContainsFunc(a.Address, func(r rune) bool { return r > unicode.MaxASCII }) {
			return true
		}
	}
	return false
}

// drop ends the connection at once.
func (x *session) drop() { _ = x.conn.Close() }

// quit ends it politely; nothing depends on the answer.
func (x *session) quit() {
	if x.smtp.UpdateDeadline(quitTimeout) == nil {
		_ = x.client.CloseWithSMTPClient(x.smtp)
	}
	x.drop()
}
