// Package faults stands between a program and the server it talks to and does what networks and servers do
// at night: drops connections, stalls, crawls, answers 500.
package faults

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// Proxy passes connections on to a server, as badly as its toxics make it.
type Proxy struct{ proxy *toxiproxy.Proxy }

// Toxic is something bad, in toxiproxy's words: https://github.com/Shopify/toxiproxy#toxics
type Toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`     // reset_peer, limit_data, bandwidth, timeout, latency, …
	Stream     string         `json:"stream"`   // upstream: what the client sends; downstream: what it gets
	Toxicity   float32        `json:"toxicity"` // the share of new connections that has it, 0 to 1
	Attributes map[string]any `json:"attributes"`
}

// Start begins to pass connections on to host:port. It ends with the test.
func Start(t testing.TB, upstream string) *Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := &Proxy{proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)}
	require.NoError(t, p.proxy.Start())
	t.Cleanup(p.proxy.Stop)
	return p
}

// Address is the host:port to connect to.
func (p *Proxy) Address() string { return p.proxy.Listen }

// Add makes connections worse: those that are made from now on, and with a toxicity of 1 also those there are.
func (p *Proxy) Add(t testing.TB, toxic Toxic) {
	t.Helper()
	text, err := json.Marshal(toxic)
	require.NoError(t, err)
	_, err = p.proxy.Toxics.AddToxicJson(bytes.NewReader(text))
	require.NoError(t, err)
}

// Remove ends what Add began.
func (p *Proxy) Remove(t testing.TB, name string) {
	t.Helper()
	require.NoError(t, p.proxy.Toxics.RemoveToxic(t.Context(), name))
}

// Stop breaks every connection and takes no more.
func (p *Proxy) Stop() { p.proxy.Stop() }

// Answer serves what stands behind an endpoint, except that decide may answer a request itself, by a status
// other than 0. It gives the endpoint to use instead.
func Answer(t testing.TB, endpoint string, decide func(*http.Request) int) string {
	t.Helper()
	upstream, err := url.Parse(endpoint)
	require.NoError(t, err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream)
		r.Out.Host = r.In.Host // it is part of what S3 signs
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := decide(r); status != 0 {
			w.WriteHeader(status)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
