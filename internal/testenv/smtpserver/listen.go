package smtpserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificates is a private authority and the server's certificate from it, for 127.0.0.1.
type certificates struct {
	file   string // the authority's, in PEM form
	server *tls.Certificate
}

func newCertificates(t testing.TB) certificates {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	require.NoError(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "mail"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	own, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "mail-ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return certificates{file: file, server: &tls.Certificate{Certificate: [][]byte{own}, PrivateKey: key}}
}

// settings is nil without a certificate.
func (c certificates) settings() *tls.Config {
	if c.server == nil {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{*c.server}, MinVersion: tls.VersionTLS12}
}

// wrap adds implicit TLS.
func (s *Server) wrap(l net.Listener) net.Listener {
	if s.options.TLS == "tls" {
		return tls.NewListener(l, s.certify.settings())
	}
	return l
}

// counting counts connections.
type counting struct {
	net.Listener
	server *Server
}

// Accept waits for a connection and counts it.
func (l counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections++
	s.total++
	s.most = max(s.most, s.connections)
	return &counted{Conn: conn, server: s}, nil
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	server *Server
	once   sync.Once
}

// Close closes the connection.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.connections--
	})
	return c.Conn.Close()
}
