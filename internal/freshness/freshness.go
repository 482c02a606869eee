// Package freshness says of every procedure whether it is still to be trusted: when somebody last read it
// through, how long that holds, and when it last ran and was last drilled.
package freshness

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

// State is how a procedure stands.
type State string

// The states, the ones that somebody has to see to first.
const (
	NeverReviewed State = "never reviewed"
	Stale         State = "stale"
	Fresh         State = "fresh"
	NoLimit       State = "no limit" // reviewed, and not said for how long that holds
)

// NeedsReview says whether somebody should read the procedure through.
func (s State) NeedsReview() bool { return s == NeverReviewed || s == Stale }

// Procedure is one procedure and how it stands. Its fields are those of `orderly library --json`.
type Procedure struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Owners []string `json:"owners"`
	State  State    `json:"state"`
	// Reviewed is the day of the last review and Until the first day on which it does not count any more, as
	// YYYY-MM-DD; nil where there is none.
	Reviewed *string `json:"reviewed"`
	Until    *string `json:"until"`
	// LastRun and LastDrill are what the journal knows; nil for none.
	LastRun   *Run `json:"last_run"`
	LastDrill *Run `json:"last_drill"`
}

// Run is the last run of a procedure.
type Run struct {
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	State      string     `json:"state"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
}

// List gives all procedures: those that need a review first, then by the day until which they are fresh, then by
// id. Without a journal (nil) no runs are known.
func List(ctx context.Context, lib *sops.Library, j *journal.Journal, now time.Time) ([]Procedure, error) {
	out := []Procedure{}
	for _, id := range lib.IDs() {
		doc, _ := lib.Get(id)
		p := describe(doc, now)
		if j != nil {
			var err error
			if p.LastRun, err = last(ctx, j, journal.RunFilter{Procedure: id, NoDrills: true}); err != nil {
				return nil, err
			}
			if p.LastDrill, err = last(ctx, j, journal.RunFilter{Procedure: id, Drills: true}); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	order := []State{NeverReviewed, Stale, Fresh, NoLimit}
	slices.SortStableFunc(out, func(a, b Procedure) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)),
			cmp.Compare(a.until(), b.until()),
			cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (p Procedure) until() string {
	if p.Until == nil {
		return ""
	}
	return *p.Until
}

func describe(doc *sops.Procedure, now time.Time) Procedure {
	p := Procedure{ID: doc.ID, Title: doc.Title, Owners: append([]string{}, doc.Owners...), State: NeverReviewed}
	// A day that is still to come, anywhere on earth, is a slip of the pen: nobody has reviewed it then.
	if doc.Reviewed.IsZero() || doc.Reviewed.After(now.AddDate(0, 0, 1)) {
		return p
	}
	reviewed := doc.Reviewed.String()
	p.Reviewed, p.State = &reviewed, NoLimit
	if doc.Freshness <= 0 {
		return p
	}
	end := doc.Reviewed.Add(time.Duration(doc.Freshness))
	until := end.Format(time.DateOnly)
	p.Until, p.State = &until, Fresh
	if !now.Before(end) {
		p.State = Stale
	}
	return p
}

// last is the newest run of a kind.
func last(ctx context.Context, j *journal.Journal, f journal.RunFilter) (*Run, error) {
	f.Limit = 1
	rows, err := j.Runs(ctx, f)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r := rows[0]
	out := &Run{WorkflowID: r.WorkflowID, RunID: r.RunID, State: r.State, Started: r.Started}
	if !r.Ended.IsZero() {
		out.Ended = &r.Ended
	}
	return out, nil
}
