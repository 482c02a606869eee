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

// check finds the problems of a file.
func (a *Activities) check(file, digest string, src []byte) sops.Problems {
	name := file + " " + digest
	a.checked.mu.Lock()
	known := a.checked.good[name]
	a.checked.mu.Unlock()
	if known {
		return nil
	}
	p, problems := sops.Parse(file, src, a.env)
	if len(problems) > 0 || refers(p) {
		return problems
	}
	a.checked.mu.Lock()
	defer a.checked.mu.Unlock()
	if a.checked.good == nil || len(a.checked.good) >= maxChecked {
		a.checked.good = map[string]bool{}
	}
	a.checked.good[name] = true
	return nil
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
