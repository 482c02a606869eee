package engine

import (
	"context"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/journal"
)

// Ledger keeps the journal's account of deliveries, for a notify.Hub.
func Ledger(j *journal.Journal) notify.Ledger { return ledger{j} }

type ledger struct{ journal *journal.Journal }

// Find gives what is known of some deliveries.
func (l ledger) Find(ctx context.Context, ids []string) ([]notify.Entry, error) {
	rows, err := l.journal.Deliveries(ctx, ids)
	entries := make([]notify.Entry, len(rows))
	for i, r := range rows {
		entries[i] = notify.Entry{ID: r.ID, State: notify.State(r.State), Ref: r.Ref, At: r.At}
	}
	return entries, err
}

// Note keeps states of deliveries.
func (l ledger) Note(ctx context.Context, entries []notify.Entry) error {
	rows := make([]journal.Delivery, len(entries))
	for i, e := range entries {
		rows[i] = journal.Delivery{ID: e.ID, State: string(e.State), Ref: e.Ref, At: e.At}
	}
	return l.journal.SaveDeliveries(ctx, rows)
}

// Prune forgets old deliveries.
func (l ledger) Prune(ctx context.Context, before time.Time) error {
	return l.journal.PruneDeliveries(ctx, before)
}
