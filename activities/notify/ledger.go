package notify

import (
	"context"
	"time"
)

// Ledger remembers deliveries across processes and crashes: the journal. It may be away or slow: a
// message is sent all the same.
type Ledger interface {
	// Find gives what is known of some deliveries, in no order; unknown ones are left out.
	Find(ctx context.Context, ids []string) ([]Entry, error)
	// Note keeps states in place of older ones. What was sent stays sent.
	Note(ctx context.Context, entries []Entry) error
	// Prune forgets what is older.
	Prune(ctx context.Context, before time.Time) error
}

// Entry is a delivery as the ledger knows it. Sending means that it was begun and may have arrived,
// Failed that it has not.
type Entry struct {
	ID    string
	State State
	Ref   string
	At    time.Time
}

// entries are what the ledger is told of flights that ended the same way. Of an attempt that may have
// arrived all the same it already says Sending, which is right.
func entries(flights []*flight, o Outcome, r retry) []Entry {
	if r.unclear {
		return nil
	}
	all := make([]Entry, len(flights))
	for i, f := range flights {
		all[i] = Entry{ID: f.ID, State: o.State, Ref: o.Ref, At: time.Now().UTC()}
	}
	return all
}
