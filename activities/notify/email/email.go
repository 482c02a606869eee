// Package email tells people by mail, over the one SMTP server that orderly.yaml names.
//
// A message has the same Message-ID however often it is sent, so a copy that left after a lost answer is
// dropped by mail servers and clients. All messages of an incident refer to one root that is never sent
// itself, so a mail client shows them as one conversation, whichever of them it has.
package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"os"
	"strconv"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
)

// sendTimeout bounds one delivery, from waiting for a connection to the server's last answer.
const sendTimeout = 30 * time.Second

// Email is the transport. It is safe for concurrent use. Close it when the worker stops.
type Email struct {
	from   *mail.Address
	page   *template.Template
	server *server
	hide   func(string) string // takes the credentials out of what a server says
}

// New is a transport over the server that c describes. It reads c.CA and does not wait for the network.
func New(c config.Email) (*Email, error) {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, errors.New("notify.email.from is not an e-mail address")
	}
	page, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("e-mail template: %w", err)
	}
	settings, err := tlsSettings(c)
	if err != nil {
		return nil, err
	}
	server, err := newServer(c, settings)
	if err != nil {
		return nil, err
	}
	return &Email{from: from, page: page, server: server, hide: hider(c)}, nil
}

// tlsSettings is nil for tls: none.
func tlsSettings(c config.Email) (*tls.Config, error) {
	if c.TLS == "none" {
		if !c.Username.IsZero() || !c.Password.IsZero() {
			return nil, errors.New("notify.email.tls is none: a password would be sent in clear; use starttls or tls")
		}
		return nil, nil
	}
	settings := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return settings, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("notify.email.ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without any
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("notify.email.ca: %s holds no certificate in PEM form", c.CA)
	}
	settings.RootCAs = roots
	return settings, nil
}

// Name is "email".
func (*Email) Name() string { return "email" }

// Reaches says whether the recipient has an address.
func (*Email) Reaches(to notify.Recipient) bool { return to.Email != "" }

// Digests is true: people read mail.
func (*Email) Digests() bool { return true }

// Send hands the message to the server and returns when that has accepted it. Its Receipt is the
// Message-ID. A refusal of the server (5xx) is permanent; 4xx, a lost connection and silence of more than
// 30 s are not. SMTP has no way to ask whether a message has arrived: one that leaves again bears the same
// Message-ID.
func (e *Email) Send(ctx context.Context, d notify.Delivery) (notify.Receipt, error) {
	msg, err := e.compose(d)
	if err != nil {
		return notify.Receipt{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sendTimeout, errSlow)
	defer cancel()
	if err := e.server.deliver(ctx, msg); err != nil {
		return notify.Receipt{}, e.explain(ctx, d.To.Email, err)
	}
	return notify.Receipt{Ref: msg.GetMessageID()}, nil
}

// errSlow is transient, like every lost answer.
var errSlow = fmt.Errorf("no answer in %s: %w", sendTimeout, context.DeadlineExceeded)

// Close ends the connections that wait for more to do.
func (e *Email) Close() error {
	e.server.close()
	return nil
}

// address of a server as host:port.
func address(c config.Email) string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
