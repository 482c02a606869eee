package kpi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/internal/facts"
	"github.com/orderly-ops/orderly/internal/journal"
)

// Options chooses the period and what of it is looked at.
type Options struct {
	// Since and Until are the period [Since, Until). A zero Until means now; a zero Since, 30 days before Until.
	Since, Until time.Time
	By           By
	Procedure    string         // only its incidents; empty means all
	Location     *time.Location // of weeks; nil means UTC
	// Now is when it is asked: what is left of a period that goes on has not been without failures yet. Zero means
	// the present.
	Now time.Time
	// Self is the workflow id of the run that asks: the open run of that id is not looked at.
	Self string
	// Review is what the run that asks was just told. It counts whenever that was.
	Review *Review
}

// Review is what a review notes of a period. Nil means that it was not said.
type Review struct {
	Satisfaction     *float64 // 1 to 5
	Invited, Present *float64 // counted when both are given
}

// DefaultPeriod is how far back figures look when nothing is said.
const DefaultPeriod = 30 * 24 * time.Hour

// Read makes the figures from the journal. Records that tell nothing are named in the Set's LeftOut.
func Read(ctx context.Context, j *journal.Journal, o Options) (*Set, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	first, err := j.FirstStart(ctx)
	if err != nil {
		return nil, err
	}
	// An earlier incident of the same cause may have been resolved before the period.
	accounts, err := j.Accounts(ctx, journal.AccountFilter{From: o.Since.Add(-RecurrenceWindow), To: o.Until})
	if err != nil {
		return nil, err
	}
	return compute(o, first, accounts)
}

// complete fills in the defaults and refuses what can't be meant.
func (o *Options) complete() error {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Until.IsZero() {
		o.Until = o.Now
	}
	if o.Since.IsZero() {
		o.Since = o.Until.Add(-DefaultPeriod)
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	o.Since, o.Until = o.Since.UTC(), o.Until.UTC()
	switch o.By {
	case ByNothing, ByProcedure, ByService, ByPerson, ByWeek:
	default:
		return fmt.Errorf("figures can't be grouped by %q; they can by procedure, service, person or week", o.By)
	}
	if !o.Since.Before(o.Until) {
		return fmt.Errorf("the period ends at %s, before it begins at %s", o.Until.Format(time.RFC3339), o.Since.Format(time.RFC3339))
	}
	if r := o.Review; r != nil {
		return r.check()
	}
	return nil
}

func (r *Review) check() error {
	if (r.Invited == nil) != (r.Present == nil) {
		return errors.New("participation needs both how many were invited and how many were there")
	}
	return r.facts(time.Now()).Check()
}

// facts is the review as a record would tell it.
func (r *Review) facts(at time.Time) facts.Review {
	out := facts.Review{At: at, Satisfaction: r.Satisfaction}
	if r.Invited != nil && r.Present != nil {
		out.Invited, out.Present = *r.Invited, *r.Present
	}
	return out
}

// compute makes the figures of accounts, in whatever order these come. first is when the journal begins.
func compute(o Options, first time.Time, accounts []journal.Account) (*Set, error) {
	set := &Set{
		Since: o.Since, Until: o.Until, Observed: o.Since, TimeZone: o.Location.String(), Procedure: o.Procedure,
		By: o.By, LeftOut: []LeftOut{},
	}
	if first.After(o.Since) && first.Before(o.Until) {
		set.Observed = first.UTC()
	}
	var good []journal.Account
	for _, a := range accounts {
		switch {
		case o.Self != "" && a.Run.WorkflowID == o.Self && a.Run.Ended.IsZero():
		case a.Damaged != nil:
			set.LeftOut = append(set.LeftOut, LeftOut{WorkflowID: a.Run.WorkflowID, RunID: a.Run.RunID, Why: a.Damaged.Error()})
		default:
			good = append(good, a)
		}
	}
	slices.SortFunc(set.LeftOut, func(a, b LeftOut) int {
		return cmp.Or(cmp.Compare(a.WorkflowID, b.WorkflowID), cmp.Compare(a.RunID, b.RunID))
	})
	slices.SortFunc(good, func(a, b journal.Account) int {
		return cmp.Or(a.Run.Started.Compare(b.Run.Started), cmp.Compare(a.Run.RunID, b.Run.RunID))
	})
	seen := observe(o, good)
	whole := seen.within(span{o.Since, o.Until})
	set.Incidents = whole.counts()
	looked := span{set.Observed, seen.known(o)}
	set.Figures = whole.figures(looked)
	set.Groups = groups(o, looked, seen)
	return set, nil
}

// known is until when something is known of the period: its end, if that has come. The clock of another machine may
// be ahead of this one's.
func (s observed) known(o Options) time.Time {
	last := o.Now
	for _, i := range s.incidents {
		for _, at := range []time.Time{i.Opened, i.end()} {
			if at.After(last) {
				last = at
			}
		}
	}
	if last.Before(o.Until) {
		return last
	}
	return o.Until
}
