// Package http talks to HTTP services: http.check looks whether one answers as it should, http.request
// makes one request. Addresses, credentials and headers come from the target in orderly.yaml; a step
// names only a path below it, and nothing it says can send the target's secrets to another host.
package http

import (
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

// Actions declares the actions of this package for the HTTP targets of orderly.yaml.
func Actions(targets map[string]config.Endpoint) []action.Definition {
	s := newServices(targets)
	return []action.Definition{
		action.Define("http.check",
			"Looks whether an HTTP service answers as it should, and how fast. A service that can't be reached is a result (`ok` and `reachable` are false), not a failed step, unless `must` is set.",
			s.check, action.Timeout(maxSpread+2*maxTimeout), action.Heartbeat(30*time.Second), action.ClosedBy(s.Close)),
		action.Define("http.request",
			"Makes one HTTP request below a target. An answer outside `expect_status` is a failure: tried again when it is 408, 425, 429 or 5xx (after Retry-After, where the service says so), final otherwise.",
			s.request, action.Timeout(2*time.Minute), action.Heartbeat(30*time.Second), action.Destructive(), action.ClosedBy(s.Close)),
	}
}

// services makes requests through one client a target.
type services struct {
	*action.Clients[config.Endpoint, *endpoint]
}

func newServices(targets map[string]config.Endpoint) *services {
	return &services{action.NewClients("http", targets, newEndpoint, (*endpoint).close)}
}
