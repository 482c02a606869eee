package workflows

import (
	"encoding/json"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// repeat runs its steps every so often until its condition holds. Rounds begin `every` apart (a round
// that takes longer is followed at once), the last one when `for` is over.
func (r *run) repeat(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	for {
		if rec.Until == nil { // not between two rounds
			met, err := r.repeatRound(ctx, s, rec, f)
			if err != nil {
				return err
			}
			over := s.Repeat.For != 0 && !workflow.Now(ctx).Before(rec.Started.Add(time.Duration(s.Repeat.For)))
			if met || over {
				return r.repeatEnd(s, rec, met)
			}
			next := r.nextRound(ctx, s, rec)
			rec.Until = &next
		}
		if err := r.pause(ctx, *rec.Until, rec.Title); err != nil {
			return err
		}
		rec.keepAnswers()
		rec.Until, rec.Steps = nil, nil
	}
}

// How much of what people answered in earlier rounds a `repeat` keeps: it may go on for years.
const (
	maxEarlier     = 20       // answers
	maxEarlierSize = 64 << 10 // bytes of JSON
)

// keepAnswers keeps what people have answered in a round that is over, whose steps make way for the next one's.
func (rec *Step) keepAnswers() {
	rec.Earlier = append(rec.Earlier, answered(rec.Steps)...)
	rec.Earlier = rec.Earlier[max(0, len(rec.Earlier)-maxEarlier):]
	size := 0
	for i, s := range slices.Backward(rec.Earlier) {
		data, err := json.Marshal(s)
		if size += len(data); err != nil || size > maxEarlierSize {
			rec.Earlier = rec.Earlier[i+1:]
			return
		}
	}
}

// answered are the steps whose form somebody has filled in.
func answered(steps []*Step) (out []*Step) {
	for _, s := range steps {
		if a := s.Ask; a != nil && a.Done != nil && !a.Skipped && len(a.Form) > 0 {
			one := *s
			one.Outputs = nil // they are the form
			out = append(out, &one)
		}
		out = append(out, s.Earlier...)
		out = append(out, answered(s.Steps)...)
		for _, item := range s.Items {
			out = append(out, answered(item.Steps)...)
		}
	}
	return out
}

// repeatRound runs one round, or goes on with one that the record shows as begun.
func (r *run) repeatRound(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) (bool, error) {
	prefix := roundPrefix(rec, rec.Count)
	if rec.Steps == nil {
		rec.Steps = newSteps(s.Repeat.Steps, prefix)
		now := workflow.Now(ctx).UTC()
		rec.Round = &now
	}
	defer f.add(rec.Steps) // steps afterwards see the last round, failed or not
	inner := f.round(prefix, rec.Steps, nil)
	if err := r.sequence(ctx, s.Repeat.Steps, rec.Steps, inner); err != nil {
		return false, err
	}
	rec.Count++
	if s.Repeat.Until.IsZero() {
		return false, nil
	}
	met, err := s.Repeat.Until.Bool(r.scope(ctx, inner))
	if err != nil {
		return false, expressionError("repeat: until", err)
	}
	return met, nil
}

func (r *run) nextRound(ctx workflow.Context, s *sops.Step, rec *Step) time.Time {
	next := rec.Round.Add(time.Duration(s.Repeat.Every))
	if now := workflow.Now(ctx).UTC(); next.Before(now) {
		next = now
	}
	if s.Repeat.For != 0 {
		if last := rec.Started.Add(time.Duration(s.Repeat.For)); next.After(last) {
			next = last
		}
	}
	return next
}

func (r *run) repeatEnd(s *sops.Step, rec *Step, met bool) error {
	out, err := json.Marshal(map[string]any{"count": rec.Count, "met": met})
	if err != nil {
		return err
	}
	rec.Outputs = out
	if met || s.Repeat.Until.IsZero() {
		return nil
	}
	return permanent("Expectation", "after %s (%d rounds) it still does not hold: %s",
		took(time.Duration(s.Repeat.For)), rec.Count, s.Repeat.Until.Source)
}
