package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// alone remembers procedures as they were read without what they say of others. A step that runs another procedure
// needs only its inputs and key, and a watch that goes on for a day asks for the same ones hundreds of times.
type alone struct {
	mu   sync.Mutex
	read map[string]*sops.Procedure // by file, digest and the digest of the org
}

// maxAlone bounds the memory of a worker that sees ever new versions of files.
const maxAlone = 256

// get gives the procedure of a text, or what parse makes of it. Procedures are never changed once they are read, so
// that they may be shared.
func (a *alone) get(file string, src []byte, org *sops.Org, parse func() (*sops.Procedure, sops.Problems)) (*sops.Procedure, error) {
	sum := sha256.Sum256(src)
	key := file + " " + hex.EncodeToString(sum[:]) + " " + digestOf(org)
	a.mu.Lock()
	p := a.read[key]
	a.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, problems := parse()
	if len(problems) > 0 {
		return nil, permanent(workflows.ErrProcedure, worst(problems))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.read == nil || len(a.read) >= maxAlone {
		a.read = map[string]*sops.Procedure{}
	}
	a.read[key] = p
	return p, nil
}
