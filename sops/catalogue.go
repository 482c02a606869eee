package sops

import (
	"maps"
	"slices"
	"time"
)

// Action is what a procedure can know of one automated thing: its name, its types and its manners.
type Action struct {
	// Name is `system.verb`; the Temporal activity has the same name.
	Name string
	// Doc says what the action does. Its first sentence stands alone.
	Doc           string
	Input, Output *Type
	// Destructive is true for what changes or deletes something. Such an action has a `dry_run`
	// input, which a drill sets.
	Destructive bool
	// Timeout is how long one attempt may take when the step says nothing.
	Timeout time.Duration
	// Heartbeat, when not zero, is how long the action may be silent.
	Heartbeat time.Duration
	// Retry is how failed attempts are made again when the step says nothing.
	Retry Retry
}

// Catalogue is every action there is, by name. It is never changed once made.
type Catalogue struct{ actions map[string]Action }

// NewCatalogue makes a catalogue. A name given twice is a programming error and panics.
func NewCatalogue(actions ...Action) *Catalogue {
	c := &Catalogue{actions: make(map[string]Action, len(actions))}
	for _, a := range actions {
		if _, twice := c.actions[a.Name]; twice {
			panic("action " + a.Name + " is in the catalogue twice")
		}
		c.actions[a.Name] = a
	}
	return c
}

// Action looks an action up by name.
func (c *Catalogue) Action(name string) (Action, bool) {
	a, ok := c.actions[name]
	return a, ok
}

// Names lists every action, sorted.
func (c *Catalogue) Names() []string {
	return slices.Sorted(maps.Keys(c.actions))
}
