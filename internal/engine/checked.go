package engine

import (
	"sync"

	"github.com/orderly-ops/orderly/sops"
)

// checked remembers texts that were found good, so that a procedure that starts often is not checked anew
// each time. The text and org.yaml decide: what else it is checked against stays the same as long as the
// worker runs, but for other procedures, so texts that refer to some are not remembered.
type checked struct {
	mu   sync.Mutex
	good map[string]traits
}

// traits are what has to be known of a procedure without reading it again.
type traits struct {
	people   bool // it asks or pages somebody, so a run of it pins how
	incident bool // it may be held back by a maintenance window
	owners   bool // it pages its owners when something fails, if there is an org.yaml that says who they are
}

// maxChecked bounds the memory of a worker that sees ever new versions of files.
const maxChecked = 4096

// find gives what is known of a text that was found good, with an org of that digest.
func (c *checked) find(file, digest, org string) (traits, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.good[file+" "+digest+" "+org]
	return t, ok
}

// add remembers a good text, unless it refers to others.
func (c *checked) add(p *sops.Procedure, org string) {
	if refers(p) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.good == nil || len(c.good) >= maxChecked {
		c.good = map[string]traits{}
	}
	c.good[p.File+" "+p.Digest+" "+org] = traitsOf(p)
}

func traitsOf(p *sops.Procedure) traits {
	t := traits{people: p.Incident != nil, incident: p.Incident != nil, owners: p.OnFailure == "hold" || p.Maintenance != nil}
	for s := range p.Steps() {
		t.owners = t.owners || s.Undo != nil || s.OnFailure == "hold"
		t.people = t.people || !s.Ask.IsZero() || !s.Approve.IsZero() || s.Undo != nil && s.Undo.Approve != nil
	}
	return t
}

// refers says whether a procedure runs or starts others.
func refers(p *sops.Procedure) bool {
	for s := range p.Steps() {
		if s.Run != "" || s.Start != "" {
			return true
		}
	}
	return false
}
