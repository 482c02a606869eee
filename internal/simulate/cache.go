package simulate

import (
	"encoding/json"
	"sync"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// Cache remembers procedures that were read and checked, for many simulations of the same files: reading them is
// most of the work of a short one. The zero value is ready; it is safe for concurrent use. Files that change
// meanwhile are not noticed.
type Cache struct {
	once bool // for one simulation: reading ahead does not pay

	mu     sync.Mutex
	engine *workflows.Engine
	pins   map[string]json.RawMessage // what a run pins, by workflow type and targets
	parsed map[string]*sops.Procedure // by id
}

// interpreter is the one that all simulations share: it remembers the procedures that it has read.
func (c *Cache) interpreter(o Options) *workflows.Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.engine == nil {
		c.engine = workflows.New(workflows.Options{Catalogue: o.Catalogue, Version: o.Version})
	}
	return c.engine
}

// pin gives what was pinned before, or what load gives.
func (c *Cache) pin(key string, load func() (json.RawMessage, error)) (json.RawMessage, error) {
	c.mu.Lock()
	known := c.pins[key]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	pin, err := load()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pins == nil {
		c.pins = map[string]json.RawMessage{}
	}
	c.pins[key] = pin
	return pin, nil
}

// procedure gives a procedure that was found good; nil the first time.
func (c *Cache) procedure(id string) *sops.Procedure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parsed[id]
}

func (c *Cache) keep(p *sops.Procedure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil {
		c.parsed = map[string]*sops.Procedure{}
	}
	c.parsed[p.ID] = p
}
