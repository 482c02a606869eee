package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"
)

const maxLooked = 1 << 20 // bytes of an answer that are read

// sample is one request and what became of it. Without a status there was no answer; without a reason
// it was as expected.
type sample struct {
	status int
	took   time.Duration
	reason string
	text   string
	tls    *TLS
}

// take asks once.
func (p *probe) take(ctx context.Context) sample {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := p.newRequest(ctx, p.method, p.at, nil, nil)
	if err != nil {
		return sample{reason: reasonOther, text: p.hide(err.Error())}
	}
	start := time.Now()
	resp, err := p.do(req, p.follow)
	if err != nil {
		return p.unanswered(err)
	}
	defer resp.Body.Close()
	s := sample{status: resp.StatusCode, tls: certificate(resp.TLS)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxLooked))
	s.took = time.Since(start)
	if err != nil {
		broken := p.unanswered(err)
		broken.text, broken.tls = "the answer broke off: "+broken.text, s.tls
		return broken
	}
	s.reason, s.text = p.verdict(resp.StatusCode, body)
	return s
}

// unanswered is a sample that got no whole answer.
func (p *probe) unanswered(err error) sample {
	s := sample{reason: why(err), text: p.hide(plain(err)), tls: rejected(err)}
	if s.reason == reasonTimeout {
		s.text = fmt.Sprintf("no answer within %s", p.timeout)
	}
	return s
}

// verdict says what is wrong with an answer.
func (p *probe) verdict(status int, body []byte) (reason, text string) {
	wanted := status >= 200 && status < 400
	if len(p.expect) > 0 {
		wanted = slices.Contains(p.expect, status)
	}
	switch {
	case !wanted:
		return reasonStatus, fmt.Sprintf("status %d %s", status, http.StatusText(status))
	case p.contains != "" && !bytes.Contains(body, []byte(p.contains)):
		return reasonBody, fmt.Sprintf("the answer does not contain %q", p.contains)
	case p.matches != nil && !p.matches.Match(body):
		return reasonBody, fmt.Sprintf("the answer does not match %q", p.matches)
	}
	return "", ""
}

// certificate describes the certificate of a connection that was accepted.
func certificate(state *tls.ConnectionState) *TLS {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	return describe(state.PeerCertificates[0], true)
}

// rejected describes the certificate that made a connection fail.
func rejected(err error) *TLS {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return nil
	}
	return describe(verify.UnverifiedCertificates[0], false)
}

func describe(c *x509.Certificate, valid bool) *TLS {
	issuer := c.Issuer.CommonName
	if issuer == "" {
		issuer = c.Issuer.String()
	}
	days := math.Floor(time.Until(c.NotAfter).Hours() / 24)
	return &TLS{DaysLeft: int(days), Expires: c.NotAfter.UTC(), Issuer: issuer, Valid: valid}
}
