package http

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

const (
	dialTimeout = 5 * time.Second
	maxTimeout  = time.Minute // of one request
	maxHops     = 5           // redirects followed on the same host
)

// endpoint is one target: where it is, what it must be told, and the client that talks to it.
type endpoint struct {
	base    *url.URL // without userinfo
	user    *url.Userinfo
	health  string
	headers http.Header
	secrets []string
	client  *http.Client
}

// newEndpoint prepares a target. Its errors never show the URL: it may hold a secret.
func newEndpoint(_ string, c config.Endpoint) (*endpoint, error) {
	base, err := url.Parse(c.URL.Reveal())
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the url is not a complete http:// or https:// address")
	}
	e := &endpoint{user: base.User, health: c.Health, headers: http.Header{}, client: &http.Client{Transport: newTransport()}}
	base.User, base.Fragment = nil, ""
	e.base = base
	for name, value := range c.Headers {
		if !validHeader(name, value.Reveal()) {
			return nil, fmt.Errorf("header %q is not valid", name)
		}
		e.headers.Set(name, value.Reveal())
	}
	e.secrets = secretsOf(e)
	return e, nil
}

// newTransport is a transport of its own for each target, so that one hanging service can't use up the
// connections of another.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  maxTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func (e *endpoint) close() error {
	e.client.CloseIdleConnections()
	return nil
}

// secretsOf lists what must never be shown of an endpoint.
func secretsOf(e *endpoint) []string {
	var found []string
	for _, values := range e.headers {
		for _, v := range values {
			found = append(found, v)
			if _, credential, ok := strings.Cut(v, " "); ok { // "Bearer …"
				found = append(found, credential)
			}
		}
	}
	if password, ok := e.user.Password(); ok {
		found = append(found, password, url.QueryEscape(password),
			base64.StdEncoding.EncodeToString([]byte(e.user.Username()+":"+password)))
	}
	for _, values := range e.base.Query() {
		for _, v := range values {
			found = append(found, v, url.QueryEscape(v))
		}
	}
	const shortest = 4 // hiding every "on" or "1" would make answers unreadable
	found = slices.DeleteFunc(found, func(s string) bool { return len(s) < shortest })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) }) // the longest first
	return slices.Compact(found)
}

// hide takes the target's secrets out of text that came from the service, which may echo them.
func (e *endpoint) hide(text string) string {
	for _, s := range e.secrets {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}

// shown is a request's address for people: without userinfo and query, and without the target's own
// path, which for some services is the secret.
func (e *endpoint) shown(at *url.URL) string {
	own := strings.TrimSuffix(e.base.EscapedPath(), "/")
	path := at.EscapedPath()
	if own != "" {
		path = "/…" + strings.TrimPrefix(path, own)
	}
	return at.Scheme + "://" + at.Host + path
}

// at is the address of a path below the target.
func (e *endpoint) at(path string, query map[string]string) (*url.URL, error) {
	below, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	at := *e.base
	if path != "" {
		joined := strings.TrimSuffix(e.base.EscapedPath(), "/") + "/" + strings.TrimPrefix(below.EscapedPath(), "/")
		if at.Path, err = url.PathUnescape(joined); err != nil {
			return nil, action.Permanent(action.ErrInput, "path %q is not a path: %v", path, err)
		}
		at.RawPath = joined
	}
	values := at.Query()
	for name, given := range below.Query() {
		values[name] = given
	}
	for name, value := range query {
		values.Set(name, value)
	}
	at.RawQuery = values.Encode()
	return &at, nil
}

// parsePath refuses whatever could lead to another host or out of the target's own path.
func parsePath(path string) (*url.URL, error) {
	refuse := func(why string) (*url.URL, error) {
		return nil, action.Permanent(action.ErrInput, "path %q %s: want a path below the target, like /health", path, why)
	}
	if strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t\x00") {
		return refuse("would not stay on the target")
	}
	u, err := url.Parse(path)
	switch {
	case err != nil:
		return refuse("is not a path")
	case u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "":
		return refuse("is an address of its own")
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return refuse("leads out of the target")
	}
	return u, nil
}

// newRequest makes a request with what the target must be told. own are the step's headers, which come
// second: a step can't replace the target's.
func (e *endpoint) newRequest(ctx context.Context, method string, at *url.URL, body io.Reader, own map[string]string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return nil, action.Permanent(action.ErrInput, "%s %s: the request can't be made", method, e.shown(at))
	}
	req.Header.Set("User-Agent", "orderly")
	for name, value := range own {
		req.Header.Set(name, value)
	}
	for name, values := range e.headers {
		req.Header[name] = values
	}
	if host := req.Header.Get("Host"); host != "" { // net/http wants it elsewhere
		req.Host = host
		req.Header.Del("Host")
	}
	if e.user != nil {
		password, _ := e.user.Password()
		req.SetBasicAuth(e.user.Username(), password)
	}
	return req, nil
}

// do sends a request. Redirects are followed only on the same scheme and host: the target's headers are
// secrets. Any other redirect is the answer.
func (e *endpoint) do(req *http.Request, follow bool) (*http.Response, error) {
	client := *e.client
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if !follow || len(via) > maxHops || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return client.Do(req)
}

// validHeader says whether a header can be sent as it is.
func validHeader(name, value string) bool {
	const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, allowed) == "" && !strings.ContainsAny(value, "\r\n\x00")
}
