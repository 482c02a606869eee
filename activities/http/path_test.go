package http

import (
	"strings"
	"testing"

	"github.com/orderly-ops/orderly/internal/config"
)

// FuzzPath: whatever a step gives as path, the request goes to the target's host, below the target's
// path, without other credentials.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"", "/", "/health?x=1#y", "//evil.example", "http://evil.example", "@evil.example", "..", "/%2e%2e/", "/a%2fb", ":80", "/\\evil", "?q", "%zz", "evil.example:80/x"} {
		f.Add(seed)
	}
	e, err := newEndpoint("api", config.Endpoint{URL: config.NewSecret("https://orderly:pa55word@host.example:8443/api/v1/")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		at, err := e.at(path, nil)
		if err != nil {
			return
		}
		req, err := e.newRequest(t.Context(), "GET", at, nil, nil)
		if err != nil {
			return
		}
		user, _, _ := req.BasicAuth()
		switch {
		case req.URL.Scheme != "https", req.URL.Host != "host.example:8443", req.Host != "host.example:8443", user != "orderly":
			t.Errorf("%q goes to %s", path, req.URL)
		case !strings.HasPrefix(req.URL.EscapedPath(), "/api/v1/"), strings.Contains(req.URL.Path+"/", "/../"):
			t.Errorf("%q leads out of the target: %s", path, req.URL)
		}
	})
}
