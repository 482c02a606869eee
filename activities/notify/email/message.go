package email

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/text"
)

// longestSubject keeps a subject readable in a list, in characters.
const longestSubject = 180

// compose makes the mail of a delivery: the same mail for the same delivery.
func (e *Email) compose(d notify.Delivery) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(d.To.Email)
	if err != nil {
		return nil, action.Permanent(action.ErrInput, "email to %s: %s is not an e-mail address; mend it in org.yaml",
			text.Line(d.To.ID, 100), text.Line(d.To.Email, 100))
	}
	if d.To.Name != "" {
		to.Name = text.Line(d.To.Name, 100)
	}
	m := d.Message
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(e.from)
	msg.ToMailAddress(to)
	msg.Subject(subject(m))
	msg.SetDateWithValue(when(m))
	msg.SetMessageIDWithValue(e.id("delivery", d.ID))
	if root := e.root(m); root != "" {
		msg.SetGenHeader(gomail.HeaderInReplyTo, root)
		msg.SetGenHeader(gomail.HeaderReferences, root)
	}
	msg.SetUserAgent("Orderly")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes in return
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if m.Kind == notify.KindPage {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	html, err := e.html(m)
	if err != nil {
		return nil, err
	}
	msg.SetBodyString(gomail.TypeTextPlain, plain(m))
	msg.AddAlternativeString(gomail.TypeTextHTML, html)
	return msg, nil
}

func when(m notify.Message) time.Time {
	if m.At.IsZero() {
		return time.Now()
	}
	return m.At
}

// subject is the headline with what a reader sorts by before it.
func subject(m notify.Message) string {
	marks := ""
	if m.Drill {
		marks = "[DRILL] "
	}
	if m.Severity != "" {
		marks += "[" + text.Line(m.Severity, 20) + "] "
	}
	return text.Line(marks+m.Headline, longestSubject)
}

// root is the Message-ID that all messages of a thread refer to; "" without one.
func (e *Email) root(m notify.Message) string {
	thread := m.Thread
	if thread == "" {
		thread = m.Run
	}
	if thread == "" {
		return ""
	}
	return "<" + e.id("thread", thread) + ">"
}

// id is the Message-ID, without its angle brackets, of what has a name.
func (e *Email) id(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	return hex.EncodeToString(sum[:20]) + "@" + e.domain()
}

// domain is that of the sender: a Message-ID is unique below its own domain.
func (e *Email) domain() string {
	domain := e.from.Address[strings.LastIndexByte(e.from.Address, '@')+1:]
	if strings.ContainsFunc(domain, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' }) {
		return "orderly.invalid" // header fields are ASCII
	}
	return domain
}

func (e *Email) html(m notify.Message) (string, error) {
	var b strings.Builder
	if err := e.page.Execute(&b, content(m)); err != nil {
		return "", errors.New("email: the HTML part can't be made: " + err.Error())
	}
	return b.String(), nil
}
