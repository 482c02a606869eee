package email

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify/text"
	"github.com/orderly-ops/orderly/internal/config"
)

// stage is how far a delivery got.
type stage string

const (
	stageConnect stage = "connect"
	stageTLS     stage = "secure the connection"
	stageHello   stage = "greeting"
	stageAuth    stage = "log in"
	stageReady   stage = "begin a message" // on a connection that was there already
	stageFrom    stage = "sender"
	stageTo      stage = "recipient"
	stageData    stage = "message"
)

// failure is an error of the connection or of the server, with where it came up.
type failure struct {
	stage stage
	code  int // the server's answer; 0 means that there was none
	err   error
}

func (f failure) Error() string { return string(f.stage) + ": " + f.err.Error() }

func (f failure) Unwrap() error { return f.err }

// sendFailure reads what the mail library says of a message that was not accepted.
func sendFailure(err error) failure {
	f := failure{stage: stageData, err: err}
	var sending *gomail.SendError
	if !errors.As(err, &sending) {
		return f
	}
	f.code = sending.ErrorCode()
	switch sending.Reason {
	case gomail.ErrConnCheck:
		f.stage = stageReady
	case gomail.ErrSMTPMailFrom:
		f.stage = stageFrom
	case gomail.ErrSMTPRcptTo:
		f.stage = stageTo
	}
	return f
}

// gone says that a connection which had been kept turned out to be of no use before the message began, so
// that a fresh one may do better.
func gone(err error) bool {
	var f failure
	if !errors.As(err, &f) {
		return false
	}
	return f.stage == stageReady || f.stage == stageFrom && (f.code == 0 || f.code == 421)
}

// explain says what went wrong, whether trying again may help, and what to do if not.
func (e *Email) explain(ctx context.Context, to string, err error) error {
	var f failure
	if !errors.As(err, &f) {
		return fmt.Errorf("email: %s", e.words(err))
	}
	var answer *textproto.Error
	if f.code == 0 && errors.As(f.err, &answer) {
		f.code = answer.Code
	}
	where := fmt.Sprintf("email to %s: %s: %s", text.Line(to, 100), address(e.server.config), f.stage)
	if ctx.Err() != nil && f.code == 0 {
		return fmt.Errorf("%s: %w", where, context.Cause(ctx))
	}
	kind, advice := judge(f)
	said := where + ": " + e.words(f.err)
	if kind == "" {
		return errors.New(said + advice)
	}
	return action.Permanent(kind, "%s%s", said, advice)
}

// judge gives the kind of a permanent failure, "" for one that may pass, and what to do about it.
func judge(f failure) (kind, advice string) {
	switch {
	case errors.Is(f.err, errNoStartTLS):
		return action.ErrNotConfigured, "; set notify.email.tls to tls (port 465) if it speaks that, or have it offer STARTTLS"
	case errors.Is(f.err, errNoAuth):
		return action.ErrNotConfigured, "; remove notify.email.username and password if it needs none"
	case f.code == 530, f.code == 535, f.code >= 500 && f.stage == stageAuth:
		return action.ErrDenied, "; check notify.email.username and password in orderly.yaml"
	case f.code >= 500 && f.stage == stageTo:
		return action.ErrNotFound, "; check the address in org.yaml, and that the server relays for it"
	case f.code >= 500 && f.stage == stageFrom:
		return action.ErrDenied, "; check notify.email.from in orderly.yaml: the server does not take mail from it"
	case f.code >= 500:
		return action.ErrDenied, ""
	case f.code == 0 && f.stage == stageTLS:
		return "", "; a private certificate authority goes into notify.email.ca"
	case f.code == 0 && f.stage == stageData:
		return "", "; it may have arrived all the same"
	default:
		return "", ""
	}
}

// longestAnswer bounds what is repeated of a server's words, in characters.
const longestAnswer = 300

func (e *Email) words(err error) string { return text.Line(e.hide(err.Error()), longestAnswer) }

// hider takes user name and password out of a text, also as they stand in SMTP's own commands: a server
// may repeat those.
func hider(c config.Email) func(string) string {
	user, password := c.Username.Reveal(), c.Password.Reveal()
	var pairs []string
	for _, secret := range []string{"\x00" + user + "\x00" + password, password} {
		if password != "" {
			pairs = append(pairs, base64.StdEncoding.EncodeToString([]byte(secret)), "…", secret, "…")
		}
	}
	return strings.NewReplacer(pairs...).Replace
}
