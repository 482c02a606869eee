package smtpserver

import (
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection's mail.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	from   string
	to     []string
	utf8   bool
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	if answer := s.scripted(Hello); answer != nil {
		if err := s.follow(answer, c); err != nil {
			return nil, err
		}
	}
	return &session{server: s, conn: c}, nil
}

// stage does what a script says of a stage.
func (x *session) stage(name Stage) error {
	if answer := x.server.scripted(name); answer != nil {
		return x.server.follow(answer, x.conn)
	}
	return nil
}

// AuthMechanisms lists the ways to log in.
func (x *session) AuthMechanisms() []string {
	if len(x.server.options.Users) == 0 {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth logs in.
func (x *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism == sasl.Login {
		return &login{check: x.login}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return x.login(user, password) }), nil
}

func (x *session) login(user, password string) error {
	if err := x.stage(Auth); err != nil {
		return err
	}
	if want, ok := x.server.options.Users[user]; !ok || want != password {
		return smtp.ErrAuthFailed
	}
	x.user = user
	return nil
}

// Mail names the sender.
func (x *session) Mail(from string, options *smtp.MailOptions) error {
	if len(x.server.options.Users) > 0 && x.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	x.from, x.utf8 = from, options.UTF8
	return x.stage(From)
}

// Rcpt names a recipient.
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := x.stage(To); err != nil {
		return err
	}
	x.to = append(x.to, to)
	return nil
}

// Data takes the message.
func (x *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message := Message{From: x.from, To: x.to, Data: text, User: x.user, UTF8: x.utf8}
	answer := x.server.scripted(Data)
	if answer == nil || answer.Keep {
		x.server.keep(message)
	}
	if answer != nil {
		return x.server.follow(answer, x.conn)
	}
	return nil
}

// Reset forgets the message that was begun.
func (x *session) Reset() { x.from, x.to = "", nil }

// Logout ends the session.
func (*session) Logout() error { return nil }

// login is the LOGIN mechanism, which the SASL library has for clients only.
type login struct {
	check func(user, password string) error
	user  *string
	asked bool
}

// Next asks for the user, then for the password.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(*l.user, string(response))
	}
}
