package action

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Clients holds one client for each target of a kind. A client is made when it is first asked for and
// then reused, so a target nobody names costs nothing. Safe for concurrent use.
type Clients[Settings, Client any] struct {
	kind     string
	settings map[string]Settings
	open     func(name string, s Settings) (Client, error)
	shut     func(Client) error

	mu     sync.Mutex
	made   map[string]Client
	closed bool
}

// NewClients holds the clients for targets of a kind ("redis") as orderly.yaml describes them. open must
// not wait for the network. shut may be nil.
func NewClients[S, C any](kind string, settings map[string]S, open func(string, S) (C, error), shut func(C) error) *Clients[S, C] {
	return &Clients[S, C]{kind: kind, settings: settings, open: open, shut: shut, made: map[string]C{}}
}

// Get returns the client of a target. A target that orderly.yaml does not have is a permanent error that
// lists those it has.
func (c *Clients[S, C]) Get(name string) (C, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none C
	if client, ok := c.made[name]; ok {
		return client, nil
	}
	if c.closed {
		return none, fmt.Errorf("%s %q: the worker is stopping", c.kind, name)
	}
	settings, ok := c.settings[name]
	if !ok {
		return none, Permanent(ErrNotConfigured, "no %s target %q in orderly.yaml%s", c.kind, name, Suggest(name, c.Names()))
	}
	client, err := c.open(name, settings)
	if err != nil {
		return none, Permanent(ErrNotConfigured, "%s %q: %v: mend targets.%s.%s in orderly.yaml", c.kind, name, err, c.kind, name)
	}
	c.made[name] = client
	return client, nil
}

// Names lists the targets, sorted.
func (c *Clients[S, C]) Names() []string { return slices.Sorted(maps.Keys(c.settings)) }

// Close closes the clients that were made. Afterwards none can be had.
func (c *Clients[S, C]) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.made)) {
		if c.shut != nil {
			errs = append(errs, c.shut(c.made[name]))
		}
	}
	clear(c.made)
	c.closed = true
	return errors.Join(errs...)
}

// Suggest words what a wrong name might have meant: `; did you mean "web"? (known: api, web)`.
func Suggest(wrong string, known []string) string {
	if len(known) == 0 {
		return " (there are none)"
	}
	hint := " (known: " + strings.Join(known, ", ") + ")"
	if best := yamldoc.Suggest(wrong, known); best != "" {
		return fmt.Sprintf("; did you mean %q?%s", best, hint)
	}
	return hint
}
