package journal

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Delivery is what the journal keeps of a message to one person over one transport.
type Delivery struct {
	ID    string
	State string    // sending, sent, failed
	Ref   string    // the transport's own name for it
	At    time.Time // of this state
}

// delivered is the state that nothing changes any more.
const delivered = "sent"

var deliveryColumns = []string{"id", "state", "ref", "at"}

// SaveDeliveries keeps the states of deliveries in place of older ones, all or none. One that was sent
// stays sent. No id may be given twice.
func (j *Journal) SaveDeliveries(ctx context.Context, all []Delivery) error {
	// In the same order everywhere, so that two workers can't wait for each other's rows.
	all = slices.SortedFunc(slices.Values(all), func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
	rows := make([][]any, len(all))
	for i, d := range all {
		if d.ID == "" || d.State == "" || d.At.IsZero() {
			return j.failed("save deliveries", errors.New("a delivery needs id, state and time"))
		}
		rows[i] = []any{clean(d.ID), d.State, clean(d.Ref), stamp(d.At)}
	}
	into := target{table: "orderly_deliveries", columns: deliveryColumns,
		conflict: "(id) DO UPDATE SET state = excluded.state, ref = excluded.ref, at = excluded.at " +
			"WHERE orderly_deliveries.state <> '" + delivered + "'"}
	if err := j.insert(ctx, into, rows); err != nil {
		return j.failed("save deliveries", err)
	}
	return nil
}

// idsAtOnce keeps the list of ids in a statement short, for the reason of rowsAtOnce.
const idsAtOnce = 100

// Deliveries gives what is known of some deliveries, in no order. Unknown ones are left out.
func (j *Journal) Deliveries(ctx context.Context, ids []string) ([]Delivery, error) {
	var found []Delivery
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		some, err := j.deliveries(ctx, chunk)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

func (j *Journal) deliveries(ctx context.Context, ids []string) ([]Delivery, error) {
	var c conditions
	c.oneOf("id", ids)
	rows, err := j.read.QueryContext(ctx, c.query("SELECT id, state, ref, at FROM orderly_deliveries", ""), c.args...)
	return collect(j, "find deliveries", rows, err, func(s scanner) (Delivery, error) {
		var (
			d  Delivery
			at stamp
		)
		err := s.Scan(&d.ID, &d.State, &d.Ref, &at)
		d.At = time.Time(at)
		return d, err
	})
}

// PruneDeliveries forgets what is older than a time.
func (j *Journal) PruneDeliveries(ctx context.Context, before time.Time) error {
	if _, err := j.write.ExecContext(ctx, "DELETE FROM orderly_deliveries WHERE at < $1", stamp(before)); err != nil {
		return j.failed("prune deliveries", err)
	}
	return nil
}
