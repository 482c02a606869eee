package http

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
)

// password and token are what must never be seen.
const (
	password = "pa55/w?rd&x"
	token    = "t0k3n-of-the-api"
)

// setup makes one target "api", with secrets, for a handler.
func setup(t *testing.T, handler http.Handler) *services {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return target(t, server.URL)
}

func target(t *testing.T, address string) *services {
	t.Helper()
	address = strings.Replace(address, "://", "://orderly:pa55%2Fw%3Frd%26x@", 1)
	s := newServices(map[string]config.Endpoint{"api": {
		URL:     config.NewSecret(address),
		Health:  "/health",
		Headers: map[string]config.Secret{"Authorization-Key": config.NewSecret("Bearer " + token)},
	}})
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// trust makes the target's client accept a test server's certificate.
func trust(t *testing.T, s *services, server *httptest.Server) {
	t.Helper()
	e, err := s.Get("api")
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	e.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
}

// closedAddress is an address where nothing listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}
