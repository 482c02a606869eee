package engine

import (
	"sync"

	"github.com/orderly-ops/orderly/sops"
)

// checked remembers texts that were found good, so that a procedure that starts often is not checked anew
// each time. Only the text decides: what it is checked against stays the same as long as the worker runs,
// but for other procedures, so texts that refer to some are not remembered.
type checked struct {
	mu   sync.Mutex
	good map[string]bool // by file and digest
}

// maxChecked bounds the memory of a worker that sees ever new versions of files.
const maxChecked = 4096

// has says whether a text was found good.
func (c *checked) has(file, digest string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.good[file+" "+digest]
}

// add remembers a good text, unless it refers to others.
func (c *checked) add(p *sops.Procedure) {
	if refers(p) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.good == nil || len(c.good) >= maxChecked {
		c.good = map[string]bool{}
	}
	c.good[p.File+" "+p.Digest] = true
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
