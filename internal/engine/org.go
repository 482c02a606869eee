package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"

	"github.com/orderly-ops/orderly/sops"
)

// orgs is org.yaml as it is now. It is read anew at each use and parsed when its text has changed. While
// the file is broken or away, the last good one counts: a slip of the hand at 02:00 must not stop the
// paging.
type orgs struct {
	sources []sops.Source
	logger  *slog.Logger

	mu     sync.Mutex
	file   string    // that was parsed last
	seen   []byte    // its text
	parsed *sops.Org // what came of it; nil: it is broken
	broken error
	good   *sops.Org // the last good one
	warned string    // what the log was told
}

// Now gives the org. The error is sops.ErrNoOrg, or what is wrong with a file of which there never was a
// good one in this process.
func (o *orgs) Now() (*sops.Org, error) {
	file, src, err := sops.ReadOrg(o.sources)
	o.mu.Lock()
	defer o.mu.Unlock()
	var org *sops.Org
	if err == nil {
		org, err = o.parse(file, src)
	}
	o.tell(err)
	switch {
	case err == nil:
		o.good = org
		return org, nil
	case o.good != nil:
		return o.good, nil
	default:
		return nil, err
	}
}

// parse gives what the text says, from memory if it is the one of the last time.
func (o *orgs) parse(file string, src []byte) (*sops.Org, error) {
	if o.seen != nil && file == o.file && bytes.Equal(src, o.seen) {
		return o.parsed, o.broken
	}
	org, problems := sops.ParseOrg(file, src)
	o.file, o.seen, o.parsed, o.broken = file, append([]byte{}, src...), org, nil
	if len(problems) > 0 {
		o.parsed, o.broken = nil, worst(problems)
	}
	return o.parsed, o.broken
}

// tell says in the log, once each, that the file is broken and that it is good again. That there never
// was one is for those to say who need it.
func (o *orgs) tell(err error) {
	switch {
	case err == nil && o.warned != "":
		o.warned = ""
		o.logger.Info("org.yaml is good again")
	case err == nil || errors.Is(err, sops.ErrNoOrg) && o.good == nil || err.Error() == o.warned:
	case o.good != nil:
		o.warned = err.Error()
		o.logger.Warn("org.yaml can't be used; the last good one counts until it is mended", "error", err)
	default:
		o.warned = err.Error()
		o.logger.Warn("org.yaml can't be used: nobody can be paged until it is mended", "error", err)
	}
}
